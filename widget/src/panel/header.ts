import { DOTS, h, icon } from '../dom'
import type { State } from './state'
import type { Texts } from './texts'

export interface Component {
  readonly element: HTMLElement
  render(state: State): void
}

/** Whom one talks to, and whether anybody is there. */
export function createHeader(texts: Texts, more: (button: HTMLElement) => void): Component {
  // Whatever its direction, it stands beside the picture.
  const title = h('bdi')
  const desk = h('p', 'state', { role: 'status' })
  const avatar = h('div', 'avatar', { 'aria-hidden': 'true' })
  const menu = h('button', 'plain', { type: 'button', 'aria-label': texts.more, 'aria-haspopup': 'menu' }, icon('more', DOTS))
  const element = h('div', 'header', {}, avatar, h('div', 'who', {}, h('h2', 'title', { id: 'title' }, title), desk), menu)
  menu.onclick = () => more(menu)
  return {
    element,
    render({ title: site, talk, desk: state, link }) {
      const name = talk.name || site || texts.operator
      const standing = state ? texts[state.state] : texts.connecting
      const shown = talk.name && site ? `${site} · ${standing}` : standing
      element.dataset.desk = state?.state ?? ''
      element.dataset.link = link
      if (title.textContent !== name) {
        title.textContent = name
        avatar.textContent = Array.from(name.trim())[0]?.toLocaleUpperCase() ?? ''
      }
      if (desk.textContent !== shown) desk.textContent = shown
    },
  }
}
