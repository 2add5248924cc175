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

describe('the long poll', () => {
  it('gives the same events, and moves the cursor each time', async () => {
    await way.polling()
    expect(way.server.request('poll').params).toEqual({ token: 'token-1', cursor: 'cursor-1', wait: 25 })
    const events = [
      { type: 'message', data: { message: 1 } },
      { type: 'desk', data: { state: 'offline' } },
    ]
    way.server.request('poll').answer({ cursor: 'cursor-2', events })
    await settle()
    expect(way.told).toEqual([
      ['hello', 'cursor-1'],
      ['message', { message: 1 }],
      ['desk', { state: 'offline' }],
    ])
    expect(way.server.request('poll').params.cursor).toBe('cursor-2')
  })

  it('gives way to hello after a reset', async () => {
    await way.polling()
    way.server.request('poll').answer({ cursor: '', events: [{ type: 'reset', data: {} }] })
    await way.server.clock.pass(500)
    expect(way.server.requests.filter(({ method }) => method === 'hello')).toHaveLength(2)
  })

  it('that is cut waits half as long the next time, but not less than 5 s', async () => {
    await way.polling()
    for (const wait of [12.5, 6.25, 5, 5]) {
      way.server.request('poll').refuse(504, '<html>Gateway Timeout</html>')
      await way.reachable()
      expect(way.server.request('poll').params.wait).toBe(wait)
    }
    expect(way.live).toEqual([true])
  })

  it('that finds no server ends the connection, and the next goes on from its cursor', async () => {
    await way.polling()
    way.server.request('poll').answer({ cursor: 'cursor-2', events: [] })
    await settle()
    way.server.request('poll').fail()
    await way.server.clock.pass(500)
    way.server.request('poll').fail()
    await settle()
    expect(way.live).toEqual([true, false])
    await way.server.clock.pass(500)
    expect(way.server.request('poll').params).toMatchObject({ cursor: 'cursor-2', wait: 0 })
    way.server.request('poll').answer({ cursor: 'cursor-3', events: [] })
    await settle()
    expect(way.live).toEqual([true, false, true])
    expect(way.server.request('poll').params).toMatchObject({ cursor: 'cursor-3', wait: 25 })
  })

  it('obeys Retry-After', async () => {
    await way.polling()
    const before = way.server.requests.length
    way.server.request('poll').refuse(503, 'overloaded', { 'Retry-After': '20' })
    await way.server.clock.pass(20_400)
    expect(way.server.requests).toHaveLength(before)
    await way.server.clock.pass(100)
    expect(way.server.requests).toHaveLength(before + 1)
  })
})
