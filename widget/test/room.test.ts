/** The room's tab, in a page with the real loader and panel. */

import { beforeEach, describe, expect, it, vi } from 'vitest'
import type { Message, Room, Sender } from '../src/wire'
import { AT, fromDesk } from './fakes'
import { FakePage } from './page'

vi.mock('../src/panel/panel', { spy: true })
vi.mock('../src/panel/parts', async (actual) => ({ ...(await actual<object>()), fetchPart: (await import('./parts')).fetchPart }))

const HOSTILE = '"><img src=x onerror=alert(1)>'
const guest = (name: string, more: Partial<Sender> = {}): Sender => ({ kind: 'visitor', id: `g-${name}`, name, ...more })
const line = (seq: number, body: string, from = guest('Bob'), more: Partial<Message> = {}): Message =>
  fromDesk(seq, body, { conversation: 'lobby', from, ...more })
const mine = (seq: number, body: string): Message => line(seq, body, guest('Ann', { self: true }), { id: `mine${seq}` })
const roomOf = (messages: readonly Message[] = [], more: Partial<Room> = {}): Room => ({
  id: 'lobby',
  title: 'The lobby',
  subject: '',
  members: 3,
  messages,
  more: false,
  name: 'Ann',
  self: 'g-Ann',
  role: 'participant',
  ...more,
})

class RoomPage extends FakePage {
  get room(): HTMLElement {
    return this.find('[role=tabpanel][aria-labelledby=tab1]')
  }
  get desk(): HTMLElement {
    return this.find('[role=tabpanel][aria-labelledby=tab0]')
  }
  within<Found extends HTMLElement>(selector: string): Found {
    const found = this.room.querySelector<Found>(selector)
    if (!found) throw new Error(`there is no ${selector} in the room`)
    return found
  }
  all = (selector: string): (string | null)[] => [...this.room.querySelectorAll(selector)].map(({ textContent }) => textContent)
  tab = (index: number): HTMLElement => this.find(`#tab${index}`)
  get name(): HTMLInputElement {
    return this.within('.door input')
  }
  get joined(): boolean {
    return this.within('.door').hidden
  }
  get wrong(): string {
    return this.within('.door [role=alert]').textContent!
  }

  /** Opened, with the room's tab before the visitor. */
  async visit(attributes: Record<string, string> = {}, rooms: Room[] = [], messages: Message[] = []): Promise<void> {
    await this.load({ room: 'lobby', ...attributes })
    await this.hello(messages, { rooms } as object)
    await this.press()
  }
  async ask(name = 'Ann'): Promise<void> {
    this.name.value = name
    this.within('.door button').click()
    await this.settle()
  }
  async join(messages: readonly Message[] = [], more: Partial<Room> = {}): Promise<void> {
    await this.ask()
    this.server.socket.answer('join', { room: roomOf(messages, more), cursor: 'cursor-2' })
    await this.settle()
  }
  async says(message: Message): Promise<void> {
    await this.event('message', { message }, `c${message.seq}`)
  }
  async member(op: string, who: Sender, count: number, more = 0): Promise<void> {
    await this.event('member', { room: 'lobby', op, who, count, ...(more && { more }) })
  }
  async choose(index: number): Promise<void> {
    this.tab(index).click()
    await this.settle()
  }
}

let page: RoomPage
beforeEach(() => {
  localStorage.clear()
  page = new RoomPage()
  vi.spyOn(document, 'hasFocus').mockReturnValue(true)
})

describe('the tabs', () => {
  it('render', async () => {
    await page.visit()
    expect([page.tab(0).textContent, page.tab(1).textContent]).toEqual(['Support0', 'lobby0'])
    expect([page.tab(0).ariaSelected, page.tab(1).ariaSelected]).toEqual(['false', 'true'])
    expect([page.desk.hidden, page.room.hidden]).toEqual([true, false])
  })
  it('are accessible', async () => {
    await page.visit()
    expect(await page.faults()).toEqual([])
  })
  it('are there only where the page asks for a room', async () => {
    await page.open()
    expect(page.root.querySelector('[role=tablist]')).toBe(null)
    expect(page.fetched).not.toContain('room')
  })
  it('go by the keyboard', async () => {
    await page.visit()
    page.tab(1).focus()
    page.tab(1).dispatchEvent(new KeyboardEvent('keydown', { key: 'ArrowLeft', bubbles: true, cancelable: true }))
    expect(page.root.activeElement).toBe(page.tab(0))
    expect([page.desk.hidden, page.room.hidden, page.tab(1).tabIndex]).toEqual([false, true, -1])
  })
  it('say what is unread in each', async () => {
    await page.visit()
    await page.join()
    await page.says(fromDesk(7))
    expect(page.tab(0).querySelector('.mark')!.getAttribute('aria-label')).toBe('1 new message')
    await page.choose(0)
    expect(page.tab(0).querySelector<HTMLElement>('.mark')!.hidden).toBe(true)
    await page.says(line(1, 'Anybody?'))
    expect(page.tab(1).querySelector('.mark')!.textContent).toBe('1')
    await page.choose(1)
    expect(page.tab(1).querySelector<HTMLElement>('.mark')!.hidden).toBe(true)
  })
  it('lead the focus to the field of the one that is shown', async () => {
    await page.visit()
    expect(page.root.activeElement).toBe(page.name)
    await page.join()
    expect(page.root.activeElement).toBe(page.within('[aria-label=Message]'))
  })
})

describe('coming in', () => {
  it('asks for a name first, and joins nobody unasked', async () => {
    await page.visit()
    expect(page.server.socket.calls('join')).toEqual([])
    expect(page.server.socket.last('hello').params).not.toHaveProperty('room')
  })
  it('suggests the name that the page gives', async () => {
    await page.visit({ name: 'Zoe' })
    expect(page.name.value).toBe('Zoe')
  })
  it('suggests the visitor’s name', async () => {
    await page.load({ room: 'lobby' })
    await page.hello([], { visitor: { id: 'v-1', name: 'Yan' } })
    await page.press()
    expect(page.name.value).toBe('Yan')
  })
  it('joins by the name that is given', async () => {
    await page.visit()
    await page.ask('  Ann ')
    expect(page.server.socket.last('join').params).toEqual({ room: 'lobby', name: 'Ann', cursor: 'cursor-1' })
  })
  it.each([
    ['name_taken', 'This name is not available'],
    ['name_reserved', 'This name is not available'],
    ['invalid', 'This name is not available'],
    ['forbidden', 'You were removed from this room'],
    ['unknown_room', 'Not sent'],
  ])('says beside the field that it was refused: %s', async (reason, text) => {
    await page.visit()
    await page.ask()
    page.server.socket.refuse('join', reason)
    await page.settle()
    expect([page.joined, page.wrong, page.name.getAttribute('aria-invalid')]).toEqual([false, text, 'true'])
    expect(page.root.getElementById(page.name.getAttribute('aria-describedby')!)!.textContent).toBe(text)
  })
  it('does nothing without a name', async () => {
    await page.visit()
    await page.ask('  ')
    expect(page.server.socket.calls('join')).toEqual([])
  })
  it('shows what was said before, and who is there', async () => {
    await page.visit()
    await page.join([line(1, 'Hello', guest('Bob')), mine(2, 'Hi')])
    expect(page.tab(1).querySelector('bdi')!.textContent).toBe('The lobby')
    expect(page.all('.people')).toEqual(['3 people'])
    expect(page.all('[role=log] .name')).toEqual(['Bob'])
    expect(page.all('[role=log] .bubble')).toEqual(['Hello', 'Hi'])
    expect(page.all('[role=log] .own .bubble')).toEqual(['Hi'])
  })
  it('is accessible', async () => {
    await page.visit()
    await page.join([line(1, 'Hello'), mine(2, 'Hi')])
    expect(await page.faults()).toEqual([])
  })
  it('is remembered on the next page', async () => {
    await page.visit()
    await page.join()
    page = new RoomPage()
    await page.load({ room: 'lobby' })
    await page.hello()
    expect(page.server.socket.last('join').params.name).toBe('Ann')
  })
  it('is over after leaving', async () => {
    await page.visit()
    await page.join()
    page.within('[aria-label=Leave]').click()
    await page.settle()
    expect(page.server.socket.last('leave').params.room).toBe('lobby')
    page = new RoomPage()
    await page.load({ room: 'lobby' })
    await page.hello()
    expect(page.server.socket.calls('join')).toEqual([])
    await page.press()
    expect(page.name.value).toBe('Ann')
  })
  it('is spared to who is there already', async () => {
    await page.visit({}, [roomOf([line(1, 'Hello')])])
    expect([page.joined, page.all('[role=log] .bubble')]).toEqual([true, ['Hello']])
  })
  it('finds a page’s own room, by the title of the page', async () => {
    document.title = 'Prices'
    await page.visit({ room: 'page' })
    document.title = '(2) Prices'
    await page.ask()
    page.server.socket.answer('join', { room: roomOf([], { id: 'p-x', title: 'p-x' }), cursor: 'c' })
    await page.settle()
    expect(page.tab(1).querySelector('bdi')!.textContent).toBe('Prices')
    await page.says(line(1, 'Cheap', guest('Bob'), { conversation: 'p-x' }))
    expect(page.all('[role=log] .bubble')).toEqual(['Cheap'])
  })
})

describe('the talk', () => {
  async function say(text: string): Promise<void> {
    const field = page.within<HTMLTextAreaElement>('[aria-label=Message]')
    field.value = text
    field.dispatchEvent(new Event('input'))
    page.within('[aria-label=Send]').click()
    await page.settle()
  }
  beforeEach(async () => {
    await page.visit()
    await page.join()
  })
  it('goes to the room, each line once', async () => {
    await say('Hello all')
    const { id, to } = page.server.socket.last('say').params
    expect(to).toBe('lobby')
    await page.says(line(1, 'Hello all', guest('Ann', { self: true }), { id }))
    page.server.socket.answer('say', { id, seq: 1, at: AT })
    await page.settle()
    expect(page.all('[role=log] .bubble')).toEqual(['Hello all'])
    expect(page.desk.querySelector('[role=log] .bubble')).toBe(null)
  })
  it('shows the others’ lines in the order of the log, and nothing of the desk’s', async () => {
    await page.says(line(2, 'two'))
    await page.says(line(1, 'one'))
    await page.says(fromDesk(3, 'for you alone'))
    expect(page.all('[role=log] .bubble')).toEqual(['one', 'two'])
  })
  it('is text, whatever it is', async () => {
    await page.says(line(1, HOSTILE, guest(HOSTILE)))
    await page.says(line(2, `@Ann ${HOSTILE}`))
    expect(page.room.querySelector('img')).toBe(null)
    expect(page.all('[role=log] .name')).toEqual([HOSTILE, 'Bob'])
  })
  it('marks the visitor’s name', async () => {
    await page.says(line(1, 'Is ann here? @Ann! But Annex, Joann'))
    expect(page.all('mark')).toEqual(['ann', '@Ann'])
    expect(page.all('[role=log] .bubble')).toEqual(['Is ann here? @Ann! But Annex, Joann'])
  })
  it('tells by the badge that the visitor was named while the panel is closed', async () => {
    await page.press()
    await page.says(line(1, 'Nobody in particular'))
    expect(page.find('.badge').hidden).toBe(true)
    await page.says(line(2, 'Ann, please'))
    expect(page.find('.badge').textContent).toBe('1')
    expect(page.fetched).toContain('menu')
    await page.press()
    await page.choose(1)
    expect(page.find('#unread').textContent).toBe('')
  })
  it('has reactions, answers and what was taken back', async () => {
    await page.says(line(1, 'Hello'))
    await page.says(line(2, 'To you', guest('Cyd'), { reply_to: 1 }))
    await page.event('reactions', { to: 'lobby', seq: 1, reactions: [{ emoji: '👍', from: [guest('Cyd')] }] }, 'c3')
    await page.event('retracted', { to: 'lobby', seq: 2 }, 'c4')
    expect(page.all('.reaction')).toEqual(['👍 1'])
    expect(page.all('.quote')).toEqual(['Bob: Hello'])
    expect(page.all('.gone')).toEqual(['This message was removed'])
  })
  it('answers in the room', async () => {
    await page.says(line(1, 'Hello'))
    page.within('.options').click()
    ;[...page.root.querySelectorAll<HTMLElement>('.popup .choice')].find(({ textContent }) => textContent === 'Reply')!.click()
    await say('To you too')
    expect(page.server.socket.last('say').params).toMatchObject({ to: 'lobby', reply_to: 1, body: 'To you too' })
  })
  it('fetches what was before', async () => {
    page.within('[aria-label=Leave]').click()
    await page.join([line(60, 'now')], { more: true })
    page.within('.body .earlier').click()
    expect(page.server.socket.last('history').params).toMatchObject({ to: 'lobby', before: 60, limit: 50 })
    page.server.socket.answer('history', { messages: [line(59, 'before')], more: false })
    await page.settle()
    expect(page.all('[role=log] .bubble')).toEqual(['before', 'now'])
  })
  it('keeps no more than it needs, and fetches the rest again', async () => {
    page.within('[aria-label=Leave]').click()
    await page.join(Array.from({ length: 199 }, (_, index) => line(index + 1, `${index + 1}`)))
    await page.member('join', guest('Cyd'), 4)
    await page.says(line(200, '200'))
    expect(page.all('.line')).toEqual(['Notice: Cyd joined'])
    await page.says(line(201, '201'))
    await page.says(line(202, '202'))
    const bodies = page.all('[role=log] .bubble')
    expect([bodies.length, bodies[0], page.within('.body .earlier').hidden]).toEqual([101, '102', false])
  })
  it('fetches it by itself where one looks back that far', async () => {
    page.within('[aria-label=Leave]').click()
    await page.join([line(60, 'now')], { more: true })
    page.within('.body .scroller').dispatchEvent(new Event('scroll'))
    expect(page.server.socket.calls('history')).toHaveLength(1)
  })
  it.each([
    ['no_voice', 'You can only read here'],
    ['links', 'A link or a word in it is not allowed here'],
    ['words', 'A link or a word in it is not allowed here'],
  ])('says why a line was refused, until another is not: %s', async (reason, text) => {
    await say('Me too')
    page.server.socket.refuse('say', reason)
    await page.settle()
    expect(page.all('.notice:not([hidden])')).toEqual([text])
    await say('And now?')
    page.server.socket.answer('say', { id: page.server.socket.last('say').params.id, seq: 5, at: AT })
    await page.settle()
    expect(page.all('.notice:not([hidden])')).toEqual([])
  })
  it('tells on the next page too, where the panel is closed, that the visitor was named', async () => {
    page = new RoomPage()
    localStorage.removeItem('parley:acme:open')
    await page.load({ room: 'lobby' })
    await page.hello([], { rooms: [roomOf()] })
    expect(page.fetched).toEqual([])
    await page.says(line(1, 'Where is Ann?'))
    expect(page.find('.badge').textContent).toBe('1')
  })
  it('says when voice is taken, until it is given again', async () => {
    await page.event('role', { room: 'lobby', role: 'visitor' })
    expect(page.all('.notice:not([hidden])')).toEqual(['You can only read here'])
    await page.event('role', { room: 'lobby', role: 'participant' })
    expect(page.all('.notice:not([hidden])')).toEqual([])
  })
  it('says that one may only listen', async () => {
    page.within('[aria-label=Leave]').click()
    await page.join([], { role: 'visitor' })
    expect(page.all('.notice:not([hidden])')).toEqual(['You can only read here'])
  })
})

describe('who is there', () => {
  beforeEach(async () => {
    await page.visit()
    await page.join([line(1, 'Hello')])
  })
  const lines = (): (string | null)[] => page.all('.line')

  it('is one line that grows', async () => {
    await page.member('join', guest('Cyd'), 4)
    expect([lines(), page.all('.people')]).toEqual([['Notice: Cyd joined'], ['4 people']])
    await page.member('join', guest('Dee'), 15, 10)
    await page.member('leave', guest('Cyd'), 14)
    expect([lines(), page.all('.people')]).toEqual([['Notice: 12 people joined · Cyd left'], ['14 people']])
  })
  it('begins anew after the next message', async () => {
    await page.member('join', guest('Cyd'), 4)
    await page.says(line(2, 'Welcome'))
    await page.member('join', guest('Dee'), 5)
    expect(lines()).toEqual(['Notice: Cyd joined', 'Notice: Dee joined'])
  })
  it('is not announced, and says nothing of oneself', async () => {
    await page.member('join', guest('Ann', { self: true }), 4)
    expect(lines()).toEqual([])
    await page.member('join', guest('Cyd'), 5)
    expect(page.within('.system').getAttribute('aria-live')).toBe('off')
  })
  it('may call the visitor otherwise', async () => {
    await page.member('rename', guest('Ann2', { self: true }), 3)
    await page.says(line(2, 'Ann2?'))
    expect(page.all('mark')).toEqual(['Ann2'])
  })
  it('may have the visitor go, who can come again', async () => {
    await page.member('kick', guest('Ann', { self: true }), 2)
    expect([page.joined, page.wrong, page.name.value]).toEqual([false, 'You were removed from this room', 'Ann'])
    await page.join()
    expect(page.joined).toBe(true)
  })
  it('is not joined again by itself by whoever was made to go', async () => {
    await page.member('kick', guest('Ann', { self: true }), 2)
    const joins = page.server.socket.calls('join').length
    page.server.socket.drop()
    await page.server.clock.pass(1_000)
    page.server.socket.accept()
    expect(page.server.sockets.flatMap((socket) => socket.calls('join'))).toHaveLength(joins)
  })
})

describe('the members', () => {
  const ada = { kind: 'operator', id: 'g-ada', name: 'Ada' } as const
  async function list(members: Sender[], more = false): Promise<void> {
    page.server.socket.answer('members', { members, count: 2_000, more })
    await page.settle()
  }
  beforeEach(async () => {
    await page.visit()
    await page.join([], { members: 2_000 })
    page.within('.people').click()
    await page.settle()
  })
  it('render', async () => {
    await list([ada, guest('Ann', { self: true }), guest('Bob')])
    expect(page.all('li')).toEqual(['AdaPrivate message', 'AnnYou', 'Bob'])
    expect(page.within('.people').getAttribute('aria-expanded')).toBe('true')
  })
  it('are accessible', async () => {
    await list([ada, guest('Bob')], true)
    expect(await page.faults()).toEqual([])
  })
  it('come page by page', async () => {
    await list([guest('Bob'), guest('Cyd')], true)
    page.within<HTMLElement>('ul + .earlier').click()
    expect(page.server.socket.last('members').params).toMatchObject({ room: 'lobby', after: 'g-Cyd' })
    await list([guest('Dee')])
    expect([page.all('li'), page.within('ul + .earlier').hidden]).toEqual([['Bob', 'Cyd', 'Dee'], true])
  })
  it('are found by a search, whatever answer comes late', async () => {
    const search = page.within<HTMLInputElement>('[type=search]')
    search.value = 'cy'
    search.dispatchEvent(new Event('input'))
    await page.server.clock.pass(300)
    const [first, second] = page.server.socket.calls('members')
    expect(second!.params).toMatchObject({ search: 'cy' })
    page.server.socket.receive({ jsonrpc: '2.0', id: second!.id, result: { members: [guest('Cyd')], count: 2_000, more: false } })
    page.server.socket.receive({ jsonrpc: '2.0', id: first!.id, result: { members: [guest('Bob')], count: 2_000, more: true } })
    await page.settle()
    expect(page.all('li')).toEqual(['Cyd'])
  })
  it('are listed anew when the last of them has gone', async () => {
    await list([guest('Bob')], true)
    page.within<HTMLElement>('ul + .earlier').click()
    page.server.socket.refuse('members', 'not_found')
    await page.settle()
    await list([guest('Dee')])
    expect(page.all('li')).toEqual(['Dee'])
  })
  it('have operators, with whom there is a word in private', async () => {
    await list([ada])
    page.within('.word').click()
    await page.settle()
    expect([page.desk.hidden, page.root.activeElement]).toEqual([false, page.desk.querySelector('[aria-label=Message]')])
  })
})

describe('a connection that breaks', () => {
  it('goes on from where it was, in the room too', async () => {
    await page.visit()
    await page.join([line(1, 'Hello')])
    page.server.socket.drop()
    await page.server.clock.pass(1_000)
    await page.resume()
    expect(page.server.socket.last('resume').params.cursor).toBe('cursor-2')
    expect(page.server.socket.calls('join')).toEqual([])
    await page.says(line(2, 'Back?'))
    expect(page.all('[role=log] .bubble')).toEqual(['Hello', 'Back?'])
  })
  it('joins again after a reset', async () => {
    await page.visit()
    await page.join([line(1, 'Hello')])
    await page.event('reset', {})
    await page.server.clock.pass(1_000)
    await page.hello()
    page.server.socket.answer('join', { room: roomOf([line(1, 'Hello'), line(2, 'More')]), cursor: 'cursor-3' })
    await page.settle()
    expect(page.all('[role=log] .bubble')).toEqual(['Hello', 'More'])
  })
  it('joins again where the server has forgotten it', async () => {
    await page.visit()
    await page.join([line(1, 'Hello')], { more: true })
    page.within('.body .earlier').click()
    page.server.socket.refuse('history', 'not_joined')
    await page.settle()
    expect(page.server.socket.calls('join')).toHaveLength(2)
  })
})

describe('an invitation', () => {
  const ROOM = 't-abcdefghijklmnop'
  const ANN = { kind: 'operator', id: 'o-ann', name: 'Ann' } as const
  const theirs = (messages: readonly Message[] = []): Room => roomOf(messages, { id: ROOM, title: 'Talk', name: 'Eve', self: 'g-Eve' })
  const invite = (room = ROOM): Promise<void> => page.event('invite', { room, from: ANN }, `invited ${room}`)
  const titles = (): string[] => [...page.root.querySelectorAll('.tab bdi')].map(({ textContent }) => textContent!)
  const mark = (index: number): HTMLElement => page.tab(index).querySelector('.mark')!
  async function enter(): Promise<void> {
    await page.choose(1)
    await page.ask('Eve')
    page.server.socket.answer('join', { room: theirs(), cursor: 'cursor-2' })
    await page.settle()
  }

  it('is told in the talk with the desk, and takes nobody away from it', async () => {
    await page.open()
    await invite()
    expect(page.desk.hidden).toBe(false)
    expect(page.desk.textContent).toContain('Ann invites you to a room')
    expect([titles(), mark(1).textContent]).toEqual([['Support', 'Ann'], '1'])
    expect(page.server.socket.calls('join')).toEqual([])
  })
  it('is accessible', async () => {
    await page.visit()
    await invite()
    expect(await page.faults()).toEqual([])
    await page.choose(2)
    expect(await page.faults()).toEqual([])
  })
  it('shows on the badge of a closed panel, until it was seen', async () => {
    await page.open()
    await page.press()
    await invite()
    expect(page.find('.badge').textContent).toBe('1')
    await page.press()
    await page.choose(1)
    expect([mark(1).hidden, page.find('#unread').textContent]).toEqual([true, ''])
  })
  it('is joined by a name', async () => {
    await page.open()
    await invite()
    await enter()
    expect(page.server.socket.last('join').params).toMatchObject({ room: ROOM, name: 'Eve' })
    await page.says(line(1, 'Here we are', guest('Bob'), { conversation: ROOM }))
    expect(page.all('[role=log] .bubble')).toEqual(['Here we are'])
    expect(titles()).toEqual(['Support', 'Ann'])
  })
  it('stands beside the page’s own room', async () => {
    await page.visit()
    await page.join([line(1, 'Hello')])
    await invite()
    await page.choose(2)
    expect(titles()).toEqual(['Support', 'The lobby', 'Ann'])
    await page.says(line(2, 'Still here'))
    expect(mark(1).textContent).toBe('1')
    page.tab(2).dispatchEvent(new KeyboardEvent('keydown', { key: 'ArrowRight', bubbles: true, cancelable: true }))
    expect(page.desk.hidden).toBe(false)
    page.tab(0).dispatchEvent(new KeyboardEvent('keydown', { key: 'End', bubbles: true, cancelable: true }))
    expect([page.desk.hidden, page.tab(2).ariaSelected]).toEqual([true, 'true'])
  })
  it('holds on the next page, where the visitor is in the room again', async () => {
    await page.open()
    await invite()
    await enter()
    page = new RoomPage()
    await page.load()
    await page.hello([], { rooms: [theirs([line(1, 'Back?', guest('Bob'), { conversation: ROOM })])] } as object)
    await page.press()
    expect([page.joined, page.all('[role=log] .bubble'), page.tab(1).ariaSelected]).toEqual([true, ['Back?'], 'true'])
  })
  it('holds on the next page for who has not joined yet, without a mark', async () => {
    await page.open()
    await invite()
    page = new RoomPage()
    await page.open()
    expect([titles(), mark(1).hidden, page.desk.hidden, page.joined]).toEqual([['Support', 'Ann'], true, false, false])
  })
  it('is declined by leaving', async () => {
    await page.open()
    await invite()
    await page.choose(1)
    page.within('[aria-label=Leave]').click()
    await page.settle()
    expect([page.desk.hidden, page.find('[role=tablist]').hidden, page.server.socket.calls('leave')]).toEqual([false, true, []])
    page = new RoomPage()
    await page.open()
    expect(page.root.querySelector('[role=tablist]')).toBe(null)
  })
  it('is over after leaving, until it comes again', async () => {
    await page.open()
    await invite()
    await enter()
    page.within('[aria-label=Leave]').click()
    await page.settle()
    expect(page.server.socket.last('leave').params.room).toBe(ROOM)
    expect([page.desk.hidden, titles()]).toEqual([false, ['Support']])
    await invite()
    expect(titles()).toEqual(['Support', 'Ann'])
  })
  it('goes with the room in another tab', async () => {
    await page.open()
    await invite()
    await enter()
    await page.event('member', { room: ROOM, op: 'leave', who: guest('Eve', { self: true }), count: 1 })
    expect(titles()).toEqual(['Support'])
  })
  it('is one, however often it comes', async () => {
    await page.open()
    await invite()
    await invite()
    expect(titles()).toEqual(['Support', 'Ann'])
    await enter()
    await invite()
    expect(page.joined).toBe(true)
    await page.choose(0)
    await page.event('invite', { room: 'lobby', from: { ...ANN, name: HOSTILE } }, 'c9')
    expect([titles(), page.root.querySelector('img')]).toEqual([['Support', 'Ann', HOSTILE], null])
  })
})
