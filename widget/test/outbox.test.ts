import { beforeEach, describe, expect, it, vi } from 'vitest'
import { type Outbox, createOutbox } from '../src/panel/outbox'
import { type Event, type State, initial, reduce } from '../src/panel/state'
import { type Store, addMemory, openKeep } from '../src/storage'
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

const PREFIX = 'parley:acme:'
const keep = (): Store => addMemory(openKeep(PREFIX), PREFIX, () => {})
/** What the browser keeps, by the key's end. */
const keeps = (start = 'out:'): string[] => keep().keys(start)
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
  outbox.restore()
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

  it('keeps all of them over any number of reloads, in their order', () => {
    for (const body of ['one', 'two', 'three']) outbox.say(body)
    for (let reload = 0; reload < 3; reload++) {
      load()
      expect(state.waiting.map(({ body }) => body)).toEqual(['one', 'two', 'three'])
      expect(keeps()).toHaveLength(3)
    }
  })

  it('keeps what goes with a message too', () => {
    const file = { url: 'https://files.example/a', name: 'a' }
    outbox.say('one', { reply_to: 4, attachment: 'token', file })
    load()
    expect(state.waiting[0]).toMatchObject({ body: 'one', file })
    connect(true)
    expect(calls[0]!.params).toEqual({ id: state.waiting[0]!.id, body: 'one', reply_to: 4, attachment: 'token' })
  })

  it('leaves word for the next page as long as anything waits', async () => {
    expect(keep().get('waiting')).toBe('')
    connect(true)
    outbox.say('one')
    expect(keep().get('waiting')).not.toBe('')
    calls[0]!.resolve({ seq: 1, at: '' })
    await settle()
    expect([keep().get('waiting'), keeps()]).toEqual(['', []])
  })

  it('takes what it cannot read for nothing', () => {
    keep().set('out:x', 'not ours')
    outbox.say('one')
    load()
    expect(state.waiting.map(({ body }) => body)).toEqual(['one'])
  })

  it('works where the browser keeps nothing', async () => {
    vi.spyOn(Storage.prototype, 'setItem').mockImplementation(() => {
      throw new DOMException('full', 'QuotaExceededError')
    })
    connect(true)
    outbox.say('one')
    calls[0]!.reject(failure('unavailable'))
    await settle()
    connect(false)
    connect(true)
    calls[1]!.resolve({ seq: 1, at: '' })
    await settle()
    expect(state.waiting).toEqual([])
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

  it("leaves another tab's messages alone until they are its own to send", async () => {
    connect(true)
    keep().set('out:x', JSON.stringify({ id: 'x', body: 'theirs', at: '2026-01-01' }))
    outbox.say('one')
    calls[0]!.resolve({ seq: 1, at: '' })
    await settle()
    expect(keeps()).toEqual(['out:x'])
    outbox.restore()
    expect(calls[1]!.params).toEqual({ id: 'x', body: 'theirs' })
    calls[1]!.resolve({ seq: 2, at: '' })
    await settle()
    expect(keeps()).toEqual([])
  })

  it('forgets what was stored while nobody looked', () => {
    outbox.say('one')
    const { id } = state.waiting[0]!
    load()
    dispatch({ type: 'wire', name: 'message', data: { message: own(1, id) } })
    keep().set(`out:${id}`, JSON.stringify({ id, body: 'one', at: '2026-01-01' }))
    outbox.restore()
    expect([state.waiting, keeps()]).toEqual([[], []])
  })

  it('has each message once, though it is told of what is kept again', async () => {
    outbox.say('one')
    outbox.say('two')
    for (let times = 0; times < 2; times++) {
      connect(true)
      outbox.restore()
      connect(false)
    }
    expect(state.waiting.map(({ body }) => body)).toEqual(['one', 'two'])
    expect(keeps()).toHaveLength(2)
  })
})
