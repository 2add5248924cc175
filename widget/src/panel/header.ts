import { h } from '../dom'
import type { State } from './state'
import type { Texts } from './texts'

export interface Component {
  readonly element: HTMLElement
  render(state: State): void
}

/** Whom one talks to, and whether anybody is there. */
export function createHeader(texts: Texts): Component {
  const title = h('h2', 'title', { id: 'title', dir: 'auto' })
  const desk = h('p', 'state', { role: 'status' })
  const avatar = h('div', 'avatar', { 'aria-hidden': 'true' })
  const element = h('div', 'header', {}, avatar, h('div', 'who', {}, title, desk))
  return {
    element,
    render(state) {
      const name = state.title || texts.operator
      const shown = state.desk ? texts[state.desk.state] : texts.connecting
      element.dataset.desk = state.desk?.state ?? ''
      element.dataset.link = state.link
      if (title.textContent !== name) {
        title.textContent = name
        avatar.textContent = Array.from(name.trim())[0]?.toLocaleUpperCase() ?? ''
      }
      if (desk.textContent !== shown) desk.textContent = shown
    },
  }
}
