/** What messages have beside their text, what a visitor can do with them, and emoji for the field. */

import type { MountPart } from '../panel/parts'
import { COLUMNS, createPopup } from '../rich/popup'
import { Section } from '../sections'
import { rich as english } from '../texts/en.json'
import { type Attachment, type Message, type Reaction, type Sender, isOwn } from '../wire'
import css from './rich.css?inline'

/** Characters of a message that are quoted: more than a line has room for. */
const QUOTED = 99
/** As many as a line of the popup has. */
const REACTIONS = ['👍', '❤️', '🎉', '😮', '😢', '🙏']
const TOLD_MS = 8_000
/** Unicode has these in a row. */
const FIRST_FACE = 0x1f600
const FACES = 34

/** A file has no text to edit, nor has what was removed. */
const editable = (message: Message): unknown =>
  isOwn(message) && message.body && message.body !== message.attachment?.url

export const mount: MountPart = (tools) => {
  const { h, hrefOf, linkTo, base, env, texts: core, words, state, slots, keep, call, say, compose, addStyles } = tools
  const texts = words(Section.Rich, english)
  const { open, close } = createPopup(tools)
  const field = slots.beside.parentElement!.querySelector('textarea')!
  const alert = h('p', 'banner failed', { role: 'alert' }, core.failed)
  /** Ends what is written under a banner, if anything is. */
  let leave: (() => void) | undefined

  addStyles(css)

  const nameOf = (from: Sender): string => (isOwn({ from }) ? core.you : from.name || core.operator)

  /** In one line, of which the style sheet shows as much as there is room for. */
  const quoted = ({ from, retracted, attachment, body }: Message): HTMLElement =>
    h('blockquote', 'name quote', { dir: 'auto' },
      h('bdi', '', {}, nameOf(from)),
      `: ${retracted ? core.retracted : (attachment?.name || body).slice(0, QUOTED)}`,
    )

  function chosen({ emoji, from }: Reaction): HTMLElement {
    const label = `${emoji} ${from.map(nameOf).join(', ')}`
    return h('span', 'reaction', { role: 'img', 'aria-label': label, title: label }, `${emoji} ${from.length}`)
  }

  /** Nothing is fetched from anywhere else before a click; a file on its way is not a link yet. */
  function card({ url, name, size, type = '' }: Attachment): HTMLElement {
    const href = /^https?:/i.test(url) ? hrefOf(url) : ''
    const shown =
      href.startsWith(base) && type.startsWith('image/')
        ? [h('img', '', { src: href, alt: name })]
        : [h('bdi', '', {}, name || href), size ? ` ${Math.ceil(size / 1000)} kB` : '']
    return href ? linkTo('bubble card', href, ...shown) : h('p', 'bubble card', {}, ...shown)
  }

  function button(name: string, shown: string, act: (button: HTMLElement) => void, attributes = {}): HTMLElement {
    const made = h('button', name, attributes, shown)
    made.onclick = () => act(made)
    return made
  }

  /** If it does not work, the visitor is told for a while. */
  function attempt(doing: Promise<unknown>, done?: () => void): void {
    close()
    alert.remove()
    doing.then(done, () => {
      slots.above.append(alert)
      env.setTimeout(() => alert.remove(), TOLD_MS)
    })
  }

  /** The field answers or edits a message, under a banner that says so. */
  function write(message: Message, edits?: boolean): void {
    leave?.()
    close()
    const { seq, body } = message
    const end = (leave = () => {
      leave = undefined
      // The text of an answer that is not given stays; that of an edit gives way to the draft.
      if (!edits) keep.set('draft', field.value)
      compose(undefined, undefined, keep.get('draft'))
    })
    const banner = h('div', 'banner', {},
      h('div', 'who', {}, edits ? texts.edit : texts.reply, quoted(message)),
      button('plain', '×', end, { 'aria-label': texts.cancel }),
    )
    const send = (body: string): void => {
      if (edits) {
        // Until it is known to be stored.
        compose(banner, send, body)
        attempt(call('edit', { seq, body }), () => leave === end && end())
      } else {
        say(body, { reply_to: seq })
        end()
      }
    }
    compose(banner, send, edits ? body : undefined)
  }

  function showOptions(seq: number, from: HTMLElement): void {
    const message = state().messages.find((one) => one.seq === seq)!
    const { reactions = [], body } = message
    /** The visitor's; the server takes all of them at once. */
    const own = reactions.filter(({ from }) => from.some((from) => isOwn({ from }))).map(({ emoji }) => emoji)

    const reaction = (emoji: string): HTMLElement =>
      button('plain', emoji, () => {
        const now = own.includes(emoji) ? own.filter((one) => one !== emoji) : [...own, emoji]
        attempt(call('react', { seq, emoji: now }))
      }, { role: 'menuitemcheckbox', 'aria-checked': own.includes(emoji) })

    const choice = (offered: unknown, text: string, act: (button: HTMLElement) => void): HTMLElement[] =>
      offered ? Array(COLUMNS).fill(button('choice', text, act, { role: 'menuitem' })) : []

    open(from, from, [
      ...REACTIONS.map(reaction),
      ...choice(1, texts.reply, () => write(message)),
      // Only secure pages have a clipboard.
      ...choice(navigator.clipboard && body, texts.copy, () => attempt(navigator.clipboard.writeText(body))),
      ...choice(editable(message), texts.edit, () => write(message, true)),
      ...choice(isOwn(message), texts.remove, (remove) => {
        if (remove.textContent === texts.remove) remove.textContent += '?'
        else {
          attempt(call('retract', { seq }))
          // The button that has the focus will not be there.
          slots.end.parentElement!.focus()
        }
      }),
    ])
  }

  field.onkeydown = (event) => {
    const { key, isComposing } = event
    const { messages, waiting } = state()
    // What waits was said last, and cannot be edited yet.
    const last = waiting.length ? undefined : messages.filter(editable).pop()
    if (key === 'Escape' && leave && !isComposing) {
      // It would close the panel.
      event.stopPropagation()
      leave()
    } else if (key === 'ArrowUp' && !field.value && !leave && last) {
      event.preventDefault()
      write(last, true)
    }
  }

  return {
    dress({ seq, body, quote, retracted, attachment: file, reactions }) {
      const alone = body.trim() === file?.url
      const shown = file && card(file)
      const after = [
        // Not announced with every message. Rows stay if they are as before, so it knows no more than the seq.
        seq && !retracted && button('plain options', '⋮', (from) => showOptions(seq, from), {
          'aria-label': texts.options,
          'aria-haspopup': 'menu',
          'aria-live': 'off',
        }),
        !alone && shown,
        reactions?.length && h('p', 'reactions', {}, ...reactions.map(chosen)),
      ]
      return {
        before: quote && quoted(quote),
        instead: alone ? shown : undefined,
        after: after.filter(Boolean) as Node[],
      }
    },
    render({ open }) {
      if (!open) close()
    },
    show(from) {
      const faces = Array.from({ length: FACES }, (_, index) => String.fromCodePoint(FIRST_FACE + index))
      open(from, field, [...REACTIONS, ...faces].map((emoji) =>
        button('plain', emoji, () => {
          field.setRangeText(emoji, field.selectionStart, field.selectionEnd, 'end')
          field.dispatchEvent(new Event('input'))
        }),
      ))
    },
  }
}
