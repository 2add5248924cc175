/** The function `parley(…)` that pages call, and the events they hear. */

export type Command = (...args: readonly unknown[]) => void
type Call = ArrayLike<unknown>

interface ParleyFunction {
  (...args: unknown[]): void
  /** Calls made before the script had loaded. */
  q?: Call[]
  loaded?: boolean
}

declare global {
  interface Window {
    parley?: ParleyFunction
  }
}

export type EventName = 'ready' | 'open' | 'close' | 'message' | 'desk' | 'unread'
export type Emit = (name: EventName, data?: unknown) => void

/** What holds once it is so: a listener that comes later is told at once. */
const STANDING: readonly EventName[] = ['ready', 'desk', 'unread']

export interface Api {
  readonly emit: Emit
  /** From here on calls are carried out, those that waited first. */
  serve(commands: Readonly<Record<string, Command>>): void
}

/** Takes the page's queue function over; nothing where another copy of the script already has. */
export function createApi(window: Window, consent: () => void): Api | undefined {
  const before = window.parley
  if (before?.loaded) return undefined

  const listeners: [name: unknown, listener: (data: unknown) => void][] = []
  const standing = new Map<unknown, unknown>()
  const waiting: Call[] = []
  let table: Map<unknown, Command> | undefined

  // In a task of its own, so that a page's error is the page's.
  const tell = (listener: (data: unknown) => void, data: unknown) => setTimeout(listener, 0, data)

  const run = (call: Call): void => {
    const [name, ...args] = Array.from(call)
    if (name === 'on') {
      const [event, listener] = args as [unknown, (data: unknown) => void]
      listeners.push([event, listener])
      if (standing.has(event)) tell(listener, standing.get(event))
    } else if (name === 'consent') consent()
    else if (!table) waiting.push(call)
    else {
      const command = table.get(name)
      if (command) command(...args)
      else console.warn(`Parley: there is no parley("${name}")`)
    }
  }

  const parley: ParleyFunction = (...args) => run(args)
  parley.loaded = true
  window.parley = parley
  // Not before the caller holds what is returned here: a queued call may be the consent.
  queueMicrotask(() => before?.q?.forEach(run))

  return {
    emit(name, data) {
      if (STANDING.includes(name)) standing.set(name, data)
      for (const [event, listener] of listeners) if (event === name) tell(listener, data)
    },
    serve(commands) {
      table = new Map(Object.entries(commands))
      for (const call of waiting.splice(0)) run(call)
    },
  }
}
