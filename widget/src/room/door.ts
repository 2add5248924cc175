/** What stands before a room: the question for a name. */

import type { Tools } from '../panel/parts'

export interface Door {
  readonly element: HTMLElement
  /** Suggests a name, if there is none yet. */
  suggest(name: string): void
  say(text: string): void
  focus(): void
}

export function createDoor(
  { h }: Tools,
  texts: { name: string; join: string },
  room: string,
  join: (name: string) => void,
): Door {
  const id = `${room}-wrong`
  const field = h('input', 'field entry', { maxlength: '40', autocomplete: 'nickname', 'aria-describedby': id })
  const wrong = h('p', 'meta failed', { id, role: 'alert' })
  const element = h('form', 'door', {},
    h('label', '', {}, texts.name, field),
    wrong,
    h('button', 'send enter', { type: 'submit' }, texts.join),
  )
  const focus = (): void => field.focus({ preventScroll: true })
  element.onsubmit = (event) => {
    event.preventDefault()
    const name = field.value.trim()
    if (name) join(name)
    else focus()
  }
  return {
    element,
    focus,
    suggest: (name) => (field.value ||= name),
    say(text) {
      wrong.textContent = text
      field.setAttribute('aria-invalid', `${!!text}`)
    },
  }
}
