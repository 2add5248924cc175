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

/** The panel is open, and the server answers all pings, which go by connections of their own. */
async function pass(seconds: number): Promise<void> {
  for (let second = 0; second < seconds; second++) {
    await way.server.clock.pass(1_000)
    for (const { method, answer } of way.server.requests) if (method === 'ping') answer({})
  }
  await settle()
}

describe('a stream while the panel is open', () => {
  beforeEach(async () => {
    await way.streaming()
    way.connection.attend(true)
    await settle()
  })

  it('is one that was asked for as attended, from the same cursor, and nobody hears of it', async () => {
    expect(way.server.streams.map(({ open }) => open)).toEqual([false, true])
    expect(way.server.stream.params).toEqual({ token: 'token-1', cursor: 'cursor-1', attended: true })
    expect(way.server.requests).toHaveLength(1)
    way.connection.attend(true)
    await way.begin()
    expect(way.server.streams).toHaveLength(2)
    expect(way.live).toEqual([true])
  })

  it('that is silent is left within 20 s though pings are answered, and what it missed comes', async () => {
    await way.begin()
    await pass(9)
    way.server.stream.send(':\n\n')
    await pass(17)
    expect(way.server.stream.open).toBe(true)
    await pass(1)
    expect(way.server.stream.open).toBe(false)
    await way.reachable('cursor-2', [{ type: 'message', data: { message: 1 } }])
    expect(way.server.streams).toHaveLength(3)
    expect(way.server.stream.params).toEqual({ token: 'token-1', cursor: 'cursor-2', attended: true })
    expect(way.told.slice(1)).toEqual([['message', { message: 1 }]])
    expect(way.live).toEqual([true])
  })

  it('stays as long as its comments come', async () => {
    await way.begin()
    for (let comment = 0; comment < 12; comment++) {
      await pass(12)
      way.server.stream.send(':\n\n')
    }
    expect(way.server.streams).toHaveLength(2)
    expect(way.live).toEqual([true])
  })

  it('gives way to one with fewer comments once the panel is closed', async () => {
    await way.begin()
    way.connection.attend(false)
    way.connection.attend(true)
    await pass(10)
    way.server.stream.send(':\n\n')
    await settle()
    expect(way.server.streams).toHaveLength(2)
    way.connection.attend(false)
    await pass(10)
    way.server.stream.event('message', { message: 1 }, 'cursor-2')
    await settle()
    expect(way.server.streams).toHaveLength(3)
    expect(way.server.stream.params).toEqual({ token: 'token-1', cursor: 'cursor-2', attended: false })
    expect(way.told.slice(1)).toEqual([['message', { message: 1 }]])
    await way.begin()
    await way.server.clock.pass(49_900)
    expect(way.server.stream.open).toBe(true)
    expect(way.live).toEqual([true])
  })

  it('is a dead one if a ping beside it is not answered', async () => {
    await way.begin()
    await pass(10)
    way.server.stream.send(':\n\n')
    await way.server.clock.pass(10_000)
    expect(way.live).toEqual([true])
    await way.server.clock.pass(8_000)
    expect(way.live).toEqual([true, false])
    expect(way.server.stream.open).toBe(false)
  })
})

describe('a long poll while the panel is open', () => {
  beforeEach(async () => {
    await way.polling()
    way.connection.attend(true)
    await settle()
  })

  it('waits less, so that one without an answer is left within 20 s', async () => {
    expect(way.server.request('poll').params).toMatchObject({ cursor: 'cursor-1', wait: 10 })
    const polls = way.server.requests.length
    await pass(17)
    expect(way.server.requests.slice(polls).filter(({ method }) => method === 'poll')).toEqual([])
    await pass(1)
    await way.reachable('cursor-2', [{ type: 'message', data: { message: 1 } }])
    expect(way.told.slice(1)).toEqual([['message', { message: 1 }]])
    expect(way.live).toEqual([true])
  })

  it('waits as long as before once the panel is closed', async () => {
    way.connection.attend(false)
    way.server.request('poll').answer({ cursor: 'cursor-2', events: [] })
    await settle()
    expect(way.server.request('poll').params).toMatchObject({ cursor: 'cursor-2', wait: 25 })
    expect(way.live).toEqual([true])
  })
})
