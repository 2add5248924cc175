/** The loader and the panel together, in a page, against a server of the test's own. */

import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { AT, fromDesk, helloOf, own, settings } from './fakes'
import { FakePage, parley, refuseStorage } from './page'
import { instead } from './parts'

vi.mock('../src/panel/parts', async (actual) => ({
  ...(await actual<object>()),
  fetchPart: (await import('./parts')).fetchPart,
}))

let page: FakePage
let warnings: ReturnType<typeof vi.spyOn>

const leave = (): void => void window.dispatchEvent(new Event('pagehide'))
const keptKeys = (): string[] => Object.keys(localStorage)

beforeEach(() => {
  localStorage.clear()
  page = new FakePage()
  warnings = vi.spyOn(console, 'warn').mockImplementation(() => {})
})
afterEach(() => Reflect.deleteProperty(document, 'hidden'))

describe('before anybody shows interest', () => {
  it('there is a button, a hello with the page, and nothing fetched', async () => {
    await page.load({ name: 'Bo', locale: 'de' })
    await page.hello()
    expect(page.button.getAttribute('aria-expanded') ?? page.button.ariaExpanded).toBe('false')
    expect(page.server.socket.url).toBe('wss://chat.example/in/rpc')
    expect(page.server.socket.last('hello').params).toEqual({
      site: 'acme',
      name: 'Bo',
      locale: 'de',
      time_zone: Intl.DateTimeFormat().resolvedOptions().timeZone,
      page: { url: location.href, title: document.title, referrer: '', visible: true, opened: false },
    })
    expect(page.fetched).toEqual([])
  })

  it('an event that moves the log brings the panel, its number, and word that it is delivered', async () => {
    await page.load()
    await page.hello()
    await page.event('message', { message: fromDesk(1) }, 'c2')
    expect(page.fetched[0]).toBe('panel')
    expect(page.find('.badge').textContent).toBe('1')
    await page.server.clock.pass(50)
    expect(page.server.socket.last('seen').params).toEqual({ seq: 1, state: 'delivered' })
  })

  it('one that does not move it brings nothing, and is told once the panel is there', async () => {
    await page.load()
    await page.hello()
    await page.event('desk', { state: 'busy' }, 'cursor-1')
    await page.event('typing', { to: 'desk', from: { kind: 'operator', id: 'o', name: 'Ada' }, state: 'composing' })
    expect(page.fetched).toEqual([])
    await page.press()
    expect(page.notice).toMatch(/someone will answer soon/)
    expect(page.find('.typing').textContent).toBe('')
  })

  it('what came before another hello is not told any more', async () => {
    await page.load()
    await page.hello()
    await page.event('desk', { state: 'busy' })
    page.server.socket.drop()
    await page.server.clock.pass(500)
    await page.hello()
    await page.press()
    expect(page.notice).toBe('')
  })

  it.each([
    [1, ['panel', 'menu']],
    [0, []],
  ])('unread messages bring the panel, and read ones do not: %d', async (unread, expected) => {
    await page.load()
    await page.hello([fromDesk(1)], { unread })
    expect(page.fetched).toEqual(expected)
  })

  it('a word that the site has for its visitors brings the panel when it is due', async () => {
    await page.load()
    await page.hello([], { settings: { ...settings, triggers: [{ text: 'Hello!', seconds: 20 }] } })
    await page.server.clock.pass(19_900)
    expect(page.fetched).toEqual([])
    await page.server.clock.pass(100)
    expect(page.fetched[0]).toBe('panel')
  })

  it('the site’s colours are taken, and are there at once on the next page', async () => {
    const look = { style: '--site-accent:#123456;--site-on-accent:#fff' }
    await page.load()
    await page.hello([], { settings: { ...settings, look } })
    const colours = '--site-accent: #123456; --site-on-accent: #fff;'
    expect(page.host!.style.cssText).toBe(colours)
    page = new FakePage()
    await page.load()
    expect(page.host!.style.cssText).toBe(colours)
    await page.hello()
    expect(page.host!.style.cssText).toBe('')
  })

  it('a second copy of the script does nothing', async () => {
    await page.load()
    await page.load()
    expect(document.querySelectorAll('parley-chat')).toHaveLength(1)
    expect(page.server.sockets).toHaveLength(1)
  })

  it('the panel is fetched when the visitor points at the button, once', async () => {
    await page.load()
    await page.hello()
    for (const name of ['pointerenter', 'focus', 'pointerenter']) page.button.dispatchEvent(new Event(name))
    await page.settle()
    expect(page.fetched).toEqual(['panel'])
    expect(page.isOpen).toBe(false)
  })

  it('one that stands open in a page is no reason to open on the next', async () => {
    await page.load({ position: 'inline' })
    await page.hello()
    expect(page.isOpen).toBe(true)
    window.dispatchEvent(new Event('pagehide'))
    page = new FakePage()
    await page.load()
    await page.hello()
    expect(page.fetched).toEqual([])
    expect(page.server.socket.last('hello').params.page.opened).toBe(false)
  })

  it('the widget is put where the page wants it, outside the body otherwise', async () => {
    const place = document.createElement('div')
    place.id = 'chat'
    document.body.append(place)
    await page.load({ position: 'inline', target: '#chat' })
    expect(page.host!.parentElement).toBe(place)
    await page.hello()
    expect(page.isOpen).toBe(true)
    expect(page.root.activeElement).toBeNull()
    place.remove()
    page = new FakePage()
    await page.load()
    expect(page.host!.parentElement).toBe(document.documentElement)
  })

  it('a place that the page does not have leaves the widget where it is otherwise', async () => {
    await page.load({ target: '#missing' })
    expect(page.host!.parentElement).toBe(document.documentElement)
  })
})

describe('held back', () => {
  it.each([{ presence: 'open' }, { consent: 'required' }])('nothing is sent or kept: %o', async (attributes) => {
    await page.load(attributes)
    page.host?.shadowRoot!.querySelector('button')!.dispatchEvent(new Event('pointerenter'))
    parley('close')
    parley('identify', { id: '7', hash: 'ff' })
    for (const name of ['focus', 'online', 'pagehide']) window.dispatchEvent(new Event(name))
    await page.server.clock.pass(60_000)
    expect(page.server.sockets).toHaveLength(0)
    expect(page.server.requests).toHaveLength(0)
    expect(page.fetched).toEqual([])
    expect(localStorage.length + sessionStorage.length).toBe(0)
  })

  it('until the visitor opens the widget', async () => {
    await page.load({ presence: 'open' })
    await page.press()
    expect(page.server.sockets).toHaveLength(1)
  })

  it('no longer once the visitor has used it, on the next page', async () => {
    await page.load({ presence: 'open' })
    await page.press()
    await page.hello()
    await page.press()
    page = new FakePage()
    await page.load({ presence: 'open' })
    expect(page.server.sockets).toHaveLength(1)
  })

  it('until the visitor consents, and then calls are carried out that waited', async () => {
    await page.load({ consent: 'required' })
    parley('open')
    expect(page.host).toBeNull()
    parley('consent')
    parley('consent')
    await page.settle()
    expect(page.server.sockets).toHaveLength(1)
    expect(page.isOpen).toBe(true)
    expect(document.querySelectorAll('parley-chat')).toHaveLength(1)
  })

  it('with Global Privacy Control too', async () => {
    Object.assign(navigator, { globalPrivacyControl: true })
    await page.load()
    Reflect.deleteProperty(navigator, 'globalPrivacyControl')
    expect(page.server.sockets).toHaveLength(0)
  })
})

describe('a refusal', () => {
  it('leaves one warning with the server’s word, and no button', async () => {
    await page.load()
    page.server.socket.accept()
    page.server.socket.refuse('hello', 'unknown_site')
    await page.server.clock.pass(60_000)
    expect(page.host).toBeNull()
    expect(warnings.mock.calls).toEqual([['Parley:', 'refused: unknown_site']])
    expect(page.server.sockets).toHaveLength(1)
  })
})

describe('the talk', () => {
  it('opens with the field in focus, closes on Escape, and gives the focus back', async () => {
    await page.open()
    expect(page.root.activeElement).toBe(page.field)
    page.field.dispatchEvent(new KeyboardEvent('keydown', { key: 'Escape', bubbles: true }))
    expect(page.isOpen).toBe(false)
    expect(page.root.activeElement).toBe(page.button)
  })

  it('is accessible, open and closed', async () => {
    await page.open([fromDesk(1), own(2, 'a')])
    expect(await page.faults()).toEqual([])
    page.button.click()
    expect(await page.faults()).toEqual([])
  })

  it('goes both ways, each message once', async () => {
    await page.open()
    await page.write('Hello')
    const { id } = page.server.socket.last('say').params
    await page.event('message', { message: own(1, id, 'Hello') }, 'c2')
    page.server.socket.answer('say', { id, seq: 1, at: AT })
    await page.event('message', { message: fromDesk(2, 'Good day') }, 'c3')
    expect(page.bodies).toEqual(['Hello', 'Good day'])
    await page.server.clock.pass(50)
    expect(page.server.socket.last('seen').params).toEqual({ seq: 2, state: 'read' })
  })

  it('outlives a reload in the middle of a message, with draft and open panel', async () => {
    await page.open()
    await page.write('Hello')
    const { id } = page.server.socket.last('say').params
    page.type('And then')
    page = new FakePage()
    await page.load()
    await page.hello()
    expect(page.isOpen).toBe(true)
    expect(page.root.activeElement).toBeNull()
    expect(page.field.value).toBe('And then')
    expect(page.server.socket.last('hello').params.token).toBe('token-1')
    expect(page.server.socket.last('say').params).toEqual({ id, body: 'Hello' })
    expect(page.bodies).toEqual(['Hello'])
  })

  it('shows what waits after a reload though there is no connection, and sends it once there is', async () => {
    await page.open()
    page.server.socket.drop()
    await page.write('Hello')
    await page.write('Anybody?')
    await page.press()
    page = new FakePage()
    await page.load()
    page.server.socket.drop()
    expect(page.bodies).toEqual(['Hello', 'Anybody?'])
    page = new FakePage()
    await page.load()
    await page.hello()
    expect(page.bodies).toEqual(['Hello', 'Anybody?'])
    expect(page.server.socket.last('say').params.body).toBe('Hello')
  })

  it('shows what failed, and sends it again on request', async () => {
    await page.open()
    await page.write('Hello')
    page.server.socket.refuse('say', 'forbidden')
    await page.settle()
    expect(page.find('.failed').textContent).toMatch(/Not sent/)
    page.find('.retry').click()
    await page.settle()
    expect(page.server.socket.calls('say')).toHaveLength(2)
  })

  it('shows what the server does not take now, and tries again', async () => {
    await page.open()
    await page.write('Hello')
    page.server.socket.refuse('say', 'unavailable', { retry_after: 2 })
    await page.settle()
    expect(page.find('.failed').textContent).toMatch(/Not sent.*Retry/)
    await page.server.clock.pass(2_000)
    expect(page.server.socket.calls('say')).toHaveLength(2)
    page.server.socket.answer('say', { seq: 1, at: AT })
    await page.settle()
    expect(page.find('.failed')).toBeNull()
  })

  it('shows that an operator types, for 8 s', async () => {
    await page.open()
    const from = { kind: 'operator', id: 'o', name: 'Ada' }
    await page.event('typing', { to: 'desk', from, state: 'composing' })
    expect(page.find('.typing').textContent).toBe('Ada is typing')
    await page.server.clock.pass(8_000)
    expect(page.find('.typing').textContent).toBe('')
  })

  it('says who has taken it, and when it has ended', async () => {
    await page.open()
    await page.event('talk', { state: 'taken', name: 'Ada' })
    expect(page.find('.title').textContent).toBe('Ada')
    await page.event('talk', { state: 'quiet' })
    expect(page.texts('.line')).toEqual(['Notice: This conversation has ended.'])
  })

  it('gets what is earlier from the history, however often it is asked', async () => {
    await page.open([fromDesk(51)], { more: true })
    page.find('.earlier').click()
    page.find('.earlier').click()
    expect(page.server.socket.calls('history').map(({ params }) => params)).toEqual([{ before: 51, limit: 50 }])
    page.server.socket.answer('history', { messages: [fromDesk(49), fromDesk(50)], more: false })
    await page.settle()
    expect(page.bodies).toEqual(['desk 49', 'desk 50', 'desk 51'])
    expect(page.find('.earlier').hidden).toBe(true)
  })

  it('offers what is earlier again where that could not be had', async () => {
    await page.open([fromDesk(51)], { more: true })
    page.find('.earlier').click()
    page.server.socket.refuse('history', 'unavailable')
    await page.settle()
    expect(page.find('.earlier').hidden).toBe(false)
    page.find('.earlier').click()
    expect(page.server.socket.calls('history')).toHaveLength(2)
  })

  it.each(['online', 'offline'])('looks at its connection when the browser is %s', async (change) => {
    await page.open()
    window.dispatchEvent(new Event(change))
    expect(page.server.socket.calls('ping')).toHaveLength(1)
    await page.server.clock.pass(8_000)
    expect(page.notice).toBe('No connection. Trying again…')
  })

  it('goes where an operator sends it, within its own site', async () => {
    await page.open()
    const there = `${location.origin}${location.pathname}#there`
    await page.event('push', { url: there }, 'c2')
    expect(location.href).toBe(there)
    expect(page.bodies).toEqual([])
  })

  it.each(['https://shop.example/offer', 'http://localhost.evil.example/', 'http://a@b.example/'])(
    'only suggests %s, which is elsewhere',
    async (url) => {
      await page.open()
      const before = location.href
      await page.event('push', { url }, 'c2')
      expect(location.href).toBe(before)
      expect(page.find('.line').textContent).toBe(`Notice: A page for you: ${url}`)
      expect(page.find<HTMLAnchorElement>('.line a').rel).toBe('noopener noreferrer nofollow')
    },
  )

  it.each(['javascript:document.title="pushed"', 'null/', 'data:text/html,x', '/relative', ''])('has %j for text', async (url) => {
    await page.open()
    await page.event('push', { url }, 'c2')
    expect(document.title).not.toBe('pushed')
    expect(page.find('.line').textContent).toBe(`Notice: A page for you: ${url}`)
    expect(page.find('.line a')).toBeNull()
  })

  it('fetches the panel for a push that comes before anybody opened it, and follows it', async () => {
    await page.load()
    await page.hello()
    await page.event('push', { url: `${location.origin}${location.pathname}#there` }, 'c2')
    expect(page.fetched).toEqual(['panel'])
    expect(location.hash).toBe('#there')
  })

  it('shows text as text', async () => {
    await page.open()
    await page.event('message', { message: fromDesk(1, '<img src=x onerror=alert(1)>') }, 'c2')
    expect(page.bodies).toEqual(['<img src=x onerror=alert(1)>'])
    expect(page.find('img')).toBeNull()
  })
})

describe('a connection that breaks', () => {
  it('is said, and gone on with from the cursor', async () => {
    await page.open()
    await page.event('message', { message: fromDesk(1) }, 'c2')
    page.server.socket.drop()
    expect(page.notice).toBe('No connection. Trying again…')
    await page.server.clock.pass(500)
    await page.resume()
    expect(page.server.socket.last('resume').params).toMatchObject({ token: 'token-1', cursor: 'c2' })
    expect(page.notice).toBe('')
  })

  it('is told the page and who the visitor is again, which a server that restarted has forgotten', async () => {
    await page.open()
    parley('identify', { id: '7', hash: 'ff' })
    page.server.socket.drop()
    await page.server.clock.pass(500)
    await page.resume()
    expect(page.server.socket.last('page').params).toMatchObject({ url: location.href, opened: true })
    expect(page.server.socket.last('identify').params).toEqual({ id: '7', hash: 'ff' })
  })

  it('begins with what a hello says after a reset', async () => {
    await page.open([fromDesk(1), fromDesk(2)])
    await page.event('reset', {})
    await page.server.clock.pass(500)
    await page.hello([fromDesk(2), fromDesk(3)])
    expect(page.bodies).toEqual(['desk 2', 'desk 3'])
  })

  it('by the panel’s requests works the same', async () => {
    await page.load()
    page.server.socket.drop()
    await page.server.clock.pass(1_000)
    page.server.socket.drop()
    await page.settle()
    expect(page.fetched).toEqual(['panel'])
    await page.server.clock.pass(2_000)
    page.server.socket.drop()
    await page.server.clock.pass(1_000)
    expect(page.fetched).toEqual(['panel', 'requests'])
    page.server.request('hello').answer(helloOf([fromDesk(1)]))
    await page.press()
    await page.write('Hello')
    page.server.stream.begin()
    const { id } = page.server.request('say').params
    page.server.request('say').answer({ id, seq: 2, at: AT })
    await page.settle()
    page.server.stream.event('message', { message: fromDesk(3) }, 'c3')
    await page.settle()
    expect(page.bodies).toEqual(['desk 1', 'Hello', 'desk 3'])
    expect(page.notice).toBe('')
  })
})

describe('a part that cannot be fetched', () => {
  it('is warned of, and what was asked for is done when it is there', async () => {
    await page.load()
    await page.hello()
    instead.set('panel', new TypeError('Failed to fetch'))
    await page.press()
    expect(page.find('[role=dialog]')).toBeNull()
    expect(warnings).toHaveBeenCalled()
    await page.server.clock.pass(3_000)
    expect(page.fetched).toEqual(['panel', 'panel'])
    instead.delete('panel')
    await page.server.clock.pass(3_000)
    expect(page.isOpen).toBe(true)
    expect(page.root.querySelectorAll('[role=dialog]')).toHaveLength(1)
  })

  it('is not asked for with every event', async () => {
    instead.set('rich', new TypeError('Failed to fetch'))
    await page.open([fromDesk(1, 'a', { reactions: [{ emoji: '👍', from: [] }] })], { unread: 0 })
    const asked = (): number => page.fetched.filter((name) => name === 'rich').length
    for (let seq = 2; seq < 6; seq++) await page.event('message', { message: fromDesk(seq) }, `c${seq}`)
    expect(asked()).toBe(1)
    instead.delete('rich')
    await page.server.clock.pass(5_000)
    await page.event('message', { message: fromDesk(6) }, 'c6')
    expect(asked()).toBe(2)
  })
})

describe('the visitor’s language', () => {
  const core = { send: 'Senden' }

  it('is fetched where there is one, and else English', async () => {
    const { english } = await import('../src/panel/texts')
    const texts = `Chat\n\n${Object.values({ ...english, ...core }).join('\n')}`
    instead.set('texts_de', { default: texts })
    await page.load({ locale: 'de-AT' })
    await page.press()
    expect(page.fetched).toEqual(['panel', 'texts_de'])
    expect(page.find('.send').getAttribute('aria-label')).toBe('Senden')
    expect(page.find('[role=dialog]').lang).toBe('de-AT')
    page = new FakePage()
    await page.load({ locale: 'fr' })
    await page.press()
    expect(page.fetched).toEqual(['panel'])
    expect(page.find('.send').getAttribute('aria-label')).toBe('Send')
  })

  it('that cannot be fetched gives way to English', async () => {
    await page.load({ locale: 'ar' })
    await page.press()
    expect(page.find('.send').getAttribute('aria-label')).toBe('Send')
  })
})

describe('the page', () => {
  it('is told when a router changes it, once', async () => {
    await page.load()
    await page.hello()
    history.pushState({}, '', '/two')
    document.title = 'Two'
    history.replaceState({}, '', '/two')
    await page.server.clock.pass(400)
    expect(page.server.socket.calls('page').map(({ params }) => params)).toEqual([
      { url: `${location.origin}/two`, title: 'Two', visible: true, opened: false },
    ])
  })

  it('is told with the widget opened, once, and so on the next page', async () => {
    await page.load()
    await page.hello()
    for (let click = 0; click < 4; click++) await page.press()
    expect(page.server.socket.calls('page').map(({ params }) => params.opened)).toEqual([true])
    page = new FakePage()
    await page.load()
    await page.hello()
    expect(page.isOpen).toBe(false)
    expect(page.server.socket.last('hello').params.page.opened).toBe(true)
    expect(page.server.socket.calls('page')).toEqual([])
  })

  it('says goodbye when it goes, and closes its connection', async () => {
    const beacon = vi.spyOn(navigator, 'sendBeacon').mockReturnValue(true)
    await page.load()
    await page.hello()
    leave()
    const [url, body] = beacon.mock.calls[0]!
    expect(url).toBe('https://chat.example/in/rpc')
    expect(JSON.parse(body as string)).toMatchObject({ method: 'bye', params: { token: 'token-1' } })
    expect(page.server.socket.closed).toBe(true)
  })

  it('that was kept as it is and comes back goes on', async () => {
    await page.open([fromDesk(1)])
    leave()
    await page.server.clock.pass(60_000)
    expect(page.server.sockets).toHaveLength(1)
    window.dispatchEvent(new Event('focus'))
    await page.resume()
    expect(page.bodies).toEqual(['desk 1'])
    expect(page.notice).toBe('')
  })
})

describe('the function parley', () => {
  it('carries out what was queued before the script had loaded', async () => {
    const queue: unknown[][] = [['open']]
    window.parley = Object.assign((...args: unknown[]) => void queue.push(args), { q: queue })
    await page.load()
    await page.hello()
    expect(page.isOpen).toBe(true)
  })

  it('tells its events, and what holds to those who come late', async () => {
    const heard: unknown[] = []
    await page.load()
    for (const name of ['message', 'unread', 'open', 'close']) {
      parley('on', name, (data: unknown) => heard.push([name, (data as { seq?: number })?.seq ?? data]))
    }
    await page.hello()
    await page.event('message', { message: fromDesk(1) }, 'c2')
    for (const name of ['open', 'close']) {
      parley(name)
      await page.settle()
    }
    parley('on', 'ready', () => heard.push('ready'))
    parley('on', 'desk', ({ state }: { state: string }) => heard.push(state))
    await page.server.clock.pass(0)
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

  it('is not hurt by what a page does in its listeners', async () => {
    await page.load()
    parley('on', 'ready', () => {
      throw new Error('the page’s own')
    })
    await expect(page.hello()).rejects.toThrow('the page’s own')
    await page.press()
    expect(page.isOpen).toBe(true)
  })

  it('says what it is told to say, and nothing empty', async () => {
    await page.load()
    await page.hello()
    parley('say', ' ')
    parley('say', 'From the page')
    await page.settle()
    expect(page.server.socket.calls('say').map(({ params }) => params.body)).toEqual(['From the page'])
  })

  it('says that it does not know a call', async () => {
    await page.load()
    parley('dance')
    await page.settle()
    expect(warnings.mock.calls).toEqual([['Parley: there is no parley("dance")']])
  })

  it('closes nothing that was never opened', async () => {
    await page.load()
    await page.hello()
    parley('close')
    await page.settle()
    expect(page.fetched).toEqual([])
    await page.press()
    parley('close')
    await page.settle()
    expect(page.isOpen).toBe(false)
  })

  it('identifies after hello, and stays where the server cannot', async () => {
    await page.load()
    parley('identify', { id: '7', hash: 'ff' })
    await page.hello()
    expect(page.server.socket.last('identify').params).toEqual({ id: '7', hash: 'ff' })
    page.server.socket.refuse('identify', 'invalid')
    await page.settle()
    expect(page.button).not.toBeNull()
  })
})

describe('where storage is refused', () => {
  beforeEach(refuseStorage)

  it('the talk works for as long as the page lives, and says so', async () => {
    await page.open()
    await page.write('Hello')
    const { id } = page.server.socket.last('say').params
    page.server.socket.answer('say', { id, seq: 1, at: AT })
    await page.settle()
    expect(page.bodies).toEqual(['Hello'])
    expect(page.notice).toMatch(/keeps nothing/)
  })

  it('the visitor stays the same while the page is put aside', async () => {
    await page.load()
    await page.hello()
    leave()
    window.dispatchEvent(new Event('focus'))
    page.server.socket.accept()
    expect(page.server.socket.last('hello').params.token).toBe('token-1')
  })
})

it('keeps little, and all of it under the site’s name', async () => {
  await page.open([fromDesk(1)])
  await page.write('Hello')
  page.type('And')
  await page.server.clock.pass(1_000)
  expect(keptKeys().every((key) => key.startsWith('parley:acme:'))).toBe(true)
  expect(sessionStorage).toHaveLength(0)
  expect(document.cookie).toBe('')
})
