import axe from 'axe-core'
import { beforeEach, describe, expect, it, vi } from 'vitest'
import { createButton } from '../src/button'
import { createBadge } from '../src/panel/badge'
import { createComposer } from '../src/panel/composer'
import { createHeader } from '../src/panel/header'
import { createLog } from '../src/panel/log'
import { createNotice } from '../src/panel/notice'
import { type State, initial } from '../src/panel/state'
import { createLanguage, english } from '../src/panel/texts'
import { createTimes } from '../src/panel/times'
import { createView } from '../src/panel/view'
import { AT, fromDesk, own, settings } from './fakes'

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

const { fill } = createLanguage('en')
const actions = {
  texts: english,
  fill,
  times: createTimes('en', () => Date.parse(AT)),
  retry: vi.fn(),
  dress: () => ({}),
  earlier: vi.fn(),
  atEnd: vi.fn(),
  interest: vi.fn(),
  send: vi.fn(),
  changed: vi.fn(),
  emoji: vi.fn(),
  menu: vi.fn(),
}
const header = () => createHeader(english, actions.menu)
const notice = () => createNotice(english, fill, actions.times)
const log = () => createLog(actions)
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
    const button = createButton()
    document.body.append(button)
    createBadge(english, fill, button)(shown)
    return button
  }

  it('renders', () => {
    const button = showButton({ ...state, open: false })
    expect(button.getAttribute('aria-label')).toBe('Chat')
    expect(button.getAttribute('aria-expanded')).toBe('false')
    expect(query('.badge').textContent).toBe('1')
    expect(query('#unread').textContent).toBe('1 new message')
  })
  it('is accessible', async () => {
    showButton({ ...state, open: false })
    expect(await faults()).toEqual([])
  })
  it('says more than 99 shortly', () => {
    const messages = Array.from({ length: 120 }, (_, index) => fromDesk(index + 1))
    showButton({ ...state, open: false, messages })
    expect([query('.badge').textContent, query('#unread').textContent]).toEqual(['99+', '120 new messages'])
  })
  it('says that the panel is open, and then no number', () => {
    expect(showButton(state).getAttribute('aria-expanded')).toBe('true')
    expect(query('.badge').hidden).toBe(true)
  })
})

describe('the header', () => {
  it('renders', () => {
    show(header())
    expect(query('.title').textContent).toBe('Acme Outfitters')
    expect(query('.state').textContent).toBe('Online now')
  })
  it('is accessible', async () => {
    show(header())
    expect(await faults()).toEqual([])
  })
  it('says who has taken the talk, beside the site', () => {
    const component = show(header())
    component.render({ ...state, talk: { state: 'taken', name: 'ada' } })
    expect([query('.title').textContent, query('.state').textContent]).toEqual(['ada', 'Acme Outfitters · Online now'])
    expect(query('.avatar').textContent).toBe('A')
  })
  it('claims nothing before the desk is known', () => {
    show(header()).render({ ...state, title: '', desk: undefined })
    expect([query('.title').textContent, query('.state').textContent]).toEqual(['Support', 'Connecting…'])
  })
  it('has the button of the menu', () => {
    show(header())
    const button = query('[aria-label=More]')
    button.click()
    expect(actions.menu).toHaveBeenCalledExactlyOnceWith(button)
  })
})

describe('the notice', () => {
  it('renders', () => {
    const component = show(notice())
    expect(component.element.hidden).toBe(true)
    component.render({ ...state, desk: { state: 'offline' } })
    expect(component.element.textContent).toBe('Leave a message: the answer will appear here.')
    expect(component.element.hidden).toBe(false)
  })
  it('is accessible', async () => {
    show(notice()).render({ ...state, link: 'lost' })
    expect(await faults()).toEqual([])
  })
  it.each<[string, Partial<State>, string]>([
    ['the connection, before all else', { link: 'lost', desk: { state: 'offline' } }, 'No connection. Trying again…'],
    ['the place of who waits', { desk: { state: 'online', queue: 2 } }, 'You are number 2 in line.'],
    ['the first place too while all are busy', { desk: { state: 'busy', queue: 1 } }, 'You are number 1 in line.'],
    ['nothing to who is next and asked for', { desk: { state: 'online', queue: 1 } }, ''],
    ['that all are busy', { desk: { state: 'busy' } }, 'Leave a message: someone will answer soon.'],
    ['that the browser keeps nothing', { forgetful: true }, 'This browser keeps nothing: the talk ends with this page.'],
    ['nothing of a connection that another tab has', { link: 'elsewhere' }, ''],
    ['nothing of one that is not there yet', { link: 'connecting' }, ''],
  ])('says %s', (_, more, text) => {
    const component = show(notice())
    component.render({ ...state, ...more })
    expect(component.element.textContent).toBe(text)
  })
  it('says when the desk opens again', () => {
    const next = new Date(Date.parse(AT) + 86_400_000).toISOString()
    const hours = { ...settings, hours: { next } }
    show(notice()).render({ ...state, desk: { state: 'offline' }, settings: hours })
    expect(query('.notice').textContent).toBe(
      `We are back ${actions.times.moment(next)}. Leave a message: the answer will appear here.`,
    )
  })
  it('is said anew only when it has changed', () => {
    const component = show(notice())
    component.render({ ...state, link: 'lost' })
    const said = component.element.firstChild
    component.render({ ...state, link: 'lost', atEnd: false })
    expect(component.element.firstChild).toBe(said)
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
  const texts = (selector: string): (string | null)[] =>
    [...document.querySelectorAll(`[role=log] ${selector}`)].map(({ textContent }) => textContent)
  const node = (name: string): HTMLElement => Object.assign(document.createElement('p'), { className: name, textContent: name })
  const ada = { kind: 'operator', id: 'o-1', name: 'Ada' } as const

  it('renders', () => {
    const talk = [
      fromDesk(1, 'Good <b>morning</b>', { edited: AT }),
      fromDesk(2, '', { retracted: true }),
      own(3, 'a', 'https://example.com/?a=1'),
    ]
    show(log()).render({ ...state, messages: talk, waiting: [] })
    expect(texts('.bubble.theirs')).toEqual(['Good <b>morning</b>'])
    expect(texts('.gone')).toEqual(['This message was removed'])
    expect(texts('.bubble.mine a')).toEqual(['https://example.com/?a=1'])
    expect(texts('.meta').filter((text) => text?.endsWith('· edited'))).toHaveLength(1)
    expect(texts('.name')).toEqual(['Ada'])
  })
  it('is accessible', async () => {
    const talk = [fromDesk(1, 'a', { edited: AT }), fromDesk(2, '', { retracted: true }), own(3, 'a')]
    show(log()).render({ ...state, messages: talk })
    expect(await faults()).toEqual([])
  })
  it('has what its part adds before, after and instead of its text', () => {
    const dress = vi.fn(() => ({ before: node('before'), instead: node('instead'), after: [node('one'), node('two')] }))
    show(createLog({ ...actions, dress })).render({ ...state, messages: [fromDesk(1, 'text')], waiting: [], dressed: true })
    expect([...query('.row').children].map(({ className }) => className)).toEqual(['name', 'before', 'instead', 'one', 'two', 'meta'])
    expect(dress).toHaveBeenCalledWith(expect.objectContaining({ key: '#1', body: 'text' }))
  })
  it('is dressed as soon as its part is there', () => {
    let dress = (): object => ({})
    const component = show(createLog({ ...actions, dress: () => dress() }))
    const messages = [fromDesk(1, 'text')]
    component.render({ ...state, messages, waiting: [] })
    const [, bubble] = query('.row').childNodes
    dress = () => ({ after: [node('reactions')] })
    component.render({ ...state, messages, waiting: [], dressed: true })
    expect(texts('.reactions')).toEqual(['reactions'])
    expect(query('.bubble')).toBe(bubble)
  })
  it('asks for its part when the visitor looks closer, and not before', () => {
    show(log())
    expect(actions.interest).not.toHaveBeenCalled()
    query('.scroller').dispatchEvent(new Event('focus'))
    expect(actions.interest).toHaveBeenCalledOnce()
  })
  it('has names and texts as text only, and none that can load anything', () => {
    const evil = '<img src=x onerror=alert(1)> javascript:alert(1)'
    const from = { ...ada, name: evil }
    const messages = [fromDesk(1, evil, { from }), fromDesk(2, evil, { from: { ...from, kind: 'system' } })]
    show(log()).render({ ...state, messages, waiting: [], typing: evil, greeting: evil, more: false })
    expect([query('.name').textContent, query('.greeting').textContent]).toEqual([evil, evil])
    const loading = 'img, picture, video, audio, iframe, object, embed, link, script, style, [src], [srcset], [style], [ping], a'
    expect(document.querySelectorAll(loading)).toHaveLength(0)
  })
  it('changes only where it has changed, so that nothing is announced again', () => {
    let after: HTMLElement[] = []
    const component = show(createLog({ ...actions, dress: () => ({ after: after.map((one) => one.cloneNode(true)) }) }))
    const render = (more: object) => component.render({ ...state, messages: [fromDesk(1, 'text', more)], waiting: [] })
    render({})
    const [name, bubble, time] = query('.row').childNodes
    after = [node('reactions')]
    render({ reactions: [{ emoji: '👍', from: [ada] }] })
    expect([...query('.row').childNodes]).toEqual([name, bubble, query('.reactions'), time])
    after = []
    render({ reactions: [] })
    expect([...query('.row').childNodes].slice(0, 2)).toEqual([name, bubble])
    expect(texts('.row > *')).toHaveLength(3)
  })
  it('says at its end how far it has come', () => {
    const component = show(log())
    const status = (more: Partial<State>): (string | null)[] => {
      component.render({ ...state, messages: [], waiting: [], ...more })
      return texts('.meta').map((text) => text!.replace(/^.* · /, ''))
    }
    const messages = [own(1, 'a')]
    const waiting = [{ id: 'a', body: 'x', at: AT }]
    expect(status({ waiting, link: 'lost' })).toEqual(['Waiting for the connection'])
    expect(status({ waiting, link: 'elsewhere' })).toEqual(['Waiting for the connection'])
    expect(status({ waiting })).toEqual(['Sending…'])
    expect(status({ waiting, refused: true })).toEqual(['Not sent. Trying again… Retry'])
    expect(status({ messages })).toEqual(['Sent'])
    expect(status({ messages, confirmed: { delivered: 1, read: 0 } })).toEqual(['Delivered'])
    expect(status({ messages, confirmed: { delivered: 1, read: 1 } })).toEqual(['Read'])
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
    expect(actions.changed).toHaveBeenLastCalledWith('')
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
    expect(query('.count').textContent).toBe('3990 / 4000')
    type('🙂'.repeat(4_002))
    expect(query('.count').textContent).toBe('4002 / 4000')
    expect(query('textarea').getAttribute('aria-invalid')).toBe('true')
    press({ key: 'Enter' })
    query('.send').click()
    expect(actions.send).not.toHaveBeenCalled()
  })
})

describe('the composer for something else', () => {
  const banner = document.createElement('p')
  it('shows what for, and sends it there', () => {
    const component = show(composer())
    const send = vi.fn()
    component.compose(banner, send, 'text')
    expect([banner.isConnected, (query('textarea') as HTMLTextAreaElement).value]).toEqual([true, 'text'])
    type('better')
    press({ key: 'Enter' })
    expect(send).toHaveBeenCalledExactlyOnceWith('better')
    expect(actions.changed).not.toHaveBeenCalled()
    component.compose()
    expect(banner.isConnected).toBe(false)
    type('as ever')
    press({ key: 'Enter' })
    expect(actions.send).toHaveBeenCalledExactlyOnceWith('as ever')
  })
  it('leaves what was typed where it has no text of its own', () => {
    const component = show(composer())
    type('draft')
    component.compose(banner, vi.fn())
    expect((query('textarea') as HTMLTextAreaElement).value).toBe('draft')
    expect(document.activeElement).toBe(query('textarea'))
  })
  it('has a button for emoji', () => {
    show(composer())
    query('.emoji').click()
    expect(actions.emoji).toHaveBeenCalledExactlyOnceWith(query('.emoji'))
  })
})

describe('the panel', () => {
  it('renders', () => {
    const view = show(createView(actions))
    expect(view.element.getAttribute('role')).toBe('dialog')
    expect(view.element.hidden).toBe(false)
  })
  it('is accessible', async () => {
    show(createView(actions))
    expect(await faults()).toEqual([])
  })
})
