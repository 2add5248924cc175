/** The loader and the panel together, in a page, against a server of the test's own. */

import axe from 'axe-core'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { boot } from '../src/boot'
import * as panel from '../src/panel/panel'
import * as requests from '../src/requests'
import type { FetchPart } from '../src/shell'
import { AT, FakeServer, fromDesk, helloOf, settle } from './fakes'

let server: FakeServer
let fetched: string[]
let warnings: ReturnType<typeof vi.spyOn>

const later = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 0))
const parley = (...args: unknown[]): void => window.parley!(...args)
const host = (): HTMLElement | null => document.querySelector('parley-chat')
const find = <Found extends HTMLElement>(selector: string): Found =>
  host()!.shadowRoot!.querySelector<Found>(selector)!
const button = (): HTMLButtonElement => find('[aria-label=Chat]')
const field = (): HTMLTextAreaElement => find('[aria-label=Message]')
const bodies = (): (string | null)[] =>
  [...host()!.shadowRoot!.querySelectorAll('[role=log] .bubble')].map(({ textContent }) => textContent)

const fetchPart = (async (_base, name) => {
  fetched.push(name)
  return { panel, requests }[name]
}) as FetchPart

async function load(attributes: Record<string, string> = {}): Promise<void> {
  const script = document.createElement('script')
  script.src = 'https://chat.example/in/widget.js?v=1'
  Object.assign(script.dataset, { site: 'acme', ...attributes })
  boot(window, script, server.env, fetchPart)
  await settle()
}

async function hello(...messages: Parameters<typeof helloOf>): Promise<void> {
  server.socket.accept()
  server.socket.answer('hello', helloOf(...messages))
  await settle()
}

async function write(text: string): Promise<void> {
  field().value = text
  field().dispatchEvent(new Event('input'))
  find<HTMLButtonElement>('[aria-label=Send]').click()
  await settle()
}

/** As a reload does: the page is new, what the browser keeps is not. */
function forgetPage(): void {
  host()?.remove()
  delete window.parley
  server = new FakeServer()
  fetched = []
}

beforeEach(() => {
  localStorage.clear()
  sessionStorage.clear()
  forgetPage()
  warnings = vi.spyOn(console, 'warn').mockImplementation(() => {})
})
afterEach(() => vi.restoreAllMocks())

describe('before anybody shows interest', () => {
  it('there is a button, a hello with the page, and nothing fetched', async () => {
    await load({ name: 'Bo', locale: 'de' })
    await hello()
    expect(button().getAttribute('aria-expanded')).toBe('false')
    expect(server.socket.url).toBe('wss://chat.example/in/rpc')
    expect(server.socket.last('hello').params).toEqual({
      site: 'acme',
      name: 'Bo',
      locale: 'de',
      time_zone: Intl.DateTimeFormat().resolvedOptions().timeZone,
      page: { url: location.href, title: document.title, referrer: '', visible: true, opened: false },
    })
    expect(fetched).toEqual([])
  })

  it('a message that waits brings the panel, its number, and word that it is delivered', async () => {
    await load()
    await hello()
    server.socket.event('message', { message: fromDesk(1) }, 'c2')
    await settle()
    expect(fetched).toEqual(['panel'])
    expect(find('.badge').textContent).toBe('1')
    await server.clock.pass(50)
    expect(server.socket.last('seen').params).toEqual({ seq: 1, state: 'delivered' })
  })

  it('what has been read does not, on the next page', async () => {
    await load()
    await hello([fromDesk(1)])
    button().click()
    await settle()
    button().click()
    await settle()
    forgetPage()
    await load()
    await hello([fromDesk(1)])
    expect(fetched).toEqual([])
  })

  it('a second copy of the script does nothing', async () => {
    await load()
    await load()
    expect(document.querySelectorAll('parley-chat')).toHaveLength(1)
    expect(server.sockets).toHaveLength(1)
  })

  it('a script without a site says so', async () => {
    await load({ site: '' })
    expect(host()).toBeNull()
    expect(warnings).toHaveBeenCalledOnce()
  })
})

describe('held back', () => {
  it.each([{ presence: 'open' }, { consent: 'required' }])('nothing is sent or kept: %o', async (attributes) => {
    await load(attributes)
    await server.clock.pass(60_000)
    expect(server.sockets).toHaveLength(0)
    expect(localStorage.length + sessionStorage.length).toBe(0)
  })

  it('until the visitor opens the widget', async () => {
    await load({ presence: 'open' })
    button().click()
    await settle()
    expect(server.sockets).toHaveLength(1)
  })

  it('until the visitor consents, and then calls are carried out that waited', async () => {
    await load({ consent: 'required' })
    parley('open')
    expect(host()).toBeNull()
    parley('consent')
    await settle()
    expect(server.sockets).toHaveLength(1)
    expect(button().getAttribute('aria-expanded')).toBe('true')
  })

  it('with Global Privacy Control too', async () => {
    Object.assign(navigator, { globalPrivacyControl: true })
    await load()
    Object.assign(navigator, { globalPrivacyControl: false })
    expect(server.sockets).toHaveLength(0)
  })
})

describe('a refusal', () => {
  it('leaves one warning, and no button', async () => {
    await load()
    server.socket.accept()
    server.socket.refuse('hello', 'unknown_site')
    await server.clock.pass(60_000)
    expect(host()).toBeNull()
    expect(warnings).toHaveBeenCalledOnce()
    expect(warnings.mock.calls[0]![0]).toMatch(/acme/)
    expect(server.sockets).toHaveLength(1)
  })
})

describe('the talk', () => {
  const open = async (): Promise<void> => {
    await load()
    await hello()
    button().click()
    await settle()
  }

  it('opens with the field in focus, closes on Escape, and gives the focus back', async () => {
    await open()
    expect(host()!.shadowRoot!.activeElement).toBe(field())
    field().dispatchEvent(new KeyboardEvent('keydown', { key: 'Escape', bubbles: true }))
    expect(find('[role=dialog]').hidden).toBe(true)
    expect(host()!.shadowRoot!.activeElement).toBe(button())
  })

  it('is accessible, open and closed', async () => {
    await open()
    const rules = { 'color-contrast': { enabled: false }, region: { enabled: false } }
    for (const _ of ['open', 'closed']) {
      expect((await axe.run(host()!, { rules })).violations).toEqual([])
      button().click()
    }
  })

  it('goes both ways, each message once', async () => {
    await open()
    await write('Hello')
    const { id } = server.socket.last('say').params
    const message = { ...fromDesk(1, 'Hello'), id, from: { kind: 'visitor', id: 'v-1', name: '', self: true } }
    server.socket.event('message', { message }, 'c2')
    server.socket.answer('say', { id, seq: 1, at: message.at })
    server.socket.event('message', { message: fromDesk(2, 'Good day') }, 'c3')
    await settle()
    expect(bodies()).toEqual(['Hello', 'Good day'])
    await server.clock.pass(50)
    expect(server.socket.last('seen').params).toEqual({ seq: 2, state: 'read' })
  })

  it('outlives a reload in the middle of a message, with draft and open panel', async () => {
    await open()
    await write('Hello')
    const { id } = server.socket.last('say').params
    field().value = 'And then'
    field().dispatchEvent(new Event('input'))
    forgetPage()
    await load()
    await hello()
    expect(find('[role=dialog]').hidden).toBe(false)
    expect(host()!.shadowRoot!.activeElement).toBeNull()
    expect(field().value).toBe('And then')
    expect(server.socket.last('hello').params.token).toBe('token-1')
    expect(server.socket.last('say').params).toEqual({ id, body: 'Hello' })
    expect(bodies()).toEqual(['Hello'])
  })

  it('shows what failed, and sends it again on request', async () => {
    await open()
    await write('Hello')
    server.socket.refuse('say', 'forbidden')
    await settle()
    expect(find('.failed').textContent).toMatch(/Not sent/)
    find('.retry').click()
    await settle()
    expect(server.socket.calls('say')).toHaveLength(2)
  })

  it('shows what the server does not take now, and tries again', async () => {
    await open()
    await write('Hello')
    server.socket.refuse('say', 'unavailable', { retry_after: 2 })
    await settle()
    expect(find('.failed').textContent).toMatch(/Not sent.*Retry/)
    await server.clock.pass(2_000)
    expect(server.socket.calls('say')).toHaveLength(2)
    server.socket.answer('say', { seq: 1, at: AT })
    await settle()
    expect(host()!.shadowRoot!.querySelector('.failed')).toBeNull()
  })

  it('shows that an operator types, for 8 s', async () => {
    await open()
    const from = { kind: 'operator', id: 'o', name: 'Ada' }
    server.socket.event('typing', { to: 'desk', from, state: 'composing' })
    expect(find('.typing').textContent).toBe('Ada is typing')
    await server.clock.pass(8_000)
    expect(find('.typing').textContent).toBe('')
  })

  it('gets what is earlier from the history', async () => {
    await load()
    await hello([fromDesk(51)])
    button().click()
    await settle()
    find('.earlier').click()
    expect(server.socket.last('history').params).toEqual({ before: 51, limit: 50 })
    server.socket.answer('history', { messages: [fromDesk(49), fromDesk(50)], more: false })
    await settle()
    expect(bodies()).toEqual(['desk 49', 'desk 50', 'desk 51'])
    expect(find('.earlier').hidden).toBe(true)
  })

  it('works the same by requests', async () => {
    await load()
    server.socket.drop()
    await server.clock.pass(500)
    server.socket.drop()
    await server.clock.pass(1_000)
    server.request('hello').answer(helloOf([fromDesk(1)]))
    await settle()
    expect(fetched).toEqual(['requests', 'panel'])
    button().click()
    await settle()
    await write('Hello')
    const { id } = server.request('say').params
    server.request('say').answer({ id, seq: 2, at: fromDesk(1).at })
    await settle()
    expect(bodies()).toEqual(['desk 1', 'Hello'])
  })

  it.each(['online', 'offline'])('looks at its connection when the browser is %s', async (change) => {
    await open()
    window.dispatchEvent(new Event(change))
    expect(server.socket.calls('ping')).toHaveLength(1)
    await server.clock.pass(8_000)
    expect(find('[role=dialog] .notice').textContent).toBe('No connection. Trying again…')
  })

  it('goes where an operator sends it, within its own site', async () => {
    await open()
    const there = `${location.origin}${location.pathname}#there`
    server.socket.event('push', { url: there }, 'c2')
    expect(location.href).toBe(there)
    expect(bodies()).toEqual([])
    location.hash = ''
  })

  it.each(['https://shop.example/offer', 'http://localhost.evil.example/', 'http://a@b.example/'])(
    'only suggests %s, which is elsewhere',
    async (url) => {
      await open()
      const before = location.href
      server.socket.event('push', { url }, 'c2')
      expect(location.href).toBe(before)
      expect(find('.line').textContent).toBe(`Notice: A page for you: ${url}`)
      expect(find<HTMLAnchorElement>('.line a').rel).toBe('noopener noreferrer nofollow')
    },
  )

  it.each(['javascript:document.title="pushed"', 'null/', 'data:text/html,x', '/relative', ''])('has %j for text', async (url) => {
    await open()
    server.socket.event('push', { url }, 'c2')
    expect(document.title).not.toBe('pushed')
    expect(find('.line').textContent).toBe(`Notice: A page for you: ${url}`)
    expect(find('.line a')).toBeNull()
  })

  it('fetches the panel for a push that comes before anybody opened it', async () => {
    await load()
    await hello()
    server.socket.event('push', { url: `${location.origin}${location.pathname}#there` }, 'c2')
    await settle()
    expect(fetched).toEqual(['panel'])
    expect(location.hash).toBe('#there')
    location.hash = ''
  })

  it('shows text as text', async () => {
    await open()
    server.socket.event('message', { message: fromDesk(1, '<img src=x onerror=alert(1)>') }, 'c2')
    expect(bodies()).toEqual(['<img src=x onerror=alert(1)>'])
    expect(find('img')).toBeNull()
  })
})

describe('the page', () => {
  it('is told when a router changes it, once', async () => {
    vi.useFakeTimers()
    await load()
    await hello()
    history.pushState({}, '', '/two')
    document.title = 'Two'
    history.replaceState({}, '', '/two')
    await vi.advanceTimersByTimeAsync(400)
    vi.useRealTimers()
    expect(server.socket.calls('page').map(({ params }) => params)).toEqual([
      { url: `${location.origin}/two`, title: 'Two', visible: true, opened: false },
    ])
  })

  it('is told with the widget opened, once, and so on the next page', async () => {
    await load()
    await hello()
    for (let click = 0; click < 3; click++) {
      button().click()
      await settle()
    }
    expect(server.socket.calls('page').map(({ params }) => params.opened)).toEqual([true])
    button().click()
    await settle()
    forgetPage()
    await load()
    await hello()
    expect(button().getAttribute('aria-expanded')).toBe('false')
    expect(server.socket.last('hello').params.page.opened).toBe(true)
    expect(server.socket.calls('page')).toEqual([])
  })

  it('says goodbye when it goes', async () => {
    const sendBeacon = vi.fn()
    Object.assign(navigator, { sendBeacon })
    await load()
    await hello()
    window.dispatchEvent(new Event('pagehide'))
    const [url, body] = sendBeacon.mock.calls[0]!
    expect(url).toBe('https://chat.example/in/rpc')
    expect(JSON.parse(body)).toMatchObject({ method: 'bye', params: { token: 'token-1' } })
  })
})

describe('the function parley', () => {
  it('carries out what was queued before the script had loaded', async () => {
    const queue: unknown[][] = [['open']]
    window.parley = Object.assign((...args: unknown[]) => void queue.push(args), { q: queue })
    await load()
    await hello()
    expect(button().getAttribute('aria-expanded')).toBe('true')
  })

  it('tells its events, and what holds to those who come late', async () => {
    const heard: unknown[] = []
    await load()
    for (const name of ['message', 'unread', 'open', 'close']) {
      parley('on', name, (data: unknown) => heard.push([name, (data as { seq?: number })?.seq ?? data]))
    }
    await hello()
    server.socket.event('message', { message: fromDesk(1) }, 'c2')
    await settle()
    parley('open')
    await settle()
    parley('close')
    await settle()
    parley('on', 'ready', () => heard.push('ready'))
    parley('on', 'desk', ({ state }: { state: string }) => heard.push(state))
    await later()
    expect(heard).toEqual([
      ['message', 1],
      ['unread', 1],
      ['unread', 0],
      ['open', undefined],
      ['close', undefined],
      'ready',
      'online',
    ])
  })

  it('says what it is told to say', async () => {
    await load()
    await hello()
    parley('say', 'From the page')
    await settle()
    expect(server.socket.last('say').params.body).toBe('From the page')
  })

  it('identifies after hello, and takes a server that cannot quietly', async () => {
    const info = vi.spyOn(console, 'info').mockImplementation(() => {})
    await load()
    parley('identify', { id: '7', hash: 'ff' })
    await hello()
    expect(server.socket.last('identify').params).toEqual({ id: '7', hash: 'ff' })
    server.socket.refuse('identify', 'invalid')
    await settle()
    expect(info).toHaveBeenCalledOnce()
    expect(button()).not.toBeNull()
  })
})

describe('where storage is refused', () => {
  it('the talk works for as long as the page lives', async () => {
    const refuse = (): never => {
      throw new DOMException('refused', 'SecurityError')
    }
    vi.spyOn(Storage.prototype, 'getItem').mockImplementation(refuse)
    vi.spyOn(Storage.prototype, 'setItem').mockImplementation(refuse)
    vi.spyOn(Storage.prototype, 'removeItem').mockImplementation(refuse)
    await load()
    await hello()
    button().click()
    await settle()
    await write('Hello')
    const { id } = server.socket.last('say').params
    server.socket.answer('say', { id, seq: 1, at: fromDesk(1).at })
    await settle()
    expect(bodies()).toEqual(['Hello'])
  })
})
