/** The connection over requests by itself; how it carries events: `stream`, `poll` and `attention`. */

import { beforeEach, describe, expect, it, vi } from 'vitest'
import type { Place } from '../src/carrier'
import type { Link, LinkEvents } from '../src/first'
import { createRequestLink } from '../src/requests'
import { FakeServer, helloOf, settle } from './fakes'

let server: FakeServer
let place: Place
let link: Link
let on: LinkEvents
let told: unknown[]
let live: boolean
let unable: number
/** How often it was told that it is not live. */
let dead: number

beforeEach(() => {
  server = new FakeServer()
  place = { token: '', cursor: '' }
  told = []
  live = false
  unable = 0
  dead = 0
  on = {
    greeting: () => (place.cursor ? ['resume', { ...place }] : ['hello', { site: 'acme' }]),
    hello({ token, cursor }) {
      Object.assign(place, { token, cursor })
      told.push(['hello', cursor])
    },
    event: (...event) => told.push(event),
    live(now) {
      live = now
      if (!now) dead++
    },
    token: (token) => (place.token = token),
    refused: (message) => told.push(['refused', message]),
    unable: () => unable++,
  }
  link = createRequestLink(server.env, 'https://chat.example/rpc', place, on)
})

const posted = (method: string): number => server.requests.filter((request) => request.method === method).length
const refusal = (reason: string, id: number | null = null): string =>
  JSON.stringify({ jsonrpc: '2.0', id, error: { code: -32000, message: `refused: ${reason}`, data: { reason } } })

async function greeting(): Promise<void> {
  link.start()
  await server.clock.pass(0)
}
async function connect(): Promise<void> {
  await greeting()
  server.request('hello').answer(helloOf())
  await settle()
  server.stream.begin()
  await settle()
}

describe('requests', () => {
  it('begin with hello, and are live once that is answered', async () => {
    await greeting()
    expect(server.request('hello').params).toEqual({ site: 'acme' })
    expect([live, server.streams.length]).toEqual([false, 0])
    server.request('hello').answer(helloOf())
    await settle()
    expect([live, server.streams.length]).toEqual([true, 1])
    expect(told).toEqual([['hello', 'cursor-1']])
  })

  it('begin anew after a join, from the cursor that has the room', async () => {
    await connect()
    link.tell('join', { room: 'lobby' }, (_error, result) => Object.assign(place, result))
    server.request('join').answer({ room: {}, cursor: 'cursor-2' })
    await settle()
    expect([live, server.stream.open]).toEqual([false, false])
    await server.clock.pass(0)
    expect(server.request('poll').params).toMatchObject({ cursor: 'cursor-2' })
    server.request('poll').answer({ cursor: 'cursor-3', events: [] })
    await settle()
    expect([live, server.streams.length]).toEqual([true, 2])
  })

  it('go on with a poll, whose events are told before they are live', async () => {
    Object.assign(place, { token: 'token-1', cursor: 'cursor-5' })
    await greeting()
    expect(server.request('poll').params).toEqual({ token: 'token-1', cursor: 'cursor-5', wait: 0 })
    server.request('poll').answer({ cursor: 'cursor-6', events: [{ type: 'message', data: { message: 1 } }] })
    await settle()
    expect(told).toEqual([
      ['message', { message: 1 }],
      ['', undefined, 'cursor-6'],
    ])
    expect(live).toBe(true)
  })

  it('are not live by a poll that brings a reset, but by the hello after it', async () => {
    Object.assign(place, { token: 'token-1', cursor: 'old' })
    const { event } = on
    on.event = (...told) => {
      event(...told)
      if (told[0] !== 'reset') return
      place.cursor = ''
      link.stop()
      link.start()
    }
    await greeting()
    server.request('poll').answer({ cursor: '', events: [{ type: 'reset', data: {} }, { type: 'message', data: {} }] })
    await server.clock.pass(0)
    expect([live, server.streams.length, told]).toEqual([false, 0, [['reset', {}]]])
    server.request('hello').answer(helloOf())
    await settle()
    expect([live, server.streams.length]).toEqual([true, 1])
  })

  it('are greeted once, however often they are started and woken meanwhile', async () => {
    await greeting()
    link.start()
    link.wake()
    await server.clock.pass(0)
    expect(posted('hello')).toBe(1)
  })

  it('tell each call its own result or error', async () => {
    await connect()
    const settled = [vi.fn(), vi.fn(), vi.fn()]
    link.tell('say', { id: 'a' }, settled[0])
    server.request('say').answer({ seq: 1 })
    link.tell('say', { id: 'b' }, settled[1])
    server.request('say').refuse(200, refusal('too_long', 3))
    link.tell('say', { id: 'c' }, settled[2])
    server.request('say').fail()
    link.tell('typing', {})
    server.request('typing').fail()
    await settle()
    expect(settled.map(({ mock }) => mock.calls[0])).toMatchObject([
      [undefined, { seq: 1 }],
      [{ data: { reason: 'too_long' } }],
      [{ data: { reason: 'unavailable' } }],
    ])
    for (const each of settled) expect(each).toHaveBeenCalledOnce()
    expect(live).toBe(true)
  })

  it('settle a call that is not answered within 8 s', async () => {
    await connect()
    const settled = vi.fn()
    link.tell('say', {}, settled)
    await server.clock.pass(8_000)
    expect(settled).toHaveBeenCalledExactlyOnceWith(expect.objectContaining({ data: { reason: 'unavailable', retry_after: 0 } }))
  })

  it('that are stopped settle their calls, close their stream, and leave no timer', async () => {
    await connect()
    const settled = vi.fn()
    link.tell('say', {}, settled)
    link.stop()
    await settle()
    expect(settled).toHaveBeenCalledOnce()
    expect([live, server.stream.open, server.clock.waiting]).toEqual([false, false, 0])
  })

  it('that are stopped while they are greeted are not heard any more', async () => {
    await greeting()
    link.stop()
    expect(dead).toBe(1)
    server.request('hello').answer(helloOf())
    await server.clock.pass(60_000)
    expect([told, live]).toEqual([[], false])
    expect(server.requests).toHaveLength(1)
  })

  it('replace the token by one that stands beside a result', async () => {
    await connect()
    link.tell('typing', {})
    server.request('typing').answer({}, { token: 'token-2' })
    await settle()
    link.tell('say', {})
    expect(server.request('say').params.token).toBe('token-2')
  })
})

describe('requests that fail', () => {
  it('at the greeting say so each time, and come again ever later', async () => {
    await greeting()
    for (const [index, pause] of [500, 1_000, 2_000, 4_000, 8_000, 8_000].entries()) {
      server.request('hello').fail()
      await server.clock.pass(pause - 100)
      expect([unable, posted('hello')]).toEqual([index + 1, index + 1])
      await server.clock.pass(100)
    }
    server.request('hello').answer(helloOf())
    await settle()
    server.stream.refuse(503, '', { 'Retry-After': '1' })
    await server.clock.pass(1_500)
    expect(posted('poll')).toBe(1)
    expect(unable).toBe(6)
  })

  it('with a time to come back keep it, whoever wakes them, and blame nobody', async () => {
    await greeting()
    server.request('hello').refuse(503, '', { 'Retry-After': '20' })
    for (let second = 0; second < 20; second++) {
      await server.clock.pass(1_000)
      link.wake()
    }
    expect(posted('hello')).toBe(1)
    await server.clock.pass(500)
    expect([posted('hello'), unable]).toEqual([2, 0])
  })

  it('and are stopped leave no timer', async () => {
    await greeting()
    server.request('hello').fail()
    await settle()
    expect(server.clock.waiting).toBe(1)
    link.stop()
    expect(server.clock.waiting).toBe(0)
  })

  it('are tried at once when the network is back', async () => {
    await greeting()
    for (let failures = 0; failures < 4; failures++) {
      server.request('hello').fail()
      await settle()
      link.wake()
      await server.clock.pass(0)
    }
    expect(posted('hello')).toBe(5)
  })

  it('for good end', async () => {
    await greeting()
    server.request('hello').refuse(403, refusal('forbidden'))
    await settle()
    link.wake()
    await server.clock.pass(600_000)
    expect(told).toEqual([['refused', 'refused: forbidden']])
    expect([posted('hello'), unable]).toEqual([1, 0])
  })

  it('for their token take it back', async () => {
    Object.assign(place, { token: 'old' })
    await greeting()
    expect(server.request('hello').params.token).toBe('old')
    server.request('hello').refuse(200, refusal('bad_token', 1))
    await server.clock.pass(500)
    expect(posted('hello')).toBe(2)
    expect(server.request('hello').params.token).toBeUndefined()
  })
})

describe('requests that are woken', () => {
  it('look whether the server is there, and are over if it is not', async () => {
    await connect()
    link.wake()
    server.request('ping').answer({})
    await settle()
    expect(live).toBe(true)
    link.wake()
    await server.clock.pass(8_000)
    expect([live, server.stream.open, unable]).toEqual([false, false, 0])
    await server.clock.pass(500)
    expect(posted('poll')).toBe(1)
  })

  it('are not ended by what the connection before was asked', async () => {
    await connect()
    link.wake()
    const before = server.request('ping')
    server.stream.refuse(200, '')
    link.stop()
    link.start()
    await server.clock.pass(0)
    server.request('poll').answer({ cursor: 'cursor-2', events: [] })
    await settle()
    before.fail()
    await server.clock.pass(8_000)
    expect(live).toBe(true)
  })
})
