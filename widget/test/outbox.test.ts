import { beforeEach, describe, expect, it } from 'vitest'
import { type Outbox, createOutbox } from '../src/panel/outbox'
import { type Event, type State, initial, reduce } from '../src/panel/state'
import { openKeep } from '../src/storage'
import { failure } from '../src/wire'
import { FakeServer, helloOf, own, settle } from './fakes'

interface Call {
  readonly params: { readonly id: string; readonly body: string }
  readonly resolve: (result: unknown) => void
  readonly reject: (error: unknown) => void
}

let server: FakeServer
let calls: Call[]
let state: State
let outbox: Outbox

const keep = () => openKeep(() => localStorage, 'parley:acme:')
const connect = (live: boolean): void => dispatch({ type: 'link', live })

function dispatch(event: Event): void {
  state = reduce(state, event)
  outbox.flush(state)
}

/** As a page does that has just been loaded: with nothing but what the browser has kept. */
function load(): void {
  calls = []
  state = initial
  outbox = createOutbox(
    server.env,
    keep(),
    (_method, params) =>
      new Promise((resolve, reject) => calls.push({ params: params as Call['params'], resolve, reject })),
    dispatch,
  )
  for (const message of outbox.kept()) dispatch({ type: 'said', message })
  const marks = { read: 0, confirmed: { delivered: 0, read: 0 } }
  dispatch({ type: 'hello', result: helloOf(), marks })
}

beforeEach(() => {
  localStorage.clear()
  server = new FakeServer()
  load()
})

describe('the outbox', () => {
  it('holds what is said until there is a connection', async () => {
    outbox.say('one')
    expect(calls).toHaveLength(0)
    connect(true)
    expect(calls[0]?.params.body).toBe('one')
  })

  it('has one say under way, and keeps the order', async () => {
    connect(true)
    outbox.say('one')
    outbox.say('two')
    expect(calls).toHaveLength(1)
    calls[0]!.resolve({ seq: 1, at: '' })
    await settle()
    expect(calls.map(({ params }) => params.body)).toEqual(['one', 'two'])
  })

  it('sends again with the same id what was not acknowledged before a reload', async () => {
    connect(true)
    outbox.say('one')
    outbox.say('two')
    const { id } = calls[0]!.params
    load()
    expect(state.waiting.map(({ body }) => body)).toEqual(['one', 'two'])
    connect(true)
    expect(calls[0]!.params).toEqual({ id, body: 'one' })
  })

  it('forgets what is acknowledged, and what comes back as an echo', async () => {
    connect(true)
    outbox.say('one')
    calls[0]!.resolve({ seq: 1, at: '' })
    await settle()
    outbox.say('two')
    dispatch({ type: 'wire', name: 'message', data: { message: own(2, calls[1]!.params.id) } })
    load()
    expect(state.waiting).toEqual([])
  })

  it('tries again after a lost connection, at once when it is back', async () => {
    connect(true)
    outbox.say('one')
    connect(false)
    calls[0]!.reject(failure('unavailable'))
    await settle()
    connect(true)
    expect(calls).toHaveLength(2)
    expect(calls[1]!.params).toEqual(calls[0]!.params)
  })

  it('waits as long as the server asks, a new connection or not', async () => {
    connect(true)
    outbox.say('one')
    calls[0]!.reject(failure('rate_limited', '', 7))
    await settle()
    connect(false)
    connect(true)
    await server.clock.pass(6_900)
    expect(calls).toHaveLength(1)
    await server.clock.pass(100)
    expect(calls).toHaveLength(2)
  })

  it('says that the server takes nothing now, and sends it on retry or when the time has come', async () => {
    connect(true)
    outbox.say('one')
    calls[0]!.reject(failure('unavailable', '', 2))
    await settle()
    expect(state.refused).toBe(true)
    expect(calls).toHaveLength(1)
    outbox.retry(calls[0]!.params.id)
    expect(state.refused).toBe(false)
    expect(calls[1]!.params).toEqual(calls[0]!.params)
    calls[1]!.reject(failure('unavailable', '', 2))
    await server.clock.pass(1_900)
    expect(state.refused).toBe(true)
    expect(calls).toHaveLength(2)
    await server.clock.pass(100)
    expect(state.refused).toBe(true)
    calls[2]!.resolve({ seq: 1, at: '' })
    await settle()
    expect(state.refused).toBe(false)
    expect(state.waiting).toEqual([])
    await server.clock.pass(60_000)
    expect(calls).toHaveLength(3)
  })

  it('marks what is refused for good, goes on with the next, and sends it on retry', async () => {
    connect(true)
    outbox.say('one')
    outbox.say('two')
    calls[0]!.reject(failure('too_long'))
    await settle()
    expect(state.waiting[0]).toMatchObject({ body: 'one', failed: 'too_long' })
    expect(calls[1]!.params.body).toBe('two')
    calls[1]!.resolve({ seq: 1, at: '' })
    await settle()
    outbox.retry(state.waiting[0]!.id)
    expect(calls[2]!.params).toEqual(calls[0]!.params)
  })

  it("leaves another tab's messages alone", () => {
    const other = keep()
    other.set('out:x', JSON.stringify({ id: 'x', body: 'theirs', at: '2026-01-01' }))
    connect(true)
    expect(other.keys('out:')).toEqual(['out:x'])
  })
})
