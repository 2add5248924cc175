import { beforeEach, describe, expect, it, vi } from 'vitest'
import { Connecting } from './connecting'
import { settle } from './fakes'

vi.mock('../src/panel/parts', async (actual) => ({
  ...(await actual<object>()),
  fetchPart: (await import('./parts')).fetchPart,
}))

let way: Connecting

beforeEach(() => {
  way = new Connecting()
})

describe('a stream', () => {
  it('is asked for where WebSockets do not work, with token and cursor', async () => {
    await way.streaming()
    expect(way.server.stream.params).toEqual({ token: 'token-1', cursor: 'cursor-1' })
    expect(way.live).toEqual([true])
  })

  it('gives events, and calls go beside it', async () => {
    await way.streaming()
    way.server.stream.event('message', { message: 1 }, 'cursor-2')
    way.server.stream.event('desk', { state: 'offline' }, 'cursor-2')
    await settle()
    expect(way.told).toEqual([
      ['hello', 'cursor-1'],
      ['message', { message: 1 }],
      ['desk', { state: 'offline' }],
    ])
    const called = way.connection.call('say', { id: 'a' })
    expect(way.server.request('say').params).toEqual({ token: 'token-1', id: 'a' })
    way.server.request('say').answer({ seq: 1 })
    expect(await called).toEqual({ seq: 1 })
  })

  it('that is cut is asked for again, after what was missed, and nobody hears of it', async () => {
    await way.streaming()
    way.server.stream.event('message', { message: 1 }, 'cursor-2')
    await way.server.clock.pass(30_000)
    way.server.stream.send('event: message\ndata: {"half')
    way.server.stream.fail()
    await way.server.clock.pass(500)
    expect(way.server.request('poll').params).toMatchObject({ cursor: 'cursor-2', wait: 0 })
    await way.reachable('cursor-3', [{ type: 'message', data: { message: 2 } }])
    expect(way.server.streams).toHaveLength(2)
    expect(way.server.stream.params.cursor).toBe('cursor-3')
    expect(way.told.slice(1)).toEqual([
      ['message', { message: 1 }],
      ['message', { message: 2 }],
    ])
    expect(way.live).toEqual([true])
  })

  it('that is cut because the server is gone ends the connection', async () => {
    await way.streaming()
    way.server.stream.end()
    await way.server.clock.pass(500)
    way.server.request('poll').fail()
    await settle()
    expect(way.live).toEqual([true, false])
  })

  it('without a comment for 50 s is taken as broken', async () => {
    await way.streaming()
    await way.server.clock.pass(40_000)
    way.server.stream.send(':\n\n')
    await way.server.clock.pass(49_900)
    expect(way.server.stream.open).toBe(true)
    await way.server.clock.pass(100)
    expect(way.server.stream.open).toBe(false)
  })

  it.each([
    ['nothing after its head', (): void => way.server.stream.accept()],
    ['no head either', (): void => {}],
  ])('that a proxy collects gives way to polls after 5 s: %s', async (_, act) => {
    await way.requesting()
    act()
    await way.server.clock.pass(5_000)
    await way.reachable('cursor-2')
    expect(way.server.request('poll').params).toMatchObject({ cursor: 'cursor-2', wait: 25 })
    expect(way.server.streams).toHaveLength(1)
    expect(way.live).toEqual([true])
  })

  it('that is none gives way to polls', async () => {
    await way.requesting()
    way.server.stream.refuse(200, '<html>Please sign in</html>')
    await way.reachable()
    expect(way.server.request('poll').params.wait).toBe(25)
  })

  it('gives way to polls when it is cut early three times, and is tried again after ten minutes', async () => {
    await way.requesting()
    for (let cut = 1; cut <= 3; cut++) {
      expect(way.server.streams).toHaveLength(cut)
      way.server.stream.begin()
      await way.server.clock.pass(5_000)
      way.server.stream.end()
      await way.reachable()
    }
    way.connection.attend(true)
    for (let time = 0; time < 600; time += 10) {
      expect(way.server.streams).toHaveLength(3)
      way.server.request('poll').answer({ cursor: 'cursor-9', events: [] })
      await way.server.clock.pass(10_000)
      way.server.request('ping').answer({})
    }
    way.server.request('poll').answer({ cursor: 'cursor-9', events: [] })
    await settle()
    expect(way.server.streams).toHaveLength(4)
    expect(way.server.stream.params.cursor).toBe('cursor-9')
    expect(way.live).toEqual([true])
  })

  it('is left for hello after a reset', async () => {
    await way.streaming()
    way.server.stream.event('reset', {}, '')
    await way.server.clock.pass(500)
    expect(way.server.stream.open).toBe(false)
    expect(way.server.requests.filter(({ method }) => method === 'hello')).toHaveLength(2)
  })

  it('with a bad token is refused, and hello is said without one', async () => {
    await way.requesting()
    const error = { code: -32000, message: 'no', data: { reason: 'bad_token' } }
    way.server.stream.refuse(403, JSON.stringify({ jsonrpc: '2.0', id: null, error }))
    await way.server.clock.pass(500)
    expect(way.server.request('hello').params.token).toBeUndefined()
  })

  it.each([
    ['seconds', (): string => '20'],
    ['a date', (): string => new Date(way.server.clock.now + 20_000).toUTCString()],
  ])('obeys Retry-After: %s', async (_, later) => {
    await way.requesting()
    await way.server.clock.pass(1_000 - (way.server.clock.now % 1_000))
    const before = way.server.requests.length
    way.server.stream.refuse(503, 'overloaded', { 'Retry-After': later() })
    await settle()
    expect(way.live).toEqual([true, false])
    way.link.wake()
    await way.server.clock.pass(20_400)
    expect(way.server.requests).toHaveLength(before)
    await way.server.clock.pass(100)
    expect(way.server.requests).toHaveLength(before + 1)
  })

  it('is left too when any call is told to come later', async () => {
    await way.streaming()
    const called = expect(way.connection.call('typing', {})).rejects.toMatchObject({ retryAfter: 20 })
    way.server.request('typing').refuse(503, '', { 'Retry-After': '20' })
    await called
    expect(way.live).toEqual([true, false])
    expect(way.server.stream.open).toBe(false)
    const before = way.server.requests.length
    await way.server.clock.pass(20_400)
    expect(way.server.requests).toHaveLength(before)
  })

  it('goes on when one call is refused for a while', async () => {
    await way.streaming()
    const called = expect(way.connection.call('say', {})).rejects.toMatchObject({ reason: 'rate_limited', retryAfter: 9 })
    const error = { code: -32000, message: 'slowly', data: { reason: 'rate_limited', retry_after: 9 } }
    way.server.request('say').refuse(200, JSON.stringify({ jsonrpc: '2.0', id: 1, error }))
    await called
    expect(way.live).toEqual([true])
  })

  it('that the server ends comes back when the server says', async () => {
    await way.streaming()
    way.server.stream.send('retry: 4000\n: server stops\n\n')
    way.server.stream.end()
    await settle()
    expect(way.live).toEqual([true, false])
    await way.server.clock.pass(4_400)
    expect(way.server.requests).toHaveLength(1)
    await way.server.clock.pass(100)
    expect(way.server.request('poll').params.cursor).toBe('cursor-1')
  })

  it('is closed with its page', async () => {
    await way.streaming()
    way.link.stop()
    await way.server.clock.pass(60_000)
    expect(way.server.stream.open).toBe(false)
    expect(way.server.streams).toHaveLength(1)
    expect(way.server.requests.filter(({ method }) => method === 'poll')).toHaveLength(0)
  })
})
