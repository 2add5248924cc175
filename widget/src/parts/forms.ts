/** What the site asks: who the visitor is, before the talk or beside it, and how it was, after it. */

import type { MountPart } from '../panel/parts'
import { Section } from '../sections'
import { forms as english } from '../texts/en.json'
import { type Field, isOwn } from '../wire'
import css from './forms.css?inline'

const STAR = 'M12 3l2.7 5.7 6.2.8-4.6 4.3 1.2 6.2L12 17l-5.5 3 1.2-6.2L3.1 9.5l6.2-.8z'
const CROSS = 'M7 7l10 10m0-10L7 17'
/** What the server and browsers know; any other field is the site's own. */
const KNOWN = ['name', 'email', 'phone']
const MOST = { maxlength: '1000' }

export const mount: MountPart = ({ h, icon, texts, words, tag, keep, root, slots, state, call, open, addStyles }) => {
  const own = words(Section.Forms, english)
  const { above, beside, end } = slots
  const writing = beside.closest<HTMLElement>('.writing')!
  const field = writing.querySelector('textarea')!
  const scroller = end.parentElement!
  let live = false
  /** What was to be sent while there was no connection. */
  let unsent: HTMLFormElement | undefined
  let form: HTMLFormElement | undefined
  let asked = ''
  let card: HTMLElement | undefined

  /** `send` gives nothing if there is something to mend first. */
  function make(children: Node[], label: string, send: () => Promise<unknown> | void, sent: () => void): HTMLFormElement {
    const said = h('p', 'meta', { role: 'status' })
    const button = h('button', 'send submit', { type: 'submit' }, label)
    const made = h('form', 'form', { novalidate: '' }, ...children, button, said)
    made.onsubmit = async (event) => {
      event.preventDefault()
      unsent = undefined
      said.textContent = ''
      try {
        const sending = send()
        if (!sending) return
        await sending
        // Safari does not give the focus to a button that is clicked.
        const focused = made.contains(root.activeElement) || document.activeElement === document.body
        sent()
        if (focused && state().open) open()
      } catch {
        unsent = made
        said.textContent = live ? texts.failed : texts.held
      }
    }
    return made
  }

  /** Where it is kept which fields this visitor has answered, a line each. */
  const mark = (): string => `asked ${state().visitor}`
  const unanswered = (fields: readonly Field[]): Field[] =>
    fields.filter(({ name }) => !keep.get(mark()).includes(`\n${name}\n`))

  function details(fields: Field[]): HTMLFormElement {
    const rows = fields.map(({ name, label, kind, required, options }, index) => {
      const wrong = h('p', 'meta failed', { id: `wrong${index}` })
      // Without their names, which would hide the form's own properties.
      const about = {
        ...MOST,
        ...(required && { required: '' }),
        'aria-describedby': wrong.id,
        autocomplete: KNOWN.includes(name) ? name.replace('phone', 'tel') : 'on',
      }
      const control =
        kind === 'select'
          ? h(kind, 'field', about, ...['', ...options].map((value) => h('option', '', { value }, value)))
          : kind === 'textarea'
            ? h(kind, 'field', about)
            : h('input', 'field', { ...about, type: kind })
      const star = h('span', '', { 'aria-hidden': 'true' }, required ? ' *' : '')
      return { name, control, wrong, label: h('label', '', { dir: 'auto' }, label, star, control) }
    })
    return make(
      rows.flatMap(({ label, wrong }) => [label, wrong]),
      own.next,
      () => {
        const invalid = rows.filter(({ control, wrong }) => {
          const bad = !control.checkValidity()
          control.setAttribute('aria-invalid', `${bad}`)
          wrong.textContent = control.validationMessage
          return bad
        })
        if (invalid[0]) return invalid[0].control.focus()
        const told = rows.map(({ name, control }) => [name, control.value.trim()] as const).filter(([, value]) => value)
        const those = (known: boolean): object => Object.fromEntries(told.filter(([name]) => KNOWN.includes(name) === known))
        return call('profile', { ...those(true), fields: those(false) })
      },
      () => {
        keep.set(mark(), `${keep.get(mark())}\n${fields.map(({ name }) => name).join('\n')}\n`)
        show([])
      },
    )
  }
  /** `alone`: instead of the field. */
  function show(fields: Field[], alone = false): void {
    const focused = writing.contains(root.activeElement)
    asked = `${fields.map(({ name }) => name)}`
    form?.remove()
    form = fields[0] && details(fields)
    if (form) above.prepend(form)
    writing.hidden = alone
    if (focused && alone) field.focus()
  }

  function rate(): HTMLElement {
    const number = new Intl.NumberFormat(tag)
    const stars = [1, 2, 3, 4, 5].map((score) =>
      h('label', 'plain star', {},
        h('input', '', { type: 'radio', name: 'score', value: `${score}`, 'aria-label': number.format(score) }),
        icon('', STAR),
      ),
    )
    const comment = h('textarea', 'field', MOST)
    const thanks = h('p', '', { role: 'status' })
    const close = h('button', 'plain close', { type: 'button', 'aria-label': own.close }, icon('', CROSS))
    const made = make(
      [h('fieldset', '', {}, h('legend', '', {}, own.ask), ...stars), h('label', '', {}, own.comment, comment)],
      own.rate,
      () => {
        const score = +new FormData(made).get('score')!
        if (score) return call('rate', { score, comment: comment.value.trim() })
      },
      () => {
        keep.set('rate', '')
        made.remove()
        close.remove()
        thanks.textContent = own.thanks
      },
    )
    made.onchange = follow
    close.onclick = () => {
      dismiss()
      open()
    }
    return h('div', 'rating', { class: 'rating notice' }, made, thanks, close)
  }
  function dismiss(): void {
    if (!card) return
    keep.set('rate', '')
    card.remove()
    card = undefined
  }
  function follow(): void {
    if (state().atEnd) scroller.scrollTop = scroller.scrollHeight
  }

  // Whoever goes to the field comes to what stands in its place.
  field.focus = (how) => HTMLElement.prototype.focus.call(writing.hidden ? form!.elements[0] : field, how)
  addStyles(css)
  above.className = 'above'
  return {
    render({ settings, messages, waiting, desk, talk, visitor, link }) {
      const { pre_chat, offline, rating } = settings!.forms
      const first = waiting[0] || messages.some(isOwn) ? [] : unanswered(pre_chat)
      const fields = first[0] ? first : desk?.state === 'offline' ? unanswered(offline) : []
      // Nothing is taken away from under somebody's fingers.
      if (`${fields.map(({ name }) => name)}` !== asked && !form?.contains(root.activeElement)) show(fields, !!first[0])

      if (talk.state !== 'quiet' || waiting[0]) dismiss()
      else if (!card && rating && keep.get('rate') === visitor) {
        end.append((card = rate()))
        follow()
      }
      // Once: where the browser keeps nothing, that is a change of state.
      if (talk.state === 'taken' && keep.get('rate') !== visitor) keep.set('rate', visitor)

      const before = live
      live = link === 'live'
      if (live && !before) unsent?.requestSubmit()
    },
  }
}
