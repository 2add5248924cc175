/** The field to write in. */

import { h, icon } from '../dom'
import type { Component } from './header'
import type { State } from './state'
import type { Texts } from './texts'

const ARROW = 'M12 19V5m-6.5 6.5L12 5l6.5 6.5'
const SMILE = 'M12 3a9 9 0 1 1 0 18a9 9 0 1 1 0-18M8 14q4 4 8 0M9 9v.01M15 9v.01'
const MOST_ROWS = 5
/** The line height; the field's padding above and below makes one more. */
const LINE_PX = 22
/** How many characters before the limit the count appears. */
const WARN = 200

export interface ComposerActions {
  readonly send: (body: string) => void
  readonly changed: (text: string) => void
  readonly emoji: (button: HTMLElement) => void
}

export interface Composer extends Component {
  /** The place for further buttons. */
  readonly beside: HTMLElement
  focus(): void
  fill(text: string): void
  /** See `Tools.compose`. */
  compose(banner?: Node, send?: (body: string) => void, text?: string): void
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
  const emoji = h('button', 'plain emoji', { type: 'button', 'aria-label': texts.emoji, 'aria-haspopup': 'dialog' }, icon('smile', SMILE))
  emoji.onclick = () => actions.emoji(emoji)
  const beside = h('span', 'beside', {}, emoji)
  const form = h('form', 'composer', {}, beside, field, send)
  const banner = h('div')
  const element = h('div', 'writing', {}, count, banner, form)
  let limit = 0
  let open = false
  let instead: ((body: string) => void) | undefined

  function measure(): void {
    const body = field.value.trim()
    const left = limit ? limit - lengthOf(body) : WARN
    count.textContent = left < WARN ? `${limit - left} / ${limit}` : ''
    count.hidden = !count.textContent
    count.classList.toggle('over', left < 0)
    field.setAttribute('aria-invalid', String(left < 0))
    send.setAttribute('aria-disabled', String(!body || left < 0))
    // To ask for its height lays the panel out, which is not to happen before it is open.
    if (!open) return
    // The number of rows, since a height would be an inline style.
    field.rows = 1
    field.rows = Math.max(1, Math.min(MOST_ROWS, Math.round(field.scrollHeight / LINE_PX) - 1))
  }

  function submit(): void {
    const body = field.value.trim()
    if (!body || send.getAttribute('aria-disabled') === 'true') return
    field.value = ''
    measure()
    if (instead) instead(body)
    else {
      actions.send(body)
      actions.changed('')
    }
    field.focus()
  }

  field.addEventListener('input', () => {
    measure()
    if (!instead) actions.changed(field.value)
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

  function fillIn(text: string): void {
    if (field.value === text) return
    field.value = text
    measure()
  }

  return {
    element,
    beside,
    render(state: State) {
      if (state.limit === limit && state.open === open) return
      limit = state.limit
      open = state.open
      measure()
    },
    focus: () => field.focus({ preventScroll: true }),
    fill: fillIn,
    compose(above, send, text) {
      banner.replaceChildren(...(above ? [above] : []))
      instead = send
      if (text !== undefined) fillIn(text)
      field.focus()
    },
  }
}
