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

describe('a socket', () => {
  async function polls(rounds: number): Promise<void> {
    for (let round = 0; round < rounds; round++) {
      await way.server.clock.pass(20_000)
      for (const { method, answer } of way.server.requests) if (method === 'ping') answer({})
      way.server.request('poll').answer({ cursor: 'cursor-9', events: [] })
      await settle()
    }
  }

  it('is tried again after three minutes, and if it fails all goes on as before', async () => {
    await way.polling()
    await polls(8)
    expect(way.server.sockets).toHaveLength(2)
    await polls(1)
    await way.server.clock.pass(500)
    expect(way.server.sockets).toHaveLength(3)
    way.server.socket.drop()
    await way.server.clock.pass(1_000)
    expect(way.server.sockets).toHaveLength(3)
    expect(way.server.request('poll').params).toMatchObject({ cursor: 'cursor-9', wait: 0 })
    way.server.request('poll').answer({ cursor: 'cursor-9', events: [] })
    await settle()
    expect(way.server.request('poll').params).toMatchObject({ cursor: 'cursor-9', wait: 25 })
    expect(way.server.streams).toHaveLength(1)
  })

  it('is not tried while the panel is open and something else works', async () => {
    await way.polling()
    way.connection.attend(true)
    for (let round = 0; round < 24; round++) {
      await way.server.clock.pass(10_000)
      way.server.request('ping').answer({})
      way.server.request('poll').answer({ cursor: 'cursor-9', events: [] })
      await settle()
    }
    expect(way.live).toEqual([true])
    way.connection.attend(false)
    await polls(1)
    await way.server.clock.pass(500)
    expect(way.server.sockets).toHaveLength(3)
  })

  it('is not to blame when requests fail too', async () => {
    way.start()
    way.server.socket.drop()
    await way.server.clock.pass(1_000)
    way.server.socket.drop()
    await way.server.clock.pass(500)
    way.server.request('hello').fail()
    await way.server.clock.pass(1_000)
    expect(way.server.sockets).toHaveLength(3)
    await way.greet()
    expect(way.live).toEqual([true])
  })
})
