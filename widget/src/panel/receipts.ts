/** Tells the server how far the operators' messages have come: to the browser, and before a person. */

import type { Env } from '../carrier'
import { type Mark, readMark, writeMark } from '../marks'
import type { Keep } from '../storage'
import { type State, lastFromDesk } from './state'

const GATHER_MS = 50

/** The function is called after every change of state, and sends only what the server has not heard. */
export function createReceipts(
  env: Env,
  keep: Keep,
  call: (method: string, params: object) => Promise<unknown>,
): (state: State) => void {
  let current: State
  let busy = false

  const due = (): { seq: number; state: 'delivered' | 'read' } | undefined => {
    const { visitor, read } = current
    const told = (mark: Mark): number => readMark(keep, mark, visitor)
    if (current.link !== 'live') return undefined
    if (read > told('told-read')) return { seq: read, state: 'read' }
    const last = lastFromDesk(current)
    return last > Math.max(told('told-delivered'), told('told-read')) ? { seq: last, state: 'delivered' } : undefined
  }

  const update = (state: State): void => {
    current = state
    if (busy || !due()) return
    busy = true
    env.setTimeout(async () => {
      const telling = due()
      const { visitor } = current
      try {
        if (telling) {
          await call('seen', telling)
          writeMark(keep, `told-${telling.state}`, visitor, telling.seq)
        }
        busy = false
        update(current)
      } catch {
        // The next change of state brings it up again; a lost connection's return is one.
        busy = false
      }
    }, GATHER_MS)
  }
  return update
}
