import axe from 'axe-core'
import { beforeEach, describe, expect, it, vi } from 'vitest'
import { createLauncher } from '../src/launcher'
import { createBadge } from '../src/panel/badge'
import { createComposer } from '../src/panel/composer'
import { createHeader } from '../src/panel/header'
import { createLog } from '../src/panel/log'
import { createNotice } from '../src/panel/notice'
import { type State, initial } from '../src/panel/state'
import { english } from '../src/panel/texts'
import { createTimes } from '../src/panel/times'
import { createView } from '../src/panel/view'
import { AT, fromDesk, own } from './fakes'

const state: State = {
  ...initial,
  visitor: 'v-1',
  title: 'Acme Outfitters',
  desk: { state: 'online' },
  link: 'live',
  open: true,
  more: true,
  messages: [
    own(1, 'a', 'Is anybody there?'),
    fromDesk(2, 'Yes: https://example.com'),
    fromDesk(3, 'Ada has left', { from: { kind: 'system', id: '', name: '' } }),
  ],
  waiting: [
    { id: 'b', body: 'waits', at: AT },
    { id: 'c', body: 'failed', at: AT, failed: 'too_long' },
  ],
  typing: 'Ada',
}

const actions = {
  times: createTimes('en', () => Date.parse(AT)),
  retry: vi.fn(),
  earlier: vi.fn(),
  atEnd: vi.fn(),
  send: vi.fn(),
  changed: vi.fn(),
}
const log = () => createLog({ ...actions, texts: english })
const composer = () => createComposer(english, actions)

function show<Shown extends { element: HTMLElement; render: (state: State) => void }>(component: Shown): Shown {
  document.body.append(component.element)
  component.render(state)
  return component
}

/** Colours are looked at in a browser; jsdom has none. */
async function faults(): Promise<string[]> {
  const { violations } = await axe.run(document.body, {
    rules: { 'color-contrast': { enabled: false }, region: { enabled: false } },
  })
  return violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(' ')}`)
}

const query = (selector: string): HTMLElement => document.querySelector<HTMLElement>(selector)!
const type = (text: string): void => {
  const field = query('textarea') as HTMLTextAreaElement
  field.value = text
  field.dispatchEvent(new Event('input'))
}
const press = (init: KeyboardEventInit): boolean =>
  query('textarea').dispatchEvent(new KeyboardEvent('keydown', { cancelable: true, ...init }))

beforeEach(() => {
  document.body.replaceChildren()
  vi.clearAllMocks()
})

describe('the button', () => {
  const showButton = (shown: State): HTMLButtonElement => {
    const button = createLauncher()
    document.body.append(button)
    createBadge(english, button)(shown)
    return button
  }

  it('renders', () => {
    const button = showButton({ ...state, open: false })
    expect(button.getAttribute('aria-label')).toBe('Chat')
    expect(button.getAttribute('aria-expanded')).toBe('false')
    expect(query('.badge').textContent).toBe('1')
    expect(query('#unread').textContent).toBe('Unread messages: 1')
  })
  it('is accessible', async () => {
    showButton({ ...state, open: false })
    expect(await faults()).toEqual([])
  })
  it('says that the panel is open, and then no number', () => {
    expect(showButton(state).getAttribute('aria-expanded')).toBe('true')
    expect(query('.badge').hidden).toBe(true)
  })
})

describe('the header', () => {
  it('renders', () => {
    show(createHeader(english))
    expect(query('.title').textContent).toBe('Acme Outfitters')
    expect(query('.state').textContent).toBe('Online now')
  })
  it('is accessible', async () => {
    show(createHeader(english))
    expect(await faults()).toEqual([])
  })
})

describe('the notice', () => {
  it('renders', () => {
    const notice = show(createNotice(english))
    expect(notice.element.hidden).toBe(true)
    notice.render({ ...state, desk: { state: 'offline' } })
    expect(notice.element.textContent).toMatch(/Leave a message/)
    notice.render({ ...state, link: 'lost' })
    expect(notice.element.textContent).toMatch(/No connection/)
  })
  it('is accessible', async () => {
    show(createNotice(english)).render({ ...state, link: 'lost' })
    expect(await faults()).toEqual([])
  })
})

describe('the log', () => {
  it('renders', () => {
    show(log())
    const bodies = [...document.querySelectorAll('[role=log] .bubble, [role=log] .line')]
    expect(bodies.map(({ textContent }) => textContent)).toEqual([
      'Is anybody there?',
      'Yes: https://example.com',
      'Notice: Ada has left',
      'waits',
      'failed',
    ])
    expect(query('.typing').textContent).toBe('Ada is typing')
  })
  it('is accessible', async () => {
    show(log())
    expect(await faults()).toEqual([])
  })
  it('keeps the node of a message that gets stored, so that it is announced once', () => {
    const component = show(log())
    const find = () => [...document.querySelectorAll('.row')].find((row) => row.textContent?.includes('waits'))
    const node = find()
    component.render({ ...state, waiting: [], messages: [...state.messages, own(4, 'b', 'waits')] })
    expect(find()).toBe(node)
    expect([...document.querySelectorAll('.bubble')].map(({ textContent }) => textContent)).not.toContain('failed')
  })
  it('keeps the order when earlier messages come', () => {
    const component = show(log())
    component.render({ ...state, messages: [fromDesk(0, 'first of all'), ...state.messages] })
    expect(query('[role=log] .bubble').textContent).toBe('first of all')
  })
  it('offers to retry what failed, and to fetch what is earlier', () => {
    show(log())
    query('.retry').click()
    expect(actions.retry).toHaveBeenCalledWith('c')
    query('.earlier').click()
    expect(actions.earlier).toHaveBeenCalled()
  })
  it('greets where the log begins', () => {
    show(log()).render({ ...state, more: false, greeting: 'Ahoy!' })
    expect(query('.greeting').textContent).toBe('Ahoy!')
  })
})

describe('a message', () => {
  const file = { url: 'https://files.example/a%20b.pdf?x=1', name: 'a b.pdf', type: 'application/pdf', size: 12_345 }
  const ada = { kind: 'operator', id: 'o-1', name: 'Ada' } as const
  const me = { kind: 'visitor', id: 'v-1', name: 'Visitor', self: true } as const
  const talk = [
    own(1, 'a', 'x'.repeat(4000)),
    fromDesk(2, 'Good <b>morning</b>', { reply_to: 1, edited: AT, reactions: [{ emoji: '👍', from: [ada, me] }, { emoji: '<i>', from: [me] }] }),
    fromDesk(3, file.url, { attachment: file }),
    fromDesk(4, 'look at this', { attachment: { url: 'https://files.example/raw', name: '' }, reply_to: 99 }),
    fromDesk(5, '', { retracted: true }),
    fromDesk(6, 'why?', { reply_to: 5 }),
  ]
  const texts = (selector: string): (string | null)[] =>
    [...document.querySelectorAll(`[role=log] ${selector}`)].map(({ textContent }) => textContent)

  it('renders', () => {
    show(log()).render({ ...state, messages: talk, waiting: [] })
    expect(texts('.reaction')).toEqual(['👍 2', '<i> 1'])
    expect(query('.reaction').getAttribute('aria-label')).toBe('👍 Ada, You')
    expect(texts('.quote')).toEqual([`Reply to You: ${'x'.repeat(99)}`, 'Reply to Ada: This message was removed'])
    expect(texts('.card')).toEqual(['a b.pdf 13 kB', 'https://files.example/raw'])
    expect(texts('.bubble.theirs:not(.card)')).toEqual(['Good <b>morning</b>', 'look at this', 'why?'])
    expect(texts('.gone')).toEqual(['This message was removed'])
    expect(texts('.meta').filter((text) => text?.endsWith('· edited'))).toHaveLength(1)
  })
  it('is accessible', async () => {
    show(log()).render({ ...state, messages: talk })
    expect(await faults()).toEqual([])
  })
  it('asks nobody for its file before a click', () => {
    show(log()).render({ ...state, messages: talk })
    const card = query('.card') as HTMLAnchorElement
    expect([card.href, card.target, card.rel]).toEqual([file.url, '_blank', 'noopener noreferrer nofollow'])
    const loading = 'img, picture, video, audio, iframe, object, embed, link, script, style, [src], [srcset], [style], [ping]'
    expect(document.querySelectorAll(loading)).toHaveLength(0)
  })
  it.each(['javascript:alert(1)', 'data:text/html,x', 'file:///etc/passwd', '//evil.example/x', ' https://evil.example', 'https://', 'blob:https://a/b', ''])(
    'shows a file at %j as text and nothing else',
    (url) => {
      const hostile = fromDesk(1, url || 'x', { attachment: { url, name: '<img src=x onerror=alert(1)>' } })
      show(log()).render({ ...state, messages: [hostile], waiting: [] })
      expect(document.querySelectorAll('.card, img, a[href^="javascript:" i], a[href^="data:" i]')).toHaveLength(0)
      expect(texts('.bubble')).toEqual([url || 'x'])
    },
  )
  it('has names, quotes and emoji as text only', () => {
    const evil = '<img src=x onerror=alert(1)>'
    const from = { ...ada, name: evil }
    const messages = [
      fromDesk(1, evil, { from }),
      fromDesk(2, evil, { from, reply_to: 1, reactions: [{ emoji: evil, from: [from] }], attachment: { url: `https://a.example/"${evil}`, name: evil } }),
    ]
    show(log()).render({ ...state, messages, waiting: [] })
    expect(document.querySelectorAll('img')).toHaveLength(0)
    expect(texts('.quote')).toEqual([`Reply to ${evil}: ${evil}`])
    expect(texts('.card')).toEqual([evil])
  })
  it('changes only where it has changed, so that nothing is announced again', () => {
    const component = show(log())
    const render = (more: object) => component.render({ ...state, messages: [fromDesk(1, 'text', more)], waiting: [] })
    render({})
    const [name, bubble, time] = query('.row').childNodes
    render({ reactions: [{ emoji: '👍', from: [ada] }] })
    expect([...query('.row').childNodes]).toEqual([name, bubble, query('.reactions'), time])
    render({ reactions: [] })
    expect([...query('.row').childNodes].slice(0, 2)).toEqual([name, bubble])
    expect(texts('.row > *')).toHaveLength(3)
  })
})

describe('the composer', () => {
  it('renders', () => {
    show(composer())
    expect(query('textarea').getAttribute('aria-label')).toBe('Message')
    expect(query('.send').getAttribute('aria-label')).toBe('Send')
  })
  it('is accessible', async () => {
    show(composer())
    type('x'.repeat(4001))
    expect(await faults()).toEqual([])
  })
  it('sends on Enter, and empties the field', () => {
    show(composer())
    type('  hello\nthere ')
    press({ key: 'Enter' })
    expect(actions.send).toHaveBeenCalledExactlyOnceWith('hello\nthere')
    press({ key: 'Enter' })
    expect(actions.send).toHaveBeenCalledTimes(1)
  })
  it.each([
    ['Shift and Enter', { key: 'Enter', shiftKey: true }],
    ["the input method's Enter", { key: 'Enter', isComposing: true }],
    ["the input method's Enter in Safari", { key: 'Enter', keyCode: 229 }],
  ])('does not send on %s', (_name, keys) => {
    show(composer())
    type('hello')
    expect(press(keys)).toBe(true)
    expect(actions.send).not.toHaveBeenCalled()
  })
  it('counts characters near the limit as the server does, and sends none over it', () => {
    show(composer())
    type('🙂'.repeat(3_990))
    expect(query('.count').textContent).toBe('10 left')
    type('🙂'.repeat(4_002))
    expect(query('.count').textContent).toBe('2 too many')
    press({ key: 'Enter' })
    query('.send').click()
    expect(actions.send).not.toHaveBeenCalled()
  })
})

describe('the panel', () => {
  it('renders', () => {
    const view = show(createView(english, actions))
    expect(view.element.getAttribute('role')).toBe('dialog')
    expect(view.element.hidden).toBe(false)
  })
  it('is accessible', async () => {
    show(createView(english, actions))
    expect(await faults()).toEqual([])
  })
})
