/** The loader's connection by itself: one WebSocket after another. */

import { beforeEach, describe, expect, it, vi } from 'vitest'
import { type Link, type LinkEvents, createFirst } from '../src/first'
import { FakeServer, helloOf } from './fakes'

let server: FakeServer
let link: Link
let told: unknown[]
let live: boolean
let unable: number
let on: LinkEvents

function make(random = 1): void {
  server = new FakeServer(random).install()
  told = []
  live = false
  unable = 0
  on = {
    greeting: () => ['hello', { site: 'acme' }],
    hello: ({ cursor }) => told.push(['hello', cursor]),
    event: (...event) => told.push(event),
    live: (now) => (live = now),
    token: (token) => told.push(['token', token]),
    refused: (message) => told.push(['refused', message]),
    unable: () => unable++,
  }
  link = createFirst('https://chat.example/rpc', on)
}

beforeEach(() => make())

function greet(): void {
  server.socket.accept()
  server.socket.answer('hello', helloOf())
}
function connect(): void {
  link.start()
  greet()
}

describe('a socket', () => {
  it('is greeted first, and is live once that is answered', () => {
    link.start()
    expect(server.socket.url).toBe('wss://chat.example/rpc')
    server.socket.accept()
    expect(server.socket.frames).toMatchObject([{ method: 'hello', params: { site: 'acme' } }])
    expect(live).toBe(false)
    server.socket.answer('hello', helloOf())
    expect(live).toBe(true)
    expect(told).toEqual([['hello', 'cursor-1']])
  })

  it('is the only one, however often it is started and woken', () => {
    link.start()
    link.start()
    link.wake()
    server.socket.accept()
    link.wake()
    link.start()
    expect(server.sockets).toHaveLength(1)
    expect(server.socket.frames).toHaveLength(1)
  })

  it('gives events with their cursors, and tokens that stand beside results', () => {
    connect()
    server.socket.event('message', { message: 1 }, 'cursor-2')
    link.tell('typing', {})
    server.socket.answer('typing', {}, { token: 'token-2' })
    expect(told.slice(1)).toEqual([['message', { message: 1 }, 'cursor-2'], ['token', 'token-2']])
  })

  it('tells each call its own result or error, in whatever order they come', () => {
    connect()
    const settle = [vi.fn(), vi.fn(), vi.fn()]
    ;['a', 'b', 'c'].forEach((method, index) => link.tell(method, {}, settle[index]))
    server.socket.answer('c', { c: 1 })
    server.socket.refuse('a', 'invalid')
    server.socket.answer('b', { b: 1 })
    expect(settle.map(({ mock }) => mock.calls)).toEqual([
      [[expect.objectContaining({ data: { reason: 'invalid' } }), undefined]],
      [[undefined, { b: 1 }]],
      [[undefined, { c: 1 }]],
    ])
    server.socket.drop()
    for (const each of settle) expect(each).toHaveBeenCalledOnce()
  })

  it('that breaks settles all calls without a result, once', async () => {
    connect()
    const settle = vi.fn()
    link.tell('say', {}, settle)
    link.tell('typing', {})
    server.socket.drop()
    expect(settle.mock.calls).toEqual([[]])
    await server.clock.pass(500)
    greet()
    server.socket.drop()
    expect(settle).toHaveBeenCalledOnce()
  })

  it('numbers its calls by itself, so that a late answer on the one before settles nothing', async () => {
    connect()
    const before = server.socket
    link.tell('say', {}, vi.fn())
    before.drop()
    await server.clock.pass(500)
    greet()
    const settle = vi.fn()
    link.tell('say', {}, settle)
    before.answer('say', {})
    expect(settle).not.toHaveBeenCalled()
  })

  it('leaves no timer behind while all is well, nor once it is stopped', () => {
    connect()
    expect(server.clock.waiting).toBe(0)
    link.tell('say', {})
    expect(server.clock.waiting).toBe(1)
    server.socket.answer('say', {})
    expect(server.clock.waiting).toBe(0)
    server.socket.drop()
    expect(server.clock.waiting).toBe(1)
    link.stop()
    expect(server.clock.waiting).toBe(0)
  })

  it('that is stopped is closed, and no other opened until it is started', async () => {
    connect()
    link.stop()
    expect([server.socket.closed, live]).toEqual([true, false])
    link.wake()
    await server.clock.pass(60_000)
    expect(server.sockets).toHaveLength(1)
    link.start()
    greet()
    expect(live).toBe(true)
  })

  it('says that it is not live when it is stopped, though it never was', () => {
    const live = vi.fn()
    on.live = live
    link.start()
    link.stop()
    expect(live.mock.lastCall).toEqual([false])
  })

  it('that is stopped before it has opened is not heard any more', () => {
    link.start()
    const { onopen, onmessage, onclose } = server.socket
    expect([onopen, onmessage, onclose].every(Boolean)).toBe(true)
    link.stop()
    server.socket.accept()
    server.socket.drop()
    expect(server.sockets).toHaveLength(1)
    expect(told).toEqual([])
  })

  it('that a policy of the page forbids counts as refused', async () => {
    vi.stubGlobal('WebSocket', class {
      constructor() {
        throw new DOMException('no', 'SecurityError')
      }
    })
    link.start()
    await server.clock.pass(1_000)
    expect(unable).toBe(1)
    vi.unstubAllGlobals()
  })
})

describe('silence', () => {
  it('of 8 s after a call ends the socket', async () => {
    connect()
    const settle = vi.fn()
    link.tell('say', {}, settle)
    await server.clock.pass(7_900)
    expect(live).toBe(true)
    await server.clock.pass(100)
    expect([server.socket.closed, live]).toEqual([true, false])
    expect(settle).toHaveBeenCalledExactlyOnceWith()
  })

  it('is no shorter because more is said', async () => {
    connect()
    for (let second = 0; second < 8; second += 2) {
      expect(live).toBe(true)
      link.tell('typing', {})
      await server.clock.pass(2_000)
    }
    expect(live).toBe(false)
  })

  it('is counted from what came last, answer or not', async () => {
    connect()
    link.tell('say', {})
    await server.clock.pass(5_000)
    server.socket.event('desk', {})
    await server.clock.pass(7_900)
    expect(live).toBe(true)
    await server.clock.pass(100)
    expect(live).toBe(false)
  })

  it('ends the next one too, though a call on the one before had no answer', async () => {
    connect()
    link.tell('say', {})
    server.socket.drop()
    await server.clock.pass(500)
    greet()
    await server.clock.pass(60_000)
    expect(live).toBe(true)
    link.tell('say', {})
    await server.clock.pass(8_000)
    expect(live).toBe(false)
  })

  it('of a server that was asked for nothing is none', async () => {
    connect()
    await server.clock.pass(3_600_000)
    expect(live).toBe(true)
    expect(server.socket.frames).toHaveLength(1)
  })

  it('is looked for when the network or the page came back', async () => {
    connect()
    link.wake()
    expect(server.socket.calls('ping')).toHaveLength(1)
    await server.clock.pass(8_000)
    expect(live).toBe(false)
  })

  it.each([
    ['does not open', () => {}],
    ['opens and does not answer', () => server.socket.accept()],
  ])('of one that %s says at once that sockets do not work here', async (_, act) => {
    link.start()
    act()
    await server.clock.pass(8_000)
    expect(server.socket.closed).toBe(true)
    expect(unable).toBe(1)
  })

  it('of one that worked does not', async () => {
    connect()
    link.wake()
    await server.clock.pass(8_000)
    expect(unable).toBe(0)
    await server.clock.pass(500)
    greet()
    expect(live).toBe(true)
  })
})

describe('the next try', () => {
  it('comes after 0.5 s, and later each time, up to 8 s; anew once it was live', async () => {
    connect()
    const waits = async (): Promise<number> => {
      const { length } = server.sockets
      const before = server.clock.now
      server.socket.drop()
      while (server.sockets.length === length) await server.clock.pass(100)
      return server.clock.now - before
    }
    for (const expected of [500, 1_000, 2_000, 4_000, 8_000, 8_000]) expect(await waits()).toBe(expected)
    greet()
    await server.clock.pass(45_000)
    expect(await waits()).toBe(500)
  })

  it('comes ever more seldom where a proxy cuts each socket soon, with word of it from the third on', async () => {
    link.start()
    const told: number[] = []
    const { now } = server.clock
    for (let life = 0; life < 8; life++) {
      greet()
      server.socket.drop()
      told.push(unable)
      const { length } = server.sockets
      while (server.sockets.length === length) await server.clock.pass(100)
    }
    expect(told).toEqual([0, 0, 1, 2, 3, 4, 5, 6])
    expect(server.clock.now - now).toBe(500 + 1_000 + 1_000 + 2_000 + 2_000 + 4_000 + 4_000 + 8_000)
  })

  it('is spread over the whole of each wait', async () => {
    make(0.1)
    connect()
    server.socket.drop()
    await server.clock.pass(49)
    expect(server.sockets).toHaveLength(1)
    await server.clock.pass(1)
    expect(server.sockets).toHaveLength(2)
  })

  it('comes at once when the network is back', async () => {
    connect()
    server.socket.drop()
    link.wake()
    expect(server.sockets).toHaveLength(2)
  })

  it('does not come before the server allows, whoever wakes it', async () => {
    link.start()
    server.socket.accept()
    server.socket.refuse('hello', 'rate_limited', { retry_after: 30 })
    for (let second = 0; second < 30; second++) {
      link.wake()
      await server.clock.pass(1_000)
    }
    expect(server.sockets).toHaveLength(1)
    await server.clock.pass(500)
    expect(server.sockets).toHaveLength(2)
    server.socket.drop()
    link.wake()
    expect(server.sockets).toHaveLength(3)
  })

  it('is spread from when the server allows', async () => {
    make(0.1)
    link.start()
    server.socket.accept()
    server.socket.refuse('hello', 'unavailable', { retry_after: 10 })
    await server.clock.pass(10_049)
    expect(server.sockets).toHaveLength(1)
    await server.clock.pass(1)
    expect(server.sockets).toHaveLength(2)
  })

  it('after the second refusal comes with word that sockets seem not to work, and with each after it', async () => {
    link.start()
    for (const expected of [0, 1, 2]) {
      server.socket.drop()
      expect(unable).toBe(expected)
      await server.clock.pass(8_000)
    }
    greet()
    server.socket.drop()
    await server.clock.pass(500)
    server.socket.drop()
    expect(unable).toBe(2)
  })

  it('says nothing of sockets where the server is overloaded', async () => {
    link.start()
    for (let attempt = 0; attempt < 4; attempt++) {
      server.socket.accept()
      server.socket.refuse('hello', 'unavailable', { retry_after: 5 })
      await server.clock.pass(13_000)
    }
    expect(unable).toBe(0)
  })

  it('does not come where the way was changed meanwhile', async () => {
    on.unable = () => link.stop()
    link.start()
    server.socket.drop()
    await server.clock.pass(1_000)
    server.socket.drop()
    await server.clock.pass(60_000)
    expect(server.sockets).toHaveLength(2)
  })
})

describe('a refusal', () => {
  it.each(['unknown_site', 'forbidden', 'invalid'])('for good ends the tries: %s', async (reason) => {
    link.start()
    server.socket.accept()
    server.socket.refuse('hello', reason)
    link.wake()
    await server.clock.pass(600_000)
    expect(told).toEqual([['refused', `refused: ${reason}`]])
    expect(server.sockets).toHaveLength(1)
  })

  it('that answers no call is about the connection', async () => {
    link.start()
    server.socket.accept()
    const error = { code: -32000, message: 'not from here', data: { reason: 'forbidden' } }
    server.socket.receive({ jsonrpc: '2.0', id: null, error })
    await server.clock.pass(60_000)
    expect(told).toEqual([['refused', 'not from here']])
    expect(server.sockets).toHaveLength(1)
  })

  it('of the token takes it back, and the next try is without', async () => {
    link.start()
    server.socket.accept()
    server.socket.refuse('hello', 'bad_token')
    expect(told).toEqual([['token', '']])
    await server.clock.pass(1_000)
    expect(server.sockets).toHaveLength(2)
  })

  it('of one call is that call’s alone', () => {
    connect()
    link.tell('say', {})
    server.socket.refuse('say', 'forbidden')
    expect(live).toBe(true)
    expect(told).toHaveLength(1)
  })
})
