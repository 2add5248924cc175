/** A transport whose sockets are refused, so that it goes by requests. */

import { expect } from 'vitest'
import { createRequests } from '../src/requests'
import { type Transport, createTransport } from '../src/transport'
import { FakeServer, helloOf, settle } from './fakes'

export class Requesting {
  readonly server = new FakeServer()
  readonly told: [string, unknown][] = []
  readonly live: boolean[] = []
  readonly transport: Transport = createTransport(
    this.server.env,
    'https://chat.example/rpc',
    '',
    {
      greeting: () => ({ site: 'acme' }),
      hello: (result) => this.told.push(['hello', result.cursor]),
      event: (type, data) => this.told.push([type, data]),
      live: (now) => this.live.push(now),
      token: () => {},
      refused: () => {},
    },
    async () => createRequests(),
  )

  /** The socket is dropped twice, so the third try goes by requests, and a stream is asked for. */
  async requesting(): Promise<void> {
    const { server, transport } = this
    transport.start()
    server.socket.drop()
    await server.clock.pass(500)
    server.socket.drop()
    await server.clock.pass(1_000)
    server.request('hello').answer(helloOf())
    await settle()
  }

  async streaming(): Promise<void> {
    await this.requesting()
    await this.begin()
  }

  /** The stream that was asked for begins. */
  async begin(): Promise<void> {
    this.server.stream.begin()
    await settle()
  }

  async polling(): Promise<void> {
    await this.requesting()
    this.server.stream.refuse(404, 'There is nothing here.')
    await this.reachable()
  }

  /** Answers the poll that looks whether the server is there, and waits for what follows. */
  async reachable(cursor = 'cursor-1', events: object[] = []): Promise<void> {
    const { server } = this
    await server.clock.pass(500)
    expect(server.request('poll').params.wait).toBe(0)
    server.request('poll').answer({ cursor, events })
    const asked = (): number => server.requests.length + server.streams.length
    for (const before = asked(); asked() === before; ) await server.clock.pass(100)
  }
}
