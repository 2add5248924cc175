/** The function `parley(…)` that pages call, and the events they hear. */

type Call = Iterable<any>
type Hear = (data: unknown) => void

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
/** What is not `passing` holds from then on: a listener that comes later is told at once. */
export type Emit = (name: EventName, data?: unknown, passing?: boolean) => void
export type Carry = (name: string, detail?: any) => void

export interface Api {
  readonly emit: Emit
  /** From here on calls are carried out, those that waited first. */
  serve(carry: Carry): void
}

/** Takes the page's queue function over; nothing where another copy of the script already has. */
export function createApi(consent: () => void): Api | undefined {
  const before = window.parley
  if (before?.loaded) return undefined

  const listeners: [event: string, hear: Hear][] = []
  const standing: Record<string, unknown> = {}
  const waiting: Call[] = []
  let carry: Carry | undefined

  const run = ([name, first, second]: Call): void => {
    if (name === 'on') {
      listeners.push([first, second])
      if (first in standing) setTimeout(second, 0, standing[first])
    } else if (name === 'consent') consent()
    else if (carry) carry(name, first)
    else waiting.push([name, first])
  }

  const parley: ParleyFunction = (...call) => run(call)
  parley.loaded = true
  window.parley = parley
  // Not before the caller holds what is returned here: a queued call may be the consent.
  queueMicrotask(() => before?.q?.forEach(run))

  return {
    emit(name, data, passing) {
      if (!passing) standing[name] = data
      // In a task of its own, so that a page's error is the page's.
      for (const [event, hear] of listeners) if (event === name) setTimeout(hear, 0, data)
    },
    serve(how) {
      carry = how
      waiting.forEach(run)
    },
  }
}
