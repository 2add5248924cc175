/** The field to write in. */

import { h, icon } from '../dom'
import type { Component } from './header'
import type { State } from './state'
import { type Texts, fill } from './texts'

const ARROW = 'M12 19V5m-6.5 6.5L12 5l6.5 6.5'
const MOST_ROWS = 5
/** The line height; the field's padding above and below makes one more. */
const LINE_PX = 22
/** How many characters before the limit the count appears. */
const WARN = 200

export interface ComposerActions {
  readonly send: (body: string) => void
  readonly changed: (text: string) => void
}

export interface Composer extends Component {
  focus(): void
  fill(text: string): void
}

/** In code points, as the server counts. */
const lengthOf = (text: string): number => Array.from(text).length

export function createComposer(texts: Texts, actions: ComposerActions): Composer {
  const field = h('textarea', 'field', {
    rows: '1',
    'aria-label': texts.message,
    'aria-describedby': 'count',
    placeholder: texts.placeholder,
    enterkeyhint: 'send',
    dir: 'auto',
  })
  const send = h('button', 'send', { type: 'submit', 'aria-label': texts.send }, icon('up', ARROW))
  const count = h('p', 'count', { id: 'count', role: 'status' })
  const form = h('form', 'composer', {}, field, send)
  const element = h('div', 'writing', {}, count, form)
  let limit = 0

  function measure(): void {
    const body = field.value.trim()
    const left = limit ? limit - lengthOf(body) : WARN
    count.textContent =
      left < 0 ? fill(texts.over, { count: -left }) : left < WARN ? fill(texts.left, { count: left }) : ''
    count.hidden = !count.textContent
    count.classList.toggle('over', left < 0)
    field.setAttribute('aria-invalid', String(left < 0))
    send.setAttribute('aria-disabled', String(!body || left < 0))
    // The number of rows, since a height would be an inline style.
    field.rows = 1
    // Not laid out yet, it has no height: that is one row too.
    field.rows = Math.max(1, Math.min(MOST_ROWS, Math.round(field.scrollHeight / LINE_PX) - 1))
  }

  function submit(): void {
    const body = field.value.trim()
    if (!body || send.getAttribute('aria-disabled') === 'true') return
    field.value = ''
    measure()
    actions.send(body)
    field.focus()
  }

  field.addEventListener('input', () => {
    measure()
    actions.changed(field.value)
  })
  field.addEventListener('keydown', (event) => {
    // The Enter that ends a composition is the input method's; Safari marks it only by the code 229.
    if (event.key !== 'Enter' || event.shiftKey || event.isComposing || event.keyCode === 229) return
    event.preventDefault()
    submit()
  })
  form.addEventListener('submit', (event) => {
    event.preventDefault()
    submit()
  })

  return {
    element,
    render(state: State) {
      if (state.limit === limit) return
      limit = state.limit
      measure()
    },
    focus() {
      measure()
      field.focus({ preventScroll: true })
    },
    fill(text) {
      field.value = text
      measure()
    },
  }
}
