/** What the widget tells the server beside messages: typing, and how far the log has come. */

import { beforeEach, describe, expect, it } from 'vitest'
import { createReceipts } from '../src/panel/receipts'
import { type Event, type State, initial, reduce } from '../src/panel/state'
import { createTyping } from '../src/panel/typing'
import { openKeep } from '../src/storage'
import { failure } from '../src/wire'
import { FakeServer, fromDesk, helloOf, settle } from './fakes'

let server: FakeServer
beforeEach(() => {
  localStorage.clear()
  server = new FakeServer()
})

describe('typing', () => {
  let told: string[]
  let typing: ReturnType<typeof createTyping>
  beforeEach(() => {
    told = []
    typing = createTyping(server.env, (state) => told.push(state))
  })

  it('is told once in 3 s, and its end after 4 s of silence', async () => {
    for (let key = 0; key < 5; key++) {
      typing.input('a')
      await server.clock.pass(1_000)
    }
    expect(told).toEqual(['composing', 'composing'])
    await server.clock.pass(4_000)
    expect(told).toEqual(['composing', 'composing', 'paused'])
  })

  it('ends with an empty field', () => {
    typing.input('a')
    typing.input(' ')
    expect(told).toEqual(['composing', 'paused'])
  })

  it('needs no end when the text is sent, and is told anew for the next', async () => {
    typing.input('a')
    typing.sent()
    await server.clock.pass(10_000)
    typing.input('b')
    expect(told).toEqual(['composing', 'composing'])
  })
})

describe('receipts', () => {
  let told: object[]
  let broken: boolean
  let state: State
  let update: (state: State) => void

  const dispatch = (...events: Event[]): void => {
    for (const event of events) {
      state = reduce(state, event)
      update(state)
    }
  }
  const hello = (...seqs: number[]): Event => ({
    type: 'hello',
    result: helloOf(seqs.map((seq) => fromDesk(seq))),
    marks: { read: 0, confirmed: { delivered: 0, read: 0 } },
  })
  const message = (seq: number): Event => ({ type: 'wire', name: 'message', data: { message: fromDesk(seq) } })
  const open: Event = { type: 'view', view: { open: true } }
  const load = (): void => {
    state = initial
    update = createReceipts(server.env, openKeep('x'), async (_method, params) => {
      if (broken) throw failure('unavailable')
      told.push(params)
    })
  }

  beforeEach(() => {
    told = []
    broken = false
    load()
  })

  it('say delivered once for many, of the highest', async () => {
    dispatch(hello(1), { type: 'link', live: true }, message(2), message(3))
    await server.clock.pass(50)
    expect(told).toEqual([{ seq: 3, state: 'delivered' }])
  })

  it('say read, and only that, once a person could see it', async () => {
    dispatch(hello(1), { type: 'link', live: true }, open)
    await server.clock.pass(50)
    expect(told).toEqual([{ seq: 1, state: 'read' }])
  })

  it('wait for a connection, and come again where it broke', async () => {
    dispatch(hello(1))
    await server.clock.pass(1_000)
    expect(told).toEqual([])
    broken = true
    dispatch({ type: 'link', live: true })
    await server.clock.pass(50)
    broken = false
    dispatch({ type: 'link', live: false }, { type: 'link', live: true })
    await server.clock.pass(50)
    expect(told).toEqual([{ seq: 1, state: 'delivered' }])
  })

  it('are not repeated by the next page', async () => {
    dispatch(hello(1), { type: 'link', live: true })
    await server.clock.pass(50)
    load()
    dispatch(hello(1), { type: 'link', live: true })
    await server.clock.pass(50)
    await settle()
    expect(told).toHaveLength(1)
  })
})
