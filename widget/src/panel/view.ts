/** A talk: log, notice and field, put together; and the dialog, with the header and the talk with the desk. */

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

export interface TalkView extends Component {
  readonly slots: Omit<Slots, 'panel'>
  toEnd(): void
  focus(): void
  fill(text: string): void
  compose(banner?: Node, send?: (body: string) => void, text?: string): void
}

export interface View extends TalkView {
  readonly slots: Slots
}

export interface TalkActions extends ComposerActions, LogActions {}

export interface ViewActions extends TalkActions {
  readonly menu: (button: HTMLElement) => void
}

export function createTalk(actions: TalkActions): TalkView {
  const { texts, fill, times } = actions
  const log = createLog(actions)
  const notice = createNotice(texts, fill, times)
  const composer = createComposer(texts, actions)
  const above = h('div')
  return {
    ...composer,
    element: h('div', 'talk', {}, log.element, notice.element, above, composer.element),
    slots: { end: log.end, above, beside: composer.beside },
    toEnd: log.toEnd,
    render(state: State) {
      for (const component of [log, notice, composer]) component.render(state)
    },
  }
}

export function createView(actions: ViewActions): View {
  const header = createHeader(actions.texts, actions.menu)
  const talk = createTalk(actions)
  const element = h('section', 'panel', { role: 'dialog', 'aria-labelledby': 'title', hidden: '' },
    header.element,
    talk.element,
  )
  return {
    ...talk,
    element,
    slots: { panel: element, ...talk.slots },
    render(state: State) {
      const opening = state.open && element.hidden
      element.hidden = !state.open
      header.render(state)
      talk.render(state)
      if (opening) talk.toEnd()
    },
  }
}
