/** What a log has before its first message here. */

import type { Message } from '../wire'
import type { Event, State } from './state'

const PAGE = 50

/** Gives the function that fetches the next of it, one page at a time. */
export function createHistory(
  call: (method: string, params: object) => Promise<unknown>,
  state: () => State,
  dispatch: (event: Event) => void,
): () => Promise<void> {
  let fetching = false
  return async () => {
    if (fetching) return
    fetching = true
    try {
      const result = await call('history', { before: state().messages[0]?.seq, limit: PAGE })
      dispatch({ type: 'history', ...(result as { messages: Message[]; more: boolean }) })
    } catch {
      // The button is still there.
    }
    fetching = false
  }
}
