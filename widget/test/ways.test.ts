import { beforeEach, describe, expect, it } from 'vitest'
import { settle } from './fakes'
import { Requesting } from './requesting'

let way: Requesting

beforeEach(() => {
  way = new Requesting()
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
    expect(way.server.sockets).toHaveLength(3)
    way.server.socket.drop()
    await way.server.clock.pass(1_000)
    expect(way.server.sockets).toHaveLength(3)
    way.server.request('poll').answer({ cursor: 'cursor-9', events: [] })
    await settle()
    expect(way.server.request('poll').params).toMatchObject({ cursor: 'cursor-9', wait: 25 })
    expect(way.server.streams).toHaveLength(1)
  })

  it('is not tried while the panel is open and something else works', async () => {
    await way.polling()
    way.transport.attend(true)
    for (let round = 0; round < 24; round++) {
      await way.server.clock.pass(10_000)
      way.server.request('ping').answer({})
      way.server.request('poll').answer({ cursor: 'cursor-9', events: [] })
      await settle()
    }
    expect(way.live).toEqual([true])
    way.transport.attend(false)
    await polls(1)
    expect(way.server.sockets).toHaveLength(3)
  })

  it('is not to blame when requests fail too', async () => {
    way.transport.start()
    way.server.socket.drop()
    await way.server.clock.pass(500)
    way.server.socket.drop()
    await way.server.clock.pass(1_000)
    way.server.request('hello').fail()
    await way.server.clock.pass(2_000)
    expect(way.server.sockets).toHaveLength(3)
  })

  it('that opens and stays silent for 5 s gives way to requests at once', async () => {
    way.transport.start()
    way.server.socket.accept()
    await way.server.clock.pass(5_500)
    expect(way.server.sockets).toHaveLength(1)
    expect(way.server.request('hello').params).toMatchObject({ site: 'acme' })
  })

  it('that does not even open does so after 8 s', async () => {
    way.transport.start()
    await way.server.clock.pass(8_500)
    expect(way.server.sockets).toHaveLength(1)
    expect(way.server.request('hello').params).toMatchObject({ site: 'acme' })
  })
})
