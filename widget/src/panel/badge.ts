/** What the panel adds to the button: how much is unread, and a cross while the panel is open. */

import { h, icon } from '../dom'
import { type State, unread } from './state'
import type { Fill, Texts } from './texts'

const CROSS = 'M6.5 6.5l11 11m0-11l-11 11'

/** The button's name stays as it is; what is unread is its description. */
export function createBadge(texts: Texts, fill: Fill, button: HTMLButtonElement): (state: State) => void {
  const badge = h('span', 'badge', { 'aria-hidden': 'true' })
  const said = h('span', 'unseen', { id: 'unread' })
  button.append(icon('cross', CROSS), badge)
  button.after(said)
  button.setAttribute('aria-describedby', said.id)
  return (state) => {
    const count = unread(state)
    button.setAttribute('aria-expanded', String(state.open))
    badge.hidden = state.open || !count
    badge.textContent = count > 99 ? '99+' : String(count)
    said.textContent = count ? fill(texts.unread, count) : ''
  }
}
