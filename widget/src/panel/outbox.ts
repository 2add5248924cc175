/**
 * The visitor's own messages until the server has them: kept over reloads under ids that make a
 * repetition harmless, and sent one at a time.
 */

import type { Env } from '../carrier'
import type { Store } from '../storage'
import type { Failure } from '../wire'
import type { Event, State, Waiting } from './state'

const KEY = 'out:'
const FIRST_DELAY_MS = 1_000
const LONGEST_DELAY_MS = 8_000

/** Time mends these; any other refusal is shown to the visitor. */
const PASSING = ['unavailable', 'rate_limited', 'bad_token']

export interface Outbox {
  /** Takes over what earlier pages and other tabs have left, oldest first. */
  restore(): void
  say(body: string, more?: Pick<Waiting, 'reply_to' | 'attachment' | 'file'>): void
  retry(id: string): void
  /** Sends what waits, if nothing is under way; called after every change of state. */
  flush(state: State): void
}

/** `crypto.randomUUID` is only there in secure contexts. */
function newId(): string {
  if (crypto.randomUUID) return crypto.randomUUID()
  const bytes = crypto.getRandomValues(new Uint8Array(16))
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('')
}

export function createOutbox(
  env: Env,
  keep: Store,
  call: (method: string, params: object) => Promise<unknown>,
  dispatch: (event: Event) => void,
): Outbox {
  let current: State | undefined
  let sending = false
  let attempts = 0
  let later: number | undefined
  let limited = false
  let lastAt = 0
  /** What this tab keeps; another tab's messages are that tab's to remove. */
  const mine = new Set<string>()

  async function send({ id, body, reply_to, attachment }: Waiting): Promise<void> {
    sending = true
    try {
      const { seq, at } = (await call('say', { id, body, reply_to, attachment })) as { seq: number; at: string }
      attempts = 0
      sending = false
      dispatch({ type: 'acknowledged', id, seq, at })
    } catch (error) {
      sending = false
      const { reason, retryAfter } = error as Failure
      if (!PASSING.includes(reason)) return dispatch({ type: 'failed', id, reason })
      const backoff = Math.min(LONGEST_DELAY_MS, FIRST_DELAY_MS * 2 ** attempts++)
      limited = retryAfter > 0
      later = env.setTimeout(() => {
        later = undefined
        flush(current)
      }, retryAfter * 1000 || backoff)
      if (limited) dispatch({ type: 'refused' })
    }
  }

  function flush(state: State | undefined): void {
    if (!state) return
    const back = state.link === 'live' && current?.link !== 'live'
    current = state
    forget(state)
    if (back && !limited) {
      env.clearTimeout(later)
      later = undefined
    }
    if (sending || later !== undefined || state.link !== 'live') return
    const next = state.waiting.find(({ failed }) => !failed)
    if (next) void send(next)
  }

  function take(message: Waiting): void {
    mine.add(message.id)
    dispatch({ type: 'said', message })
  }

  /** What is neither waiting nor failed any more is in the log. */
  function forget({ waiting }: State): void {
    for (const id of mine) {
      if (waiting.some((message) => message.id === id)) continue
      mine.delete(id)
      keep.set(KEY + id, '')
      noteWaiting()
    }
  }

  /** What the loader of the next page looks at. */
  const noteWaiting = (): void => keep.set('waiting', keep.keys(KEY).length ? 'yes' : '')

  function read(key: string): Waiting[] {
    try {
      return [JSON.parse(keep.get(key))]
    } catch {
      // Not written by us.
      return []
    }
  }

  return {
    restore() {
      const left = keep.keys(KEY).flatMap(read)
      for (const message of left.sort((a, b) => (a.at < b.at ? -1 : 1))) take(message)
    },
    say(body, more) {
      // No two at the same time, so that they keep their order over a reload.
      lastAt = Math.max(lastAt + 1, env.now())
      const message = { id: newId(), body, at: new Date(lastAt).toISOString(), ...more }
      keep.set(KEY + message.id, JSON.stringify(message))
      noteWaiting()
      take(message)
    },
    retry(id) {
      env.clearTimeout(later)
      later = undefined
      dispatch({ type: 'failed', id, reason: '' })
    },
    flush,
  }
}
