import axe from 'axe-core'
import { beforeEach, describe, expect, it, vi } from 'vitest'
import { h, icon } from '../src/dom'
import { hrefOf, linkTo } from '../src/panel/links'
import type { Part, Tools } from '../src/panel/parts'
import { type State, initial } from '../src/panel/state'
import { createLanguage, english } from '../src/panel/texts'
import { createTimes } from '../src/panel/times'
import { type View, createView } from '../src/panel/view'
import { mount } from '../src/parts/rich'
import { type Message, unavailable } from '../src/wire'
import { AT, FakeClock, fromDesk, own, settle } from './fakes'

const BASE = 'https://chat.example/'
const ada = { kind: 'operator', id: 'o-1', name: 'Ada' } as const
const me = { kind: 'visitor', id: 'v-1', name: 'Visitor', self: true } as const
const system = { kind: 'system', id: '', name: '' } as const
const pdf = { url: 'https://files.example/a%20b.pdf?x=1', name: 'a b.pdf', type: 'application/pdf', size: 12_345 }
const picture = { url: `${BASE}files/cat.png`, name: 'cat.png', type: 'image/png', size: 200_000 }

const withFile = (seq: number, body: string): Message => ({ ...own(seq, `f${seq}`, body), attachment: picture })

const clock = new FakeClock()
const call = vi.fn()
const say = vi.fn()
const send = vi.fn()
const writeText = vi.fn()
/** What keys the panel itself gets to hear. */
const heard = vi.fn()
let root: ShadowRoot
let state: State
let view: View
let rich: Part
let draft: string

function show(more: Partial<State>): void {
  state = { ...state, ...more }
  view.render(state)
  rich?.render?.(state)
}

/** The panel with these messages, and the part. */
function start(messages: readonly Message[], more: Partial<State> = {}): void {
  const language = createLanguage('en')
  const set = (text: string): void => void (draft = text)
  view = createView({
    texts: english,
    fill: language.fill,
    times: createTimes('en', () => Date.parse(AT)),
    retry: vi.fn(),
    earlier: vi.fn(),
    atEnd: vi.fn(),
    interest: vi.fn(),
    menu: vi.fn(),
    send,
    changed: set,
    emoji: (button) => rich.show!(button),
    dress: (row) => rich.dress!(row),
  })
  root.append(view.element)
  view.element.addEventListener('keydown', heard)
  const tools = {
    ...language,
    texts: english,
    h,
    icon,
    hrefOf,
    linkTo,
    env: clock,
    base: BASE,
    root,
    keep: { get: () => draft, set: (_key: string, text: string) => set(text) },
    slots: view.slots,
    state: () => state,
    call,
    say,
    compose: view.compose,
    addStyles: vi.fn(),
  }
  rich = mount(tools as unknown as Tools)
  show({ messages, dressed: true, ...more })
}

const all = (selector: string): HTMLElement[] => [...root.querySelectorAll<HTMLElement>(selector)]
const one = (selector: string): HTMLElement => {
  const found = root.querySelector<HTMLElement>(selector)
  if (!found) throw new Error(`there is no ${selector}`)
  return found
}
const texts = (selector: string): (string | null)[] => all(selector).map(({ textContent }) => textContent)
const field = (): HTMLTextAreaElement => one('.field') as HTMLTextAreaElement
const focused = (): string | null | undefined => root.activeElement?.textContent

function type(text: string): void {
  field().value = text
  field().dispatchEvent(new Event('input'))
}
function press(key: string): boolean {
  const event = new KeyboardEvent('keydown', { key, bubbles: true, cancelable: true, composed: true })
  return root.activeElement!.dispatchEvent(event)
}
/** Opens the menu of the message of that number, from 0, by the keyboard. */
function openMenu(index = 0): void {
  all('.options')[index]!.focus()
  ;(root.activeElement as HTMLElement).click()
}
const item = (text: string): HTMLElement => {
  const found = all('[role^=menuitem]').find(({ textContent }) => textContent === text)
  if (!found) throw new Error(`${text} is not among ${texts('[role^=menuitem]')}`)
  return found
}
const items = (): (string | null)[] => texts('[role=menuitem]')
const offline = (): Promise<never> => Promise.reject(unavailable())

async function faults(): Promise<string[]> {
  // Colours are looked at in a browser; jsdom has none.
  const { violations } = await axe.run(document.body, {
    rules: { 'color-contrast': { enabled: false }, region: { enabled: false } },
  })
  return violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(' ')}`)
}

beforeEach(() => {
  vi.resetAllMocks()
  call.mockResolvedValue({})
  writeText.mockResolvedValue(undefined)
  Object.defineProperty(navigator, 'clipboard', { value: { writeText }, configurable: true })
  const host = document.createElement('div')
  document.body.replaceChildren(host)
  root = host.attachShadow({ mode: 'open' })
  state = { ...initial, visitor: 'v-1', title: 'Acme', desk: { state: 'online' }, link: 'live', open: true }
  draft = ''
})

describe('what stands beside a text', () => {
  const talk = [
    own(1, 'a', 'x'.repeat(4000)),
    fromDesk(2, 'Good <b>morning</b>', {
      reply_to: 1,
      edited: AT,
      reactions: [
        { emoji: '👍', from: [ada, me] },
        { emoji: '<i>', from: [me] },
      ],
    }),
    fromDesk(3, pdf.url, { attachment: pdf }),
    fromDesk(4, 'look at this', { attachment: { url: 'https://files.example/raw', name: '' }, reply_to: 99 }),
    fromDesk(5, '', { retracted: true }),
    fromDesk(6, 'why?', { reply_to: 5 }),
    withFile(7, ''),
  ]

  it('renders', () => {
    start(talk)
    expect(texts('.reaction')).toEqual(['👍 2', '<i> 1'])
    expect(one('.reaction').getAttribute('aria-label')).toBe('👍 Ada, You')
    expect(texts('.quote')).toEqual([`You: ${'x'.repeat(99)}`, 'Ada: This message was removed'])
    expect(texts('.card')).toEqual(['a b.pdf 13 kB', 'https://files.example/raw', ''])
    expect(one('.card img').getAttribute('alt')).toBe('cat.png')
    expect(texts('.bubble.theirs')).toEqual(['Good <b>morning</b>', 'look at this', 'why?'])
    expect(texts('.gone')).toEqual(['This message was removed'])
  })

  it('is accessible', async () => {
    start(talk)
    expect(await faults()).toEqual([])
  })

  it('asks nobody for an operator’s file before a click', () => {
    start([fromDesk(1, pdf.url, { attachment: pdf }), fromDesk(2, 'x', { attachment: { ...pdf, type: 'image/png' } })])
    for (const card of all('.card') as HTMLAnchorElement[])
      expect([card.href, card.target, card.rel]).toEqual([pdf.url, '_blank', 'noopener noreferrer nofollow'])
    const loading = 'img, picture, video, audio, iframe, object, embed, link, script, style, [src], [srcset], [style], [ping]'
    expect(all(loading)).toEqual([])
  })

  it.each([
    'https://chat.example.evil.example/cat.png',
    'https://chat.example:444/cat.png',
    'http://chat.example/cat.png',
    'https://chat.example@evil.example/cat.png',
    'https://evil.example/?https://chat.example/cat.png',
  ])('never shows a picture from %s', (url) => {
    start([fromDesk(1, url, { attachment: { ...picture, url } })])
    expect(all('img')).toEqual([])
    expect(texts('.card')).toEqual(['cat.png 200 kB'])
  })

  it('shows a picture of our own as one only if it is said to be one', () => {
    start([fromDesk(1, picture.url, { attachment: { ...picture, type: 'text/html' } })])
    expect(all('img')).toEqual([])
  })

  it.each(['javascript:alert(1)', 'data:text/html,x', 'file:///etc/passwd', '//evil.example/x', ' https://evil.example', 'https://', 'blob:https://a/b', ''])(
    'shows a file at %j as text and nothing else',
    (url) => {
      start([fromDesk(1, url || 'x', { attachment: { url, name: '<img src=x onerror=alert(1)>', type: 'image/png' } })])
      expect(all('a.card, [role=log] img')).toEqual([])
      expect(one('.card').textContent).toBe('<img src=x onerror=alert(1)>')
    },
  )

  it('has names, quotes and emoji as text only', () => {
    const evil = '<img src=x onerror=alert(1)>'
    const from = { ...ada, name: evil }
    start([
      fromDesk(1, evil, { from }),
      fromDesk(2, evil, { from, reply_to: 1, reactions: [{ emoji: evil, from: [from] }], attachment: { url: `https://a.example/"${evil}`, name: evil } }),
    ])
    expect(all('img')).toEqual([])
    expect(texts('.quote')).toEqual([`${evil}: ${evil}`])
    expect(texts('.card')).toEqual([evil])
    openMenu(1)
    item('Reply').click()
    expect(texts('.writing .banner .quote')).toEqual([`${evil}: ${evil}`])
    expect(all('img')).toEqual([])
  })

  it('changes only where it has changed, so that nothing is announced again', () => {
    const render = (more: object): void => show({ messages: [fromDesk(1, 'text', more)] })
    start([fromDesk(1, 'text')])
    const [name, bubble, options, time] = one('.row').childNodes
    render({ reactions: [{ emoji: '👍', from: [ada] }] })
    expect([...one('.row').childNodes]).toEqual([name, bubble, options, one('.reactions'), time])
    expect(options).toBe(one('.options'))
    render({ reactions: [] })
    expect([...one('.row').childNodes].slice(0, 3)).toEqual([name, bubble, options])
  })
})

describe('the options', () => {
  it('renders', () => {
    start([own(1, 'a', 'mine'), fromDesk(2, 'yours')])
    openMenu(0)
    expect(one('[role=menu]').getAttribute('aria-label')).toBe('Message options')
    expect(texts('[role=menuitemcheckbox]')).toEqual(['👍', '❤️', '🎉', '😮', '😢', '🙏'])
    expect(items()).toEqual(['Reply', 'Copy', 'Edit', 'Remove'])
  })

  it('is accessible', async () => {
    start([own(1, 'a', 'mine'), fromDesk(2, 'yours')])
    openMenu(1)
    expect(await faults()).toEqual([])
  })

  it('are for what the log holds', () => {
    start([own(1, 'a'), fromDesk(2), fromDesk(3, '', { retracted: true }), fromDesk(4, 'Ada has left', { from: system })], {
      waiting: [{ id: 'w', body: 'waits', at: AT }],
      asides: [{ after: 4, kind: 'desk', body: 'Hello?', at: AT }],
    })
    expect(all('.options')).toHaveLength(2)
    expect(all('.options').every((button) => button.getAttribute('aria-label') === 'Message options')).toBe(true)
  })

  it('offer what can be done', () => {
    start([fromDesk(1, 'yours'), withFile(2, ''), withFile(3, picture.url)])
    openMenu(0)
    expect(items()).toEqual(['Reply', 'Copy'])
    press('Escape')
    openMenu(1)
    expect(items()).toEqual(['Reply', 'Remove'])
    press('Escape')
    openMenu(2)
    expect(items()).toEqual(['Reply', 'Copy', 'Remove'])
    press('Escape')
    Object.defineProperty(navigator, 'clipboard', { value: undefined, configurable: true })
    openMenu(0)
    expect(items()).toEqual(['Reply'])
  })

  it('are walked through by the keyboard', () => {
    start([own(1, 'a', 'mine')])
    openMenu()
    const walk = (...keys: string[]): (string | null | undefined)[] => keys.map((key) => (press(key), focused()))
    expect(focused()).toBe('👍')
    expect(walk('ArrowRight', 'ArrowRight', 'ArrowLeft', 'ArrowUp')).toEqual(['❤️', '🎉', '❤️', '❤️'])
    expect(walk('ArrowDown', 'ArrowDown', 'ArrowDown', 'ArrowDown', 'ArrowDown')).toEqual(['Reply', 'Copy', 'Edit', 'Remove', 'Remove'])
    expect(walk('ArrowUp', 'Home', 'ArrowLeft', 'End')).toEqual(['Edit', '👍', '👍', 'Remove'])
    expect(heard).not.toHaveBeenCalled()
  })

  it('are walked through from right to left', () => {
    start([own(1, 'a', 'mine')])
    view.element.dir = 'rtl'
    openMenu()
    press('ArrowLeft')
    expect(focused()).toBe('❤️')
    press('ArrowRight')
    expect(focused()).toBe('👍')
  })

  it.each(['Escape', 'Tab'])('close on %s, which gives the focus back', (key) => {
    start([fromDesk(1), fromDesk(2)])
    openMenu(1)
    expect(press(key)).toBe(true)
    expect(all('.popup')).toEqual([])
    expect(root.activeElement).toBe(all('.options')[1])
    expect(heard).not.toHaveBeenCalled()
  })

  it('close on a click outside', () => {
    start([fromDesk(1)])
    openMenu()
    item('👍').parentElement!.click()
    expect(all('.popup')).toEqual([])
  })

  it('close with the panel', () => {
    start([fromDesk(1)])
    openMenu()
    show({ open: false })
    expect(all('.popup')).toEqual([])
  })
})

describe('reactions', () => {
  const reactions = [
    { emoji: '👍', from: [ada, me] },
    { emoji: '🚀', from: [me] },
    { emoji: '🎉', from: [ada] },
  ]

  it('are pressed where they are the visitor’s, and are told all at once', () => {
    start([fromDesk(1, 'x', { reactions })])
    openMenu()
    expect(texts('[aria-checked=true]')).toEqual(['👍'])
    item('🎉').click()
    expect(call).toHaveBeenCalledExactlyOnceWith('react', { seq: 1, emoji: ['👍', '🚀', '🎉'] })
    expect(all('.popup')).toEqual([])
    expect(root.activeElement).toBe(one('.options'))
  })

  it('are taken back when chosen again', () => {
    start([fromDesk(1, 'x', { reactions })])
    openMenu()
    item('👍').click()
    expect(call).toHaveBeenCalledWith('react', { seq: 1, emoji: ['🚀'] })
  })

  it('that did not work are said so for a while', async () => {
    call.mockImplementation(offline)
    start([fromDesk(1)])
    openMenu()
    item('👍').click()
    await settle()
    expect(texts('[role=alert]')).toEqual(['Not sent'])
    expect(await faults()).toEqual([])
    await clock.pass(10_000)
    expect(all('[role=alert]')).toEqual([])
  })

  it('that did not work are forgotten with the next', async () => {
    call.mockImplementationOnce(offline)
    start([fromDesk(1)])
    for (const alerts of [1, 0]) {
      openMenu()
      item('👍').click()
      await settle()
      expect(all('[role=alert]')).toHaveLength(alerts)
    }
  })
})

describe('a reply', () => {
  const begin = (): void => {
    start([fromDesk(1, 'How many?')])
    openMenu()
    item('Reply').click()
  }

  it('renders', () => {
    begin()
    expect(one('.writing .banner .who').textContent).toBe('ReplyAda: How many?')
    expect(one('.writing .banner button').getAttribute('aria-label')).toBe('Cancel')
    expect(root.activeElement).toBe(field())
    expect(all('.popup')).toEqual([])
  })

  it('is accessible', async () => {
    begin()
    expect(await faults()).toEqual([])
  })

  it('is sent as one, and only once', () => {
    begin()
    type('Three')
    press('Enter')
    expect(say).toHaveBeenCalledExactlyOnceWith('Three', { reply_to: 1 })
    expect(all('.writing .banner')).toEqual([])
    type('please')
    press('Enter')
    expect(send).toHaveBeenCalledExactlyOnceWith('please')
  })

  it('goes on from the draft, which it leaves alone until it is sent', () => {
    start([fromDesk(1)])
    type('Three')
    openMenu()
    item('Reply').click()
    type('Three, or')
    expect(draft).toBe('Three')
    press('Enter')
    expect(say).toHaveBeenCalledWith('Three, or', { reply_to: 1 })
    expect(draft).toBe('')
    expect(field().value).toBe('')
  })

  it.each([
    ['its button', () => one('.writing .banner button').click()],
    ['Escape', () => void press('Escape')],
  ])('is given up by %s, and its text is the draft', (_name, giveUp) => {
    begin()
    type('Three')
    giveUp()
    expect(all('.writing .banner')).toEqual([])
    expect(root.activeElement).toBe(field())
    expect([field().value, draft]).toEqual(['Three', 'Three'])
    expect(heard.mock.calls.filter(([event]) => event.key === 'Escape')).toEqual([])
    press('Enter')
    expect(send).toHaveBeenCalledWith('Three')
    expect(say).not.toHaveBeenCalled()
  })
})

describe('an edit', () => {
  const begin = (): void => {
    start([own(1, 'a', 'Is it bleu?')])
    type('a draft')
    openMenu()
    item('Edit').click()
  }

  it('renders', () => {
    begin()
    expect(one('.writing .banner .who').textContent).toBe('EditYou: Is it bleu?')
    expect(field().value).toBe('Is it bleu?')
    expect(root.activeElement).toBe(field())
  })

  it('is accessible', async () => {
    begin()
    expect(await faults()).toEqual([])
  })

  it('is sent, and then the draft is back', async () => {
    begin()
    type('Is it blue?')
    expect(draft).toBe('a draft')
    press('Enter')
    expect(call).toHaveBeenCalledExactlyOnceWith('edit', { seq: 1, body: 'Is it blue?' })
    expect(field().value).toBe('Is it blue?')
    await settle()
    expect(all('.writing .banner')).toEqual([])
    expect(field().value).toBe('a draft')
    expect(send).not.toHaveBeenCalled()
  })

  it('that did not work keeps what was typed', async () => {
    call.mockImplementation(offline)
    begin()
    type('Is it blue?')
    press('Enter')
    press('Enter')
    await settle()
    expect(texts('[role=alert]')).toEqual(['Not sent'])
    expect(field().value).toBe('Is it blue?')
    call.mockResolvedValue({})
    press('Enter')
    await settle()
    expect(all('.writing .banner')).toEqual([])
    expect(field().value).toBe('a draft')
  })

  it('is given up by Escape, and the draft is back', () => {
    begin()
    type('Is it')
    press('Escape')
    expect([field().value, draft]).toEqual(['a draft', 'a draft'])
    expect(heard.mock.calls.filter(([event]) => event.key === 'Escape')).toEqual([])
  })

  it('that is answered late disturbs nothing that was begun since', async () => {
    begin()
    press('Enter')
    press('Escape')
    openMenu()
    item('Reply').click()
    type('something else')
    await settle()
    expect(one('.writing .banner .who').textContent).toContain('Reply')
    expect(field().value).toBe('something else')
  })

  it('of the last own message begins by the arrow up in an empty field', () => {
    start([own(1, 'a', 'first'), own(2, 'b', 'last'), { ...own(3, 'c', ''), retracted: true }, fromDesk(4)])
    field().focus()
    type('x')
    press('ArrowUp')
    expect(all('.writing .banner')).toEqual([])
    type('')
    expect(press('ArrowUp')).toBe(false)
    expect(field().value).toBe('last')
    type('')
    press('ArrowUp')
    expect(field().value).toBe('')
  })

  it('needs an own message', () => {
    start([fromDesk(1)])
    field().focus()
    expect(press('ArrowUp')).toBe(true)
    expect(all('.writing .banner')).toEqual([])
  })

  it('leaves what was said before alone while the last message waits', () => {
    start([own(1, 'a', 'mine')], { waiting: [{ id: 'w', body: 'waits', at: AT }] })
    field().focus()
    expect(press('ArrowUp')).toBe(true)
    expect(field().value).toBe('')
  })
})

describe('removing', () => {
  it('is asked for twice', () => {
    start([own(1, 'a', 'mine')])
    openMenu()
    item('Remove').click()
    expect(call).not.toHaveBeenCalled()
    item('Remove?').click()
    expect(call).toHaveBeenCalledExactlyOnceWith('retract', { seq: 1 })
    expect(all('.popup')).toEqual([])
    expect(root.activeElement).toBe(one('.scroller'))
  })

  it('that did not work is said so', async () => {
    call.mockImplementation(offline)
    start([own(1, 'a', 'mine')])
    openMenu()
    item('Remove').click()
    item('Remove?').click()
    await settle()
    expect(texts('[role=alert]')).toEqual(['Not sent'])
  })
})

describe('copying', () => {
  it('takes the text as it is', () => {
    start([fromDesk(1, '<b>https://example.com</b>')])
    openMenu()
    item('Copy').click()
    expect(writeText).toHaveBeenCalledExactlyOnceWith('<b>https://example.com</b>')
    expect(root.activeElement).toBe(one('.options'))
  })
})

describe('the emoji', () => {
  const open = (): void => {
    start([])
    field().focus()
    one('.emoji').click()
  }

  it('renders', () => {
    open()
    expect(one('[role=dialog].popup').getAttribute('aria-label')).toBe('Emoji')
    const emoji = texts('.popup button')
    expect(emoji).toHaveLength(40)
    expect(new Set(emoji).size).toBe(40)
    expect(emoji.every((one) => /^\p{Emoji}\uFE0F?$/u.test(one!))).toBe(true)
  })

  it('is accessible', async () => {
    open()
    expect(await faults()).toEqual([])
  })

  it('come where the caret is, one after the other', () => {
    open()
    type('Hello world')
    field().setSelectionRange(5, 6)
    all('.popup button')[0]!.click()
    all('.popup button')[1]!.click()
    expect(field().value).toBe('Hello👍❤️world')
    expect(draft).toBe('Hello👍❤️world')
  })

  it('are walked through by the keyboard, and Escape goes back to the field', () => {
    open()
    const buttons = all('.popup button')
    expect(root.activeElement).toBe(buttons[0])
    for (const key of ['ArrowDown', 'ArrowDown', 'ArrowRight']) press(key)
    expect(root.activeElement).toBe(buttons[13])
    press('End')
    expect(root.activeElement).toBe(buttons[39])
    press('ArrowDown')
    expect(root.activeElement).toBe(buttons[39])
    press('Escape')
    expect(all('.popup')).toEqual([])
    expect(root.activeElement).toBe(field())
    expect(heard.mock.calls.filter(([event]) => event.key === 'Escape')).toEqual([])
  })
})
