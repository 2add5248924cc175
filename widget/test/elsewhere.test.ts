/** A page whose site is open in another tab of the browser, too: they have one connection. */

import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { fromDesk, own } from './fakes'
import { FakeLocks } from './locks'
import { FakeChannel, FakePage } from './page'

vi.mock('../src/panel/parts', async (actual) => ({
  ...(await actual<object>()),
  fetchPart: (await import('./parts')).fetchPart,
}))

const NAME = 'parley:acme:'

let page: FakePage
let locks: FakeLocks
let other: FakeLocks
let channel: FakeChannel
let heard: unknown[]

beforeEach(() => {
  localStorage.clear()
  page = new FakePage()
  locks = new FakeLocks()
  locks.run()
  other = locks.tab()
  channel = new FakeChannel(NAME)
  heard = []
  channel.onmessage = ({ data }) => heard.push(data)
})
afterEach(() => Reflect.deleteProperty(navigator, 'locks'))

/** The other tab is used, and takes the connection. */
async function leave(): Promise<void> {
  other.request(NAME, { steal: true }, () => new Promise(() => {})).catch(() => {})
  await page.settle()
  locks.run()
}
/** This one is. */
async function back(): Promise<void> {
  window.dispatchEvent(new Event('focus'))
  await page.settle()
}
async function tell(type: string, data: unknown): Promise<void> {
  channel.postMessage([type, data])
  await page.settle()
}
/** As the browser tells of a change that another tab made. */
async function keep(key: string, value: string): Promise<void> {
  localStorage.setItem(NAME + key, value)
  window.dispatchEvent(new StorageEvent('storage', { key: NAME + key }))
  await page.settle()
}

describe('the tab with the connection', () => {
  it('passes on what comes', async () => {
    await page.open()
    await page.event('message', { message: fromDesk(1) }, 'c2')
    await page.event('desk', { state: 'busy' })
    expect(heard).toEqual([
      ['message', { message: fromDesk(1) }],
      ['desk', { state: 'busy' }],
    ])
  })

  it('gives it up when another is used, and says nothing of it', async () => {
    await page.open([fromDesk(1)])
    await leave()
    expect(page.server.socket.closed).toBe(true)
    expect([page.notice, page.bodies]).toEqual(['', ['desk 1']])
    await page.server.clock.pass(600_000)
    expect(page.server.sockets).toHaveLength(1)
  })

  it('says nothing of it either where it was just looking for its connection', async () => {
    await page.open()
    page.server.socket.drop()
    expect(page.notice).toMatch(/No connection/)
    await leave()
    expect(page.notice).toBe('')
  })

  it('goes on from where it was when it is used again', async () => {
    await page.open([fromDesk(1)])
    await leave()
    await tell('message', { message: fromDesk(2) })
    await back()
    await page.resume()
    expect(page.server.socket.last('resume').params).toMatchObject({ token: 'token-1', cursor: 'cursor-1' })
    for (const seq of [2, 3]) await page.event('message', { message: fromDesk(seq) }, `c${seq}`)
    expect(page.bodies).toEqual(['desk 1', 'desk 2', 'desk 3'])
  })

  it('has it again when the other is closed', async () => {
    await page.open()
    await leave()
    other.close()
    await page.settle()
    await page.resume()
    expect(page.server.socket.closed).toBe(false)
  })

  it('is the visitor that the other tab is by then', async () => {
    await page.open()
    await leave()
    await keep('token', 'token-9')
    await back()
    page.server.socket.accept()
    expect(page.server.socket.last('resume').params.token).toBe('token-9')
  })

  it('opens one socket for each time that it is used', async () => {
    await page.open()
    for (let time = 1; time < 4; time++) {
      await leave()
      document.dispatchEvent(new Event('visibilitychange', { bubbles: true }))
      await back()
      expect(page.server.sockets).toHaveLength(time + 1)
      await page.resume()
    }
  })
})

describe('a tab without it', () => {
  beforeEach(async () => {
    await page.open([fromDesk(1)])
    await leave()
  })

  it('shows what the other one hears', async () => {
    await tell('message', { message: fromDesk(2) })
    await tell('desk', { state: 'busy' })
    await tell('edited', { to: 'desk', seq: 1, body: 'better', at: '' })
    expect(page.bodies).toEqual(['better', 'desk 2'])
    expect(page.notice).toMatch(/someone will answer soon/)
  })

  it('tells the server nothing, and passes nothing on', async () => {
    await tell('message', { message: fromDesk(2) })
    page.type('a')
    await page.server.clock.pass(60_000)
    expect(page.server.socket.frames.map(({ method }) => method)).not.toContain('typing')
    expect(page.server.socket.calls('seen')).toEqual([])
    expect(heard).toEqual([])
  })

  it('says no goodbye when its page goes: the visitor is still there', () => {
    const beacon = vi.spyOn(navigator, 'sendBeacon')
    window.dispatchEvent(new Event('pagehide'))
    expect(beacon).not.toHaveBeenCalled()
  })

  it('sends what is written in it as soon as it has the connection, which is the other’s until then', async () => {
    await page.write('Hello')
    expect(page.bodies).toEqual(['desk 1', 'Hello'])
    expect(page.server.socket.calls('say')).toEqual([])
    await back()
    await page.resume()
    expect(page.server.socket.last('say').params.body).toBe('Hello')
  })

  it('shows as sent what another tab has sent for it', async () => {
    await page.write('Hello')
    const key = Object.keys(localStorage).find((key) => key.startsWith(`${NAME}out:`))!
    const { id } = JSON.parse(localStorage.getItem(key)!)
    await tell('message', { message: own(2, id, 'Hello') })
    expect(page.bodies).toEqual(['desk 1', 'Hello'])
    expect(page.find('.status').textContent).toBe('Sent')
    await back()
    await page.resume()
    expect(page.server.socket.calls('say')).toEqual([])
  })

  it('has its panel opened and closed with the other’s, and the same draft', async () => {
    expect(page.isOpen).toBe(true)
    await keep('open', String(-Date.now()))
    expect(page.isOpen).toBe(false)
    await keep('open', String(Date.now()))
    expect(page.isOpen).toBe(true)
    await keep('draft', 'And then')
    expect(page.field.value).toBe('And then')
  })

  it('does not count as unread what was read in the other', async () => {
    await keep('open', String(-Date.now()))
    await tell('message', { message: fromDesk(2) })
    expect(page.find('.badge').textContent).toBe('1')
    await keep('read', 'v-1 2')
    expect(page.find('.badge').hidden).toBe(true)
  })

  it('does not go where an operator sends the visitor, then or later', async () => {
    const url = `${location.origin}/#offer`
    await tell('push', { url })
    expect(location.hash).toBe('')
    await back()
    await page.resume()
    await page.event('push', { url }, 'c2')
    expect(location.hash).toBe('')
    await page.event('push', { url }, 'c3')
    expect(location.hash).toBe('#offer')
  })

  it.each(['focusin', 'pointerdown', 'input'])('has the connection once the visitor uses its panel: %s', async (sign) => {
    page.field.dispatchEvent(new Event(sign, { bubbles: true }))
    await page.settle()
    await page.resume()
    expect(page.server.sockets).toHaveLength(2)
  })

  it('leaves its draft alone while it is the one used', async () => {
    await back()
    await page.resume()
    page.type('mine')
    await keep('draft', 'theirs')
    expect(page.field.value).toBe('mine')
  })
})

describe('a tab that is opened behind the other', () => {
  beforeEach(async () => {
    Object.defineProperty(document, 'hidden', { configurable: true, value: true })
    await leave()
    await page.load()
  })
  afterEach(() => Reflect.deleteProperty(document, 'hidden'))

  it('leaves the connection where it is until it is looked at', async () => {
    localStorage.setItem(`${NAME}token`, 'token-1')
    await page.server.clock.pass(60_000)
    expect(page.server.sockets).toHaveLength(0)
    Object.defineProperty(document, 'hidden', { configurable: true, value: false })
    document.dispatchEvent(new Event('visibilitychange', { bubbles: true }))
    await page.settle()
    await page.hello()
    expect(page.server.sockets).toHaveLength(1)
  })

  it('has it when the other is closed', async () => {
    other.close()
    await page.settle()
    await page.hello()
    expect(page.server.sockets).toHaveLength(1)
  })

  it('is the same visitor: it waits for who that is, though it is looked at', async () => {
    Object.defineProperty(document, 'hidden', { configurable: true, value: false })
    await back()
    expect(page.server.sockets).toHaveLength(0)
    await keep('token', 'token-1')
    await back()
    page.server.socket.accept()
    expect(page.server.socket.last('hello').params.token).toBe('token-1')
  })

  it('opens its panel with the other’s', async () => {
    expect(page.fetched).toEqual([])
    await keep('open', String(Date.now()))
    expect(page.isOpen).toBe(true)
  })
})
