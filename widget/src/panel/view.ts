/** The dialog: header, log, notice and field, put together. */

import { h } from '../dom'
import { type ComposerActions, createComposer } from './composer'
import { type Component, createHeader } from './header'
import { type LogActions, createLog } from './log'
import { createNotice } from './notice'
import type { State } from './state'
import type { Texts } from './texts'

export interface View extends Component {
  focus(): void
  fill(text: string): void
}

export function createView(texts: Texts, actions: ComposerActions & Omit<LogActions, 'texts'>): View {
  const header = createHeader(texts)
  const log = createLog({ ...actions, texts })
  const notice = createNotice(texts)
  const composer = createComposer(texts, actions)
  const components = [header, log, notice, composer]
  const element = h('section', 'panel', { role: 'dialog', 'aria-labelledby': 'title', hidden: '' },
    ...components.map((component) => component.element),
  )
  return {
    element,
    render(state: State) {
      const opening = state.open && element.hidden
      element.hidden = !state.open
      for (const component of components) component.render(state)
      if (opening) log.toEnd()
    },
    focus: composer.focus,
    fill: composer.fill,
  }
}
