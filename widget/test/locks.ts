interface Request {
  readonly tab: FakeLocks
  readonly steal: boolean
  readonly use: () => unknown
  readonly resolve: (result: unknown) => void
  readonly reject: (error: Error) => void
}

/** One browser's locks of an origin, for all its tabs. */
class Shared {
  readonly held = new Map<string, Request>()
  readonly queues = new Map<string, Request[]>()
  private tasks = Promise.resolve()

  /** Whether a tab hears that its lock was stolen only after the thief has it, if that is itself. */
  constructor(readonly lateNews: boolean) {}

  queue(name: string): Request[] {
    if (!this.queues.has(name)) this.queues.set(name, [])
    return this.queues.get(name)!
  }

  /** In the tab's script; what the task's promises bring about there comes before the next task. */
  task(tab: FakeLocks, run: () => void): void {
    this.tasks = this.tasks.then(() => {
      if (!tab.open) return
      tab.run()
      run()
    })
    for (let turn = 0; turn < 5; turn++) this.tasks = this.tasks.then(() => {})
  }

  process(name: string): void {
    const request = this.queue(name)[0]
    if (!request || this.held.has(name)) return
    this.queue(name).shift()
    this.held.set(name, request)
    this.task(request.tab, () => {
      let waiting: unknown
      try {
        waiting = request.use()
      } catch (error) {
        waiting = Promise.reject(error)
      }
      const release = (): void => {
        if (this.held.get(name) !== request) return
        this.held.delete(name)
        this.process(name)
      }
      Promise.resolve(waiting).then(
        (result) => {
          release()
          request.resolve(result)
        },
        (error) => {
          release()
          request.reject(error)
        },
      )
    })
  }
}

/**
 * `navigator.locks` as one tab has it, after the Web Locks specification as far as exclusive locks
 * go: who steals is granted the lock before all that wait, and the request that it was taken from is
 * rejected with an `AbortError`; else requests are granted in their order, each once the promise of
 * the one before has settled; a closed tab's requests are forgotten, and what it held is free.
 *
 * In the specification the one robbed hears of it before the thief; Chromium does it the other way
 * round where a tab robs itself (`lateNews`).
 */
export class FakeLocks {
  /** The one whose script is running. */
  static current: FakeLocks | undefined
  open = true
  /** How often this tab has asked. */
  asked = 0
  private readonly shared: Shared

  constructor(lateNews = false, shared = new Shared(lateNews)) {
    this.shared = shared
  }

  /** The tab's script runs from here on. */
  run(): void {
    FakeLocks.current = this
    Object.defineProperty(navigator, 'locks', { configurable: true, get: () => FakeLocks.current })
  }

  /** Another tab of the same browser. */
  tab(): FakeLocks {
    return new FakeLocks(this.shared.lateNews, this.shared)
  }

  readonly request = (name: string, { steal = false }: LockOptions, use: () => unknown): Promise<unknown> => {
    this.asked++
    return new Promise((resolve, reject) => {
      const { shared } = this
      const request: Request = { tab: this, steal, use, resolve, reject }
      const robbed = steal && shared.held.get(name)
      const tell = (): void => {
        if (robbed) shared.task(robbed.tab, () => robbed.reject(new DOMException('stolen', 'AbortError')))
      }
      const late = robbed && robbed.tab === this && shared.lateNews
      if (robbed) shared.held.delete(name)
      if (!late) tell()
      if (steal) shared.queue(name).unshift(request)
      else shared.queue(name).push(request)
      shared.process(name)
      if (late) tell()
    })
  }

  /** The tab goes without a word. */
  close(): void {
    this.open = false
    const { shared } = this
    for (const [name, queue] of shared.queues) {
      queue.splice(0, queue.length, ...queue.filter(({ tab }) => tab !== this))
      if (shared.held.get(name)?.tab === this) shared.held.delete(name)
      shared.process(name)
    }
  }
}
