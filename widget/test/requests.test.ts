import { beforeEach, describe, expect, it } from 'vitest'
import { createParser } from '../src/events'
import { createRequests } from '../src/requests'
import { type Transport, createTransport } from '../src/transport'
import { FakeServer, helloOf, settle } from './fakes'

let server: FakeServer
let transport: Transport
let told: [string, unknown][]
let live: boolean[]

beforeEach(() => {
  server = new FakeServer()
  told = []
  live = []
  transport = createTransport(
    server.env,
    'https://chat.example/rpc',
    '',
    {
      greeting: () => ({ site: 'acme' }),
      hello: (result) => told.push(['hello', result.cursor]),
      event: (type, data) => told.push([type, data]),
      live: (now) => live.push(now),
      token: () => {},
      refused: () => {},
    },
    async () => createRequests(),
  )
})

/** The socket is dropped twice, so the third try goes by requests, and a stream is asked for. */
async function requesting(): Promise<void> {
  transport.start()
  server.socket.drop()
  await server.clock.pass(500)
  server.socket.drop()
  await server.clock.pass(1_000)
  server.request('hello').answer(helloOf())
  await settle()
}

async function streaming(): Promise<void> {
  await requesting()
  server.stream.begin()
  await settle()
}

/** Answers the poll that looks whether the server is there, and waits for what follows. */
async function reachable(cursor = 'cursor-1', events: object[] = []): Promise<void> {
  await server.clock.pass(500)
  expect(server.request('poll').params.wait).toBe(0)
  server.request('poll').answer({ cursor, events })
  const asked = (): number => server.requests.length + server.streams.length
  for (const before = asked(); asked() === before; ) await server.clock.pass(100)
}

async function polling(): Promise<void> {
  await requesting()
  server.stream.refuse(404, 'There is nothing here.')
  await reachable()
}

describe('the text of a stream', () => {
  const parsed = (pieces: string[]): unknown[] => {
    const events: unknown[] = []
    const feed = createParser((type, data, id) => events.push([type, data, id]), () => {})
    pieces.forEach(feed)
    return events
  }

  const text = ': here\n\nid: c1\nevent: message\ndata: {"a":1}\n\nevent:typing\r\ndata: one\u2028\r\ndata: two\r\n\r\n'
  const events = [
    ['message', '{"a":1}', 'c1'],
    ['typing', 'one\u2028\ntwo', undefined],
  ]

  it('gives each event, whatever the pieces it comes in', () => {
    for (let cut = 0; cut <= text.length; cut++) {
      expect(parsed([text.slice(0, cut), text.slice(cut)])).toEqual(events)
    }
    expect(parsed([...text])).toEqual(events)
  })

  it('gives no event that is not complete', () => {
    expect(parsed(['id: c1\nevent: message\ndata: {"a"'])).toEqual([])
    expect(parsed(['event: message\n\ndata: 1\n\n'])).toEqual([])
  })
})

describe('a stream', () => {
  it('is asked for where WebSockets do not work, with token and cursor', async () => {
    await streaming()
    expect(server.stream.params).toEqual({ token: 'token-1', cursor: 'cursor-1' })
    expect(live).toEqual([true])
  })

  it('gives events, and calls go beside it', async () => {
    await streaming()
    server.stream.event('message', { message: 1 }, 'cursor-2')
    server.stream.event('desk', { state: 'offline' }, 'cursor-2')
    await settle()
    expect(told).toEqual([
      ['hello', 'cursor-1'],
      ['message', { message: 1 }],
      ['desk', { state: 'offline' }],
    ])
    const called = transport.call('say', { id: 'a' })
    expect(server.request('say').params).toEqual({ token: 'token-1', id: 'a' })
    server.request('say').answer({ seq: 1 })
    expect(await called).toEqual({ seq: 1 })
  })

  it('that is cut is asked for again, after what was missed, and nobody hears of it', async () => {
    await streaming()
    server.stream.event('message', { message: 1 }, 'cursor-2')
    await server.clock.pass(30_000)
    server.stream.send('event: message\ndata: {"half')
    server.stream.fail()
    await server.clock.pass(500)
    expect(server.request('poll').params).toMatchObject({ cursor: 'cursor-2', wait: 0 })
    await reachable('cursor-3', [{ type: 'message', data: { message: 2 } }])
    expect(server.streams).toHaveLength(2)
    expect(server.stream.params.cursor).toBe('cursor-3')
    expect(told.slice(1)).toEqual([
      ['message', { message: 1 }],
      ['message', { message: 2 }],
    ])
    expect(live).toEqual([true])
  })

  it('that is cut because the server is gone ends the connection', async () => {
    await streaming()
    server.stream.end()
    await server.clock.pass(500)
    server.request('poll').fail()
    await settle()
    expect(live).toEqual([true, false])
  })

  it('without a comment for 50 s is taken as broken', async () => {
    await streaming()
    await server.clock.pass(40_000)
    server.stream.send(':\n\n')
    await server.clock.pass(49_900)
    expect(server.stream.open).toBe(true)
    await server.clock.pass(100)
    expect(server.stream.open).toBe(false)
  })

  it.each([
    ['nothing after its head', (): void => server.stream.accept()],
    ['no head either', (): void => {}],
  ])('that a proxy collects gives way to polls after 5 s: %s', async (_, act) => {
    await requesting()
    act()
    await server.clock.pass(5_000)
    await reachable('cursor-2')
    expect(server.request('poll').params).toMatchObject({ cursor: 'cursor-2', wait: 25 })
    expect(server.streams).toHaveLength(1)
    expect(live).toEqual([true])
  })

  it('that is none gives way to polls', async () => {
    await requesting()
    server.stream.refuse(200, '<html>Please sign in</html>')
    await reachable()
    expect(server.request('poll').params.wait).toBe(25)
  })

  it('gives way to polls when it is cut early three times, and is tried again after ten minutes', async () => {
    await requesting()
    for (let cut = 1; cut <= 3; cut++) {
      expect(server.streams).toHaveLength(cut)
      server.stream.begin()
      await server.clock.pass(5_000)
      server.stream.end()
      await reachable()
    }
    transport.attend(true)
    for (let time = 0; time < 600; time += 10) {
      expect(server.streams).toHaveLength(3)
      server.request('poll').answer({ cursor: 'cursor-9', events: [] })
      await server.clock.pass(10_000)
      server.request('ping').answer({})
    }
    server.request('poll').answer({ cursor: 'cursor-9', events: [] })
    await settle()
    expect(server.streams).toHaveLength(4)
    expect(server.stream.params.cursor).toBe('cursor-9')
    expect(live).toEqual([true])
  })

  it('is left for hello after a reset', async () => {
    await streaming()
    server.stream.event('reset', {}, '')
    await server.clock.pass(500)
    expect(server.stream.open).toBe(false)
    expect(server.requests.filter(({ method }) => method === 'hello')).toHaveLength(2)
  })

  it('with a bad token is refused, and hello is said without one', async () => {
    await requesting()
    const error = { code: -32000, message: 'no', data: { reason: 'bad_token' } }
    server.stream.refuse(403, JSON.stringify({ jsonrpc: '2.0', id: null, error }))
    await server.clock.pass(500)
    expect(server.request('hello').params.token).toBeUndefined()
  })

  it.each([
    ['seconds', (): string => '20'],
    ['a date', (): string => new Date(server.clock.now + 20_000).toUTCString()],
  ])('obeys Retry-After: %s', async (_, later) => {
    await requesting()
    await server.clock.pass(1_000 - (server.clock.now % 1_000))
    const before = server.requests.length
    server.stream.refuse(503, 'overloaded', { 'Retry-After': later() })
    await settle()
    expect(live).toEqual([true, false])
    transport.wake()
    await server.clock.pass(20_400)
    expect(server.requests).toHaveLength(before)
    await server.clock.pass(100)
    expect(server.requests).toHaveLength(before + 1)
  })

  it('is left too when any call is told to come later', async () => {
    await streaming()
    const called = expect(transport.call('typing', {})).rejects.toMatchObject({ retryAfter: 20 })
    server.request('typing').refuse(503, '', { 'Retry-After': '20' })
    await called
    expect(live).toEqual([true, false])
    expect(server.stream.open).toBe(false)
    const before = server.requests.length
    await server.clock.pass(20_400)
    expect(server.requests).toHaveLength(before)
  })

  it('goes on when one call is refused for a while', async () => {
    await streaming()
    const called = expect(transport.call('say', {})).rejects.toMatchObject({ reason: 'rate_limited', retryAfter: 9 })
    const error = { code: -32000, message: 'slowly', data: { reason: 'rate_limited', retry_after: 9 } }
    server.request('say').refuse(200, JSON.stringify({ jsonrpc: '2.0', id: 1, error }))
    await called
    expect(live).toEqual([true])
  })

  it('that the server ends comes back when the server says', async () => {
    await streaming()
    server.stream.send('retry: 4000\n: server stops\n\n')
    server.stream.end()
    await settle()
    expect(live).toEqual([true, false])
    await server.clock.pass(4_400)
    expect(server.requests).toHaveLength(1)
    await server.clock.pass(100)
    expect(server.request('poll').params.cursor).toBe('cursor-1')
  })

  it('is a dead one if a ping beside it is not answered', async () => {
    await streaming()
    transport.attend(true)
    await server.clock.pass(10_000)
    server.request('ping').answer({})
    await server.clock.pass(10_000)
    expect(live).toEqual([true])
    await server.clock.pass(8_000)
    expect(live).toEqual([true, false])
    expect(server.stream.open).toBe(false)
  })

  it('is closed with its page', async () => {
    await streaming()
    transport.stop()
    await server.clock.pass(60_000)
    expect(server.stream.open).toBe(false)
    expect(server.streams).toHaveLength(1)
    expect(server.requests.filter(({ method }) => method === 'poll')).toHaveLength(0)
  })
})

describe('the long poll', () => {
  it('gives the same events, and moves the cursor each time', async () => {
    await polling()
    expect(server.request('poll').params).toEqual({ token: 'token-1', cursor: 'cursor-1', wait: 25 })
    const events = [
      { type: 'message', data: { message: 1 } },
      { type: 'desk', data: { state: 'offline' } },
    ]
    server.request('poll').answer({ cursor: 'cursor-2', events })
    await settle()
    expect(told).toEqual([
      ['hello', 'cursor-1'],
      ['message', { message: 1 }],
      ['desk', { state: 'offline' }],
    ])
    expect(server.request('poll').params.cursor).toBe('cursor-2')
  })

  it('gives way to hello after a reset', async () => {
    await polling()
    server.request('poll').answer({ cursor: '', events: [{ type: 'reset', data: {} }] })
    await server.clock.pass(500)
    expect(server.requests.filter(({ method }) => method === 'hello')).toHaveLength(2)
  })

  it('that is cut waits half as long the next time, but not less than 5 s', async () => {
    await polling()
    for (const wait of [12.5, 6.25, 5, 5]) {
      server.request('poll').refuse(504, '<html>Gateway Timeout</html>')
      await reachable()
      expect(server.request('poll').params.wait).toBe(wait)
    }
    expect(live).toEqual([true])
  })

  it('that finds no server ends the connection, and the next goes on from its cursor', async () => {
    await polling()
    server.request('poll').answer({ cursor: 'cursor-2', events: [] })
    await settle()
    server.request('poll').fail()
    await server.clock.pass(500)
    server.request('poll').fail()
    await settle()
    expect(live).toEqual([true, false])
    await server.clock.pass(500)
    expect(server.request('poll').params).toMatchObject({ cursor: 'cursor-2', wait: 0 })
    server.request('poll').answer({ cursor: 'cursor-3', events: [] })
    await settle()
    expect(live).toEqual([true, false, true])
    expect(server.request('poll').params).toMatchObject({ cursor: 'cursor-3', wait: 25 })
  })

  it('obeys Retry-After', async () => {
    await polling()
    const before = server.requests.length
    server.request('poll').refuse(503, 'overloaded', { 'Retry-After': '20' })
    await server.clock.pass(20_400)
    expect(server.requests).toHaveLength(before)
    await server.clock.pass(100)
    expect(server.requests).toHaveLength(before + 1)
  })
})

describe('a socket', () => {
  async function polls(rounds: number): Promise<void> {
    for (let round = 0; round < rounds; round++) {
      await server.clock.pass(20_000)
      for (const { method, answer } of server.requests) if (method === 'ping') answer({})
      server.request('poll').answer({ cursor: 'cursor-9', events: [] })
      await settle()
    }
  }

  it('is tried again after three minutes, and if it fails all goes on as before', async () => {
    await polling()
    await polls(8)
    expect(server.sockets).toHaveLength(2)
    await polls(1)
    expect(server.sockets).toHaveLength(3)
    server.socket.drop()
    await server.clock.pass(1_000)
    expect(server.sockets).toHaveLength(3)
    server.request('poll').answer({ cursor: 'cursor-9', events: [] })
    await settle()
    expect(server.request('poll').params).toMatchObject({ cursor: 'cursor-9', wait: 25 })
    expect(server.streams).toHaveLength(1)
  })

  it('is not tried while the panel is open and something else works', async () => {
    await polling()
    transport.attend(true)
    for (let round = 0; round < 24; round++) {
      await server.clock.pass(10_000)
      server.request('ping').answer({})
      server.request('poll').answer({ cursor: 'cursor-9', events: [] })
      await settle()
    }
    expect(live).toEqual([true])
    transport.attend(false)
    await polls(1)
    expect(server.sockets).toHaveLength(3)
  })

  it('is not to blame when requests fail too', async () => {
    transport.start()
    server.socket.drop()
    await server.clock.pass(500)
    server.socket.drop()
    await server.clock.pass(1_000)
    server.request('hello').fail()
    await server.clock.pass(2_000)
    expect(server.sockets).toHaveLength(3)
  })

  it('that opens and stays silent for 5 s gives way to requests at once', async () => {
    transport.start()
    server.socket.accept()
    await server.clock.pass(5_500)
    expect(server.sockets).toHaveLength(1)
    expect(server.request('hello').params).toMatchObject({ site: 'acme' })
  })

  it('that does not even open does so after 8 s', async () => {
    transport.start()
    await server.clock.pass(8_500)
    expect(server.sockets).toHaveLength(1)
    expect(server.request('hello').params).toMatchObject({ site: 'acme' })
  })
})
