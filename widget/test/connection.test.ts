/** The panel's policy over the loader's socket. */

import { beforeEach, describe, expect, it, vi } from 'vitest'
import { Connecting } from './connecting'
import { settle } from './fakes'
import { fetched, instead, resetParts } from './parts'

vi.mock('../src/panel/parts', async (actual) => ({
  ...(await actual<object>()),
  fetchPart: (await import('./parts')).fetchPart,
}))

let way: Connecting

beforeEach(() => {
  resetParts()
  way = new Connecting()
})

describe('going on', () => {
  it('is from the cursor of the last event', async () => {
    await way.connected()
    way.server.socket.event('message', { message: 1 }, 'cursor-2')
    way.server.socket.event('desk', { state: 'busy' })
    way.server.socket.drop()
    expect(way.isLive).toBe(false)
    await way.server.clock.pass(500)
    way.server.socket.accept()
    expect(way.server.socket.frames).toMatchObject([
      { method: 'resume', params: { token: 'token-1', cursor: 'cursor-2' } },
    ])
    way.server.socket.answer('resume', { desk: { state: 'offline' }, talk: { state: 'taken' }, rooms: [] })
    await settle()
    expect(way.isLive).toBe(true)
    expect(way.told.slice(-2)).toEqual([
      ['desk', { state: 'offline' }],
      ['talk', { state: 'taken' }],
    ])
  })

  it('is so after it was stopped, as for a page from the back and forward cache', async () => {
    await way.connected()
    way.link.stop()
    expect(way.server.socket.closed).toBe(true)
    await way.server.clock.pass(60_000)
    expect(way.server.sockets).toHaveLength(1)
    way.link.start()
    way.server.socket.accept()
    expect(way.server.socket.frames[0]?.method).toBe('resume')
  })

  it('begins with hello after a reset, and after a pause, however often that comes', async () => {
    await way.connected()
    for (let reset = 1; reset < 5; reset++) {
      way.server.socket.event('reset', {})
      expect(way.isLive).toBe(false)
      await way.server.clock.pass(400)
      expect(way.server.sockets).toHaveLength(reset)
      await way.server.clock.pass(100)
      expect(way.server.sockets).toHaveLength(reset + 1)
      await way.greet()
    }
    expect(way.server.sockets.every(({ frames }) => frames[0]!.method === 'hello')).toBe(true)
    expect(way.told.filter(([type]) => type !== 'hello')).toEqual([])
    expect(fetched).toEqual([])
  })

  it('hears nothing more of what it has left by a reset', async () => {
    await way.connected()
    const before = way.server.socket
    before.event('reset', {})
    before.event('message', { message: 9 }, 'cursor-9')
    await way.server.clock.pass(500)
    await way.greet()
    expect(way.told.map(([type]) => type)).toEqual(['hello', 'hello'])
    expect(way.place.cursor).toBe('cursor-1')
  })

  it('is not by itself while another tab is to have the connection', async () => {
    await way.connected()
    way.server.socket.event('reset', {})
    way.leads = false
    way.link.stop()
    await way.server.clock.pass(600_000)
    expect(way.server.sockets).toHaveLength(1)
  })
})

describe('a call', () => {
  it('has its answer', async () => {
    await way.connected()
    const called = way.connection.call('say', { id: 'a' })
    expect(way.server.socket.last('say').params).toEqual({ id: 'a' })
    way.server.socket.answer('say', { seq: 1 })
    expect(await called).toEqual({ seq: 1 })
  })

  it('is rejected by its refusal', async () => {
    await way.connected()
    const called = way.connection.call('say')
    way.server.socket.refuse('say', 'rate_limited', { retry_after: 7 })
    await expect(called).rejects.toMatchObject({ reason: 'rate_limited', retryAfter: 7 })
    expect(way.isLive).toBe(true)
  })

  it('is rejected while there is no connection', async () => {
    way.start()
    const rejected = { reason: 'unavailable' }
    await expect(way.connection.call('say', {})).rejects.toMatchObject(rejected)
    await way.greet()
    way.link.stop()
    await expect(way.connection.call('say', {})).rejects.toMatchObject(rejected)
  })

  it.each([
    ['breaks', () => way.server.socket.drop()],
    ['is stopped', () => way.link.stop()],
    ['is reset', () => way.server.socket.event('reset', {})],
    ['is silent for 8 s', () => way.server.clock.pass(8_000)],
  ])('is rejected when the connection %s', async (_, end) => {
    await way.connected()
    const called = expect(way.connection.call('say', {})).rejects.toMatchObject({ reason: 'unavailable' })
    await end()
    await called
    expect(way.isLive).toBe(false)
  })

  it('with a bad token forgets it, and hello is said without one', async () => {
    await way.connected()
    const called = way.connection.call('say', {})
    way.server.socket.refuse('say', 'bad_token')
    await expect(called).rejects.toMatchObject({ reason: 'bad_token' })
    expect(way.place).toMatchObject({ token: '', cursor: '' })
    await way.server.clock.pass(500)
    way.server.socket.accept()
    expect(way.server.socket.last('hello').params.token).toBeUndefined()
  })
})

describe('while the visitor looks on', () => {
  it('there is a ping every 10 s, and else none', async () => {
    await way.connected()
    await way.server.clock.pass(60_000)
    expect(way.server.socket.calls('ping')).toHaveLength(0)
    way.connection.attend(true)
    way.connection.attend(true)
    for (let pings = 1; pings < 4; pings++) {
      await way.server.clock.pass(10_000)
      expect(way.server.socket.calls('ping')).toHaveLength(pings)
      way.server.socket.answer('ping', {})
    }
    way.connection.attend(false)
    await way.server.clock.pass(60_000)
    expect(way.server.socket.calls('ping')).toHaveLength(3)
    expect(way.server.clock.waiting).toBe(0)
  })

  it('a half-open connection is noticed within 20 s', async () => {
    await way.connected()
    way.connection.attend(true)
    await way.server.clock.pass(18_000)
    expect(way.server.socket.closed).toBe(true)
    expect(way.isLive).toBe(false)
  })

  it('the time that the server asks for is kept', async () => {
    way.start()
    way.connection.attend(true)
    way.server.socket.accept()
    way.server.socket.refuse('hello', 'rate_limited', { retry_after: 60 })
    await way.server.clock.pass(60_000)
    expect(way.server.sockets).toHaveLength(1)
    await way.server.clock.pass(500)
    expect(way.server.sockets).toHaveLength(2)
  })
})

describe('where sockets are cut', () => {
  const liveFor = async (milliseconds: number): Promise<void> => {
    await way.greet()
    await way.server.clock.pass(milliseconds)
    way.server.socket.drop()
    await way.server.clock.pass(1_000)
  }

  it('it goes another way after the third short life in a row, from the same cursor', async () => {
    way.start()
    await liveFor(30_000)
    await liveFor(30_000)
    expect(way.server.requests).toHaveLength(0)
    await liveFor(30_000)
    expect(way.server.sockets).toHaveLength(3)
    expect(way.server.request('poll').params).toMatchObject({ cursor: 'cursor-1', wait: 0 })
  })

  it('it stays with sockets that are cut now and then', async () => {
    way.start()
    for (const seconds of [30, 30, 50, 30, 30, 600]) await liveFor(seconds * 1000)
    expect(way.server.sockets).toHaveLength(7)
    expect(way.server.requests).toHaveLength(0)
  })

  it('it goes back to another way after the first cut, once it has tried a socket again', async () => {
    way.start()
    for (let life = 0; life < 3; life++) await liveFor(30_000)
    way.server.request('poll').answer({ cursor: 'cursor-2', events: [] })
    await settle()
    way.server.stream.begin()
    for (let time = 0; time < 180; time += 30) {
      await way.server.clock.pass(30_000)
      if (way.server.sockets.length === 3) way.server.stream.send(':\n')
    }
    await settle()
    await way.server.clock.pass(500)
    expect(way.server.sockets).toHaveLength(4)
    expect(way.server.stream.open).toBe(false)
    await liveFor(30_000)
    expect(way.server.sockets).toHaveLength(4)
    expect(way.server.request('poll').params).toMatchObject({ cursor: 'cursor-2', wait: 0 })
  })

  it('what this tab ends itself is no cut', async () => {
    await way.connected()
    for (let time = 0; time < 4; time++) {
      way.leads = false
      way.link.stop()
      way.leads = true
      way.link.start()
      await way.greet()
    }
    expect(way.server.requests).toHaveLength(0)
    expect(fetched).toEqual([])
  })
})

describe('where sockets are refused', () => {
  it('requests take their place after the second', async () => {
    await way.requesting()
    expect(way.server.sockets).toHaveLength(2)
    expect(fetched).toEqual(['requests'])
    expect(way.isLive).toBe(true)
    expect(way.told).toEqual([['hello', 'cursor-1']])
  })

  it.each([
    ['open and stay silent', () => way.server.socket.accept()],
    ['do not even open', () => {}],
  ])('requests do so at once if they %s', async (_, act) => {
    way.start()
    act()
    await way.server.clock.pass(8_500)
    expect(way.server.sockets).toHaveLength(1)
    expect(way.server.request('hello').params).toMatchObject({ site: 'acme' })
  })

  it('and the code for requests cannot be fetched, sockets are tried on, and it is too', async () => {
    instead.set('requests', new TypeError('Failed to fetch'))
    way.start()
    for (let refusal = 0; refusal < 4; refusal++) {
      way.server.socket.drop()
      await way.server.clock.pass(8_000)
    }
    expect(way.server.sockets).toHaveLength(5)
    expect(fetched).toEqual(['requests', 'requests', 'requests'])
    instead.clear()
    way.server.socket.drop()
    await way.server.clock.pass(8_000)
    expect(way.posted('hello')).toBe(1)
  })

  it('and requests fail too, both are tried in turn, ever more seldom up to 8 s', async () => {
    await way.connected()
    const waits: number[] = []
    const { server } = way
    server.socket.drop()
    for (let attempt = 0; attempt < 9; attempt++) {
      const before = server.clock.now
      const sockets = server.sockets.length
      const requests = server.requests.length
      while (server.sockets.length === sockets && server.requests.length === requests) await server.clock.pass(100)
      waits.push(server.clock.now - before)
      if (server.requests.length > requests) server.requests[requests]!.fail()
      else server.socket.drop()
      await settle()
    }
    expect(waits).toEqual([500, 1_000, 500, 1_000, 2_000, 4_000, 8_000, 8_000, 8_000])
    expect(server.requests.length).toBeGreaterThanOrEqual(3)
    expect(server.sockets.length).toBeGreaterThanOrEqual(5)
    expect(server.clock.waiting).toBeLessThanOrEqual(3)
  })

  it('only one way is open at a time, and it closes with the page', async () => {
    await way.streaming()
    expect(way.server.sockets.every(({ closed }) => closed)).toBe(true)
    way.leads = false
    way.link.stop()
    expect(way.server.stream.open).toBe(false)
    await way.server.clock.pass(600_000)
    expect(way.server.sockets).toHaveLength(2)
    expect(way.server.streams).toHaveLength(1)
    expect(way.isLive).toBe(false)
  })

  it('a stop in the middle of the change holds, and the other way is gone on later', async () => {
    way.start()
    way.server.socket.drop()
    await way.server.clock.pass(1_000)
    way.server.socket.drop()
    way.leads = false
    way.link.stop()
    await way.server.clock.pass(60_000)
    expect(way.server.sockets).toHaveLength(2)
    expect(way.server.requests).toHaveLength(0)
    way.leads = true
    way.link.start()
    await settle()
    await way.server.clock.pass(0)
    expect(way.posted('hello')).toBe(1)
  })
})

describe('what nobody but the site can mend', () => {
  it.each(['unknown_site', 'forbidden'])('ends the tries: %s', async (reason) => {
    way.start()
    way.server.socket.accept()
    way.server.socket.refuse('hello', reason)
    await way.server.clock.pass(600_000)
    expect(way.refused).toEqual([`refused: ${reason}`])
    expect(way.server.sockets).toHaveLength(1)
    expect(way.server.requests).toHaveLength(0)
  })

  it('is asked for by hello before it is believed of a resume', async () => {
    await way.connected()
    way.server.socket.drop()
    await way.server.clock.pass(500)
    way.server.socket.accept()
    way.server.socket.refuse('resume', 'invalid')
    expect(way.server.sockets).toHaveLength(2)
    await way.server.clock.pass(500)
    way.server.socket.accept()
    expect(way.refused).toEqual([])
    expect(way.server.socket.frames[0]?.method).toBe('hello')
    way.server.socket.refuse('hello', 'forbidden')
    await way.server.clock.pass(600_000)
    expect(way.refused).toEqual(['refused: forbidden'])
    expect(way.server.sockets).toHaveLength(3)
  })

  it('is told by requests too, and ends them', async () => {
    way.start()
    way.server.socket.drop()
    await way.server.clock.pass(1_000)
    way.server.socket.drop()
    await way.server.clock.pass(1_000)
    const error = { code: -32000, message: 'not from here', data: { reason: 'forbidden' } }
    way.server.request('hello').refuse(403, JSON.stringify({ jsonrpc: '2.0', id: null, error }))
    await way.server.clock.pass(600_000)
    expect(way.refused).toEqual(['not from here'])
    expect([way.posted('hello'), way.server.sockets.length]).toEqual([1, 2])
  })
})
