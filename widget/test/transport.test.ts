import { beforeEach, describe, expect, it } from 'vitest'
import { createRequests } from '../src/requests'
import { type Transport, createTransport } from '../src/transport'
import type { Failure } from '../src/wire'
import { FakeServer, helloOf, settle } from './fakes'

let server: FakeServer
let transport: Transport
let told: [string, unknown][]
let live: boolean
let token: string
let refused: Failure | undefined

function make(stored = ''): void {
  transport = createTransport(
    server.env,
    'https://chat.example/rpc',
    stored,
    {
      greeting: () => ({ site: 'acme' }),
      hello: (result) => told.push(['hello', result.cursor]),
      event: (type, data) => told.push([type, data]),
      live: (now) => (live = now),
      token: (fresh) => (token = fresh),
      refused: (failure) => (refused = failure),
    },
    async () => createRequests(),
  )
}

beforeEach(() => {
  server = new FakeServer()
  told = []
  live = false
  token = ''
  refused = undefined
  make()
})

async function connected(): Promise<void> {
  transport.start()
  server.socket.accept()
  server.socket.answer('hello', helloOf())
  await settle()
}

describe('on a WebSocket', () => {
  it('says hello first, with the stored token, and keeps the new one', async () => {
    make('old-token')
    await connected()
    expect(server.socket.url).toBe('wss://chat.example/rpc')
    expect(server.socket.frames[0]).toMatchObject({ method: 'hello', params: { site: 'acme', token: 'old-token' } })
    expect(token).toBe('token-1')
    expect(live).toBe(true)
  })

  it('resumes after a break from the cursor of the last event', async () => {
    await connected()
    server.socket.event('message', { message: 1 }, 'cursor-2')
    server.socket.drop()
    expect(live).toBe(false)
    await server.clock.pass(500)
    server.socket.accept()
    expect(server.socket.frames[0]).toMatchObject({
      method: 'resume',
      params: { token: 'token-1', cursor: 'cursor-2' },
    })
    server.socket.answer('resume', { desk: { state: 'busy', name: '' }, rooms: [] })
    await settle()
    expect(live).toBe(true)
    expect(told.pop()).toEqual(['desk', { state: 'busy', name: '' }])
  })

  it('says hello again after a reset', async () => {
    await connected()
    server.socket.event('reset', {})
    await server.clock.pass(500)
    server.socket.accept()
    expect(server.socket.frames[0]?.method).toBe('hello')
  })

  it('replaces the token by one that stands beside a result', async () => {
    await connected()
    const called = transport.call('typing', { state: 'paused' })
    server.socket.answer('typing', {}, { token: 'token-2' })
    await called
    expect(token).toBe('token-2')
  })

  it('forgets a bad token and says hello without one', async () => {
    await connected()
    const called = transport.call('say', {})
    server.socket.refuse('say', 'bad_token')
    await expect(called).rejects.toMatchObject({ reason: 'bad_token' })
    expect(token).toBe('')
    await server.clock.pass(500)
    server.socket.accept()
    expect(server.socket.last('hello').params.token).toBeUndefined()
  })

  it('gives up on a call after 8 s, and on the socket with it', async () => {
    await connected()
    const first = server.socket
    const called = expect(transport.call('say', {})).rejects.toMatchObject({ reason: 'unavailable' })
    await server.clock.pass(8_000)
    await called
    expect(first.closed).toBe(true)
    expect(live).toBe(false)
  })

  it('pings every 10 s while the panel is open', async () => {
    await connected()
    await server.clock.pass(60_000)
    expect(server.socket.calls('ping')).toHaveLength(0)
    transport.attend(true)
    await server.clock.pass(10_000)
    server.socket.answer('ping', {})
    await server.clock.pass(10_000)
    expect(server.socket.calls('ping')).toHaveLength(2)
  })

  it('notices a half-open link within 20 s while the panel is open', async () => {
    await connected()
    transport.attend(true)
    const silent = server.socket
    await server.clock.pass(18_000)
    expect(silent.closed).toBe(true)
    expect(live).toBe(false)
  })

  it('looks whether the socket still lives when the browser says that the network changed', async () => {
    await connected()
    transport.wake()
    expect(server.socket.calls('ping')).toHaveLength(1)
    await server.clock.pass(8_000)
    expect(live).toBe(false)
  })

  it('backs off from 0.5 to 8 s, and anew after it was connected', async () => {
    await connected()
    const waits: number[] = []
    for (let attempt = 0; attempt < 7; attempt++) {
      const { length } = server.sockets
      const posts = server.requests.length
      const before = server.clock.now
      if (attempt === 0 || server.sockets.length > length) server.socket.drop()
      while (server.sockets.length === length && server.requests.length === posts) await server.clock.pass(100)
      waits.push(server.clock.now - before)
      if (server.requests.length > posts) server.requests[posts]!.fail()
      else server.socket.drop()
      await settle()
    }
    expect(waits).toEqual([500, 1_000, 2_000, 4_000, 8_000, 8_000, 8_000])
  })

  it('tries at once when the network is back, but not before the server allows', async () => {
    transport.start()
    server.socket.accept()
    server.socket.refuse('hello', 'rate_limited', { retry_after: 30 })
    await settle()
    transport.wake()
    await server.clock.pass(30_400)
    expect(server.sockets).toHaveLength(1)
    await server.clock.pass(100)
    expect(server.sockets).toHaveLength(2)
    server.socket.drop()
    transport.wake()
    await server.clock.pass(0)
    expect(server.sockets).toHaveLength(3)
  })

  it('spreads its tries over the whole of each wait', async () => {
    server = new FakeServer(0.1)
    make()
    transport.start()
    server.socket.accept()
    server.socket.refuse('hello', 'unavailable', { retry_after: 10 })
    await server.clock.pass(10_049)
    expect(server.sockets).toHaveLength(1)
    await server.clock.pass(1)
    expect(server.sockets).toHaveLength(2)
  })

  it('rejects calls while it is not connected', async () => {
    await expect(transport.call('say', {})).rejects.toMatchObject({ reason: 'unavailable' })
  })

  it('resumes after it was stopped, as a page from the back and forward cache does', async () => {
    await connected()
    transport.stop()
    expect(server.socket.closed).toBe(true)
    await server.clock.pass(60_000)
    expect(server.sockets).toHaveLength(1)
    transport.start()
    server.socket.accept()
    expect(server.socket.frames[0]?.method).toBe('resume')
  })
})

describe('where sockets are cut', () => {
  const liveFor = async (milliseconds: number): Promise<void> => {
    server.socket.accept()
    const [first] = server.socket.frames
    server.socket.answer(first!.method, first!.method === 'hello' ? helloOf() : {})
    await server.clock.pass(milliseconds)
    server.socket.drop()
    await server.clock.pass(500)
  }

  it('goes another way after the third short life in a row, from the same cursor', async () => {
    transport.start()
    await liveFor(30_000)
    await liveFor(30_000)
    expect(server.requests).toHaveLength(0)
    await liveFor(30_000)
    expect(server.sockets).toHaveLength(3)
    expect(server.request('poll').params).toMatchObject({ cursor: 'cursor-1', wait: 0 })
  })

  it('stays with sockets that are cut now and then', async () => {
    transport.start()
    for (const seconds of [30, 30, 50, 30, 30, 600]) await liveFor(seconds * 1000)
    expect(server.sockets).toHaveLength(7)
    expect(server.requests).toHaveLength(0)
  })

  it('goes back to another way after the first cut, once it has tried a socket again', async () => {
    transport.start()
    for (let life = 0; life < 3; life++) await liveFor(30_000)
    server.request('poll').answer({ cursor: 'cursor-2', events: [] })
    await settle()
    server.stream.begin()
    for (let time = 0; time < 180; time += 30) {
      await server.clock.pass(30_000)
      if (server.sockets.length === 3) server.stream.send(':\n')
    }
    await settle()
    expect(server.sockets).toHaveLength(4)
    expect(server.stream.open).toBe(false)
    await liveFor(30_000)
    expect(server.sockets).toHaveLength(4)
    expect(server.request('poll').params).toMatchObject({ cursor: 'cursor-2', wait: 0 })
  })
})

describe('what nobody but the site can mend', () => {
  it.each(['unknown_site', 'forbidden'])('ends the tries: %s', async (reason) => {
    transport.start()
    server.socket.accept()
    server.socket.refuse('hello', reason)
    await settle()
    server.socket.drop()
    await server.clock.pass(600_000)
    expect(refused?.reason).toBe(reason)
    expect(server.sockets).toHaveLength(1)
    expect(server.requests).toHaveLength(0)
  })

  it('is also told by the close code alone', async () => {
    transport.start()
    server.socket.accept()
    server.socket.drop(4403)
    await server.clock.pass(60_000)
    expect(refused?.reason).toBe('forbidden')
  })

  it('is asked for by hello before it is believed of a resume', async () => {
    await connected()
    server.socket.drop()
    await server.clock.pass(500)
    server.socket.accept()
    server.socket.refuse('resume', 'invalid')
    await server.clock.pass(1_000)
    server.socket.accept()
    expect(refused).toBeUndefined()
    expect(server.socket.frames[0]?.method).toBe('hello')
  })
})
