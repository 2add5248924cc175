/** The connection as the panel has it, over the loader's socket, and a loader that notes what it is told. */

import { expect } from 'vitest'
import type { Place } from '../src/carrier'
import { type Link, type LinkEvents, createFirst } from '../src/first'
import { type Connection, connect } from '../src/panel/connection'
import { FakeServer, helloOf, settle } from './fakes'

const BASE = 'https://chat.example/'

export class Connecting {
  readonly server: FakeServer
  readonly place: Place = { token: '', cursor: '' }
  readonly told: [string, unknown][] = []
  /** Each change. */
  readonly live: boolean[] = []
  readonly refused: string[] = []
  readonly connection: Connection
  leads = true

  constructor(random = 1) {
    this.server = new FakeServer(random).install()
    const { place, told, live } = this
    const events: LinkEvents = {
      greeting: () => ['hello', { site: 'acme', token: place.token || undefined }],
      hello: ({ token, cursor }) => {
        place.token = token
        place.cursor = cursor
        told.push(['hello', cursor])
      },
      event: (type, data, cursor) => {
        told.push([type, data])
        if (cursor) place.cursor = cursor
      },
      live: (now) => {
        if ((live[live.length - 1] ?? false) !== now) live.push(now)
        this.connection.live(now, this.leads)
      },
      token: (token) => void (place.token = token),
      refused: (message) => void this.refused.push(message),
      unable: () => {},
    }
    this.connection = connect(this.server.env, { base: BASE, place, events, link: createFirst(`${BASE}rpc`, events) })
  }

  get link(): Link {
    return this.connection.link
  }
  get isLive(): boolean {
    return this.live[this.live.length - 1] ?? false
  }
  /** How often this was posted. */
  posted(method: string): number {
    return this.server.requests.filter((request) => request.method === method).length
  }

  /** As the loader does when the panel has been fetched. */
  start(): void {
    this.link.start()
    this.connection.live(false, true)
  }

  async connected(): Promise<void> {
    this.start()
    await this.greet()
  }

  /** Answers what the socket was greeted with. */
  async greet(): Promise<void> {
    const { socket } = this.server
    socket.accept()
    const { method } = socket.frames[0]!
    socket.answer(method, method === 'hello' ? helloOf() : { desk: { state: 'online' }, talk: { state: 'quiet' } })
    await settle()
  }

  /** Sockets are refused twice, so that it goes by requests, and a stream is asked for. */
  async requesting(): Promise<void> {
    const { server } = this
    this.start()
    server.socket.drop()
    await server.clock.pass(1_000)
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
