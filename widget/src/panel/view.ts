/** The dialog: header, log, notice and field, put together. */

import { h } from '../dom'
import { type ComposerActions, createComposer } from './composer'
import { type Component, createHeader } from './header'
import { type LogActions, createLog } from './log'
import { createNotice } from './notice'
import type { State } from './state'

/** Where parts put what they show. */
export interface Slots {
  /** Over all, as menus are. */
  readonly panel: HTMLElement
  /** The end of the log. */
  readonly end: HTMLElement
  /** Before the field: what it sends, and how that is getting on. */
  readonly above: HTMLElement
  /** Beside the field. */
  readonly beside: HTMLElement
}

export interface View extends Component {
  readonly slots: Slots
  focus(): void
  fill(text: string): void
  compose(banner?: Node, send?: (body: string) => void, text?: string): void
}

export interface ViewActions extends ComposerActions, LogActions {
  readonly menu: (button: HTMLElement) => void
}

export function createView(actions: ViewActions): View {
  const { texts, fill, times } = actions
  const header = createHeader(texts, actions.menu)
  const log = createLog(actions)
  const notice = createNotice(texts, fill, times)
  const composer = createComposer(texts, actions)
  const above = h('div')
  const element = h('section', 'panel', { role: 'dialog', 'aria-labelledby': 'title', hidden: '' },
    header.element,
    log.element,
    notice.element,
    above,
    composer.element,
  )
  return {
    element,
    slots: { panel: element, end: log.end, above, beside: composer.beside },
    render(state: State) {
      const opening = state.open && element.hidden
      element.hidden = !state.open
      for (const component of [header, log, notice, composer]) component.render(state)
      if (opening) log.toEnd()
    },
    focus: composer.focus,
    fill: composer.fill,
    compose: composer.compose,
  }
}
