import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type Event, type Marks, type State, initial, reduce, unread } from '../src/panel/state'
import { timeline } from '../src/panel/timeline'
import type { Message } from '../src/wire'
import { AT, fromDesk, helloOf, own } from './fakes'

const marks: Marks = { read: 0, confirmed: { delivered: 0, read: 0 } }
const run = (events: readonly Event[], from: State = initial): State => events.reduce(reduce, from)
const greeted = (messages: readonly Message[] = [], more = {}): Event => ({
  type: 'hello',
  result: helloOf(messages, more),
  marks,
})
const wire = (name: string, data: object): Event => ({ type: 'wire', name, data })
const message = (message: Message): Event => wire('message', { message })
const said = (id: string): Event => ({ type: 'said', message: { id, body: `own ${id}`, at: AT } })
const ack = (id: string, seq: number): Event => ({ type: 'acknowledged', id, seq, at: AT })
const view = (view: object): Event => ({ type: 'view', view })
const live: Event = { type: 'link', live: true }
const statuses = (state: State): unknown[] =>
  timeline(state).flatMap((row) => (row.kind === 'own' ? [row.status] : []))

describe('own messages', () => {
  it('wait, are sent, delivered and read', () => {
    let state = run([greeted(), said('a')])
    expect(statuses(state)).toEqual(['held'])
    state = run([live], state)
    expect(statuses(state)).toEqual(['waiting'])
    state = run([ack('a', 1)], state)
    expect(statuses(state)).toEqual(['sent'])
    state = run([wire('receipt', { to: 'desk', seq: 1, state: 'delivered' })], state)
    expect(statuses(state)).toEqual(['delivered'])
    state = run([wire('receipt', { to: 'desk', seq: 1, state: 'read' })], state)
    expect(statuses(state)).toEqual(['read'])
  })

  it('are there once, whether the echo or the acknowledgement comes first', () => {
    const orders = [
      [message(own(1, 'a')), ack('a', 1)],
      [ack('a', 1), message(own(1, 'a'))],
      [greeted([own(1, 'a')]), ack('a', 1)],
    ]
    for (const events of orders) {
      const state = run([greeted(), said('a'), ...events])
      expect(state.waiting).toEqual([])
      expect(state.messages.map(({ id }) => id)).toEqual(['a'])
    }
  })

  it('fail with a reason, and wait again on retry', () => {
    let state = run([greeted(), live, said('a'), { type: 'failed', id: 'a', reason: 'too_long' }])
    expect(timeline(state).find(({ key }) => key === 'a')).toMatchObject({ status: 'failed', reason: 'too_long' })
    state = run([{ type: 'retried', id: 'a' }], state)
    expect(statuses(state)).toEqual(['waiting'])
  })

  it('are all refused while the server takes none, until it takes one', () => {
    let state = run([greeted(), live, said('a'), said('b'), { type: 'refused' }])
    expect(statuses(state)).toEqual(['refused', 'refused'])
    expect(statuses(run([{ type: 'link', live: false }], state))).toEqual(['held', 'held'])
    state = run([message(own(1, 'a'))], state)
    expect(statuses(state)).toEqual(['sent', 'waiting'])
  })

  it("are not taken for stored because an operator's message has the same id", () => {
    const state = run([greeted(), said('s7'), message(fromDesk(7))])
    expect(state.waiting).toHaveLength(1)
  })
})

describe('the log', () => {
  it('is what a hello says and nothing older, of which a change may have been missed', () => {
    const old = run([greeted([fromDesk(1), fromDesk(2)])])
    for (const seqs of [[2, 3], [3, 4], [9, 10]]) {
      const again = run([greeted(seqs.map((seq) => fromDesk(seq)), { more: true })], old)
      expect(again.messages.map(({ seq }) => seq)).toEqual(seqs)
      expect(again.more).toBe(true)
    }
  })

  it('has more before it only if the server says so: it may begin with what is no message', () => {
    expect(run([greeted([fromDesk(4), fromDesk(7)])]).more).toBe(false)
    expect(run([greeted([fromDesk(2)], { more: true })]).more).toBe(true)
  })

  it('begins anew with a new visitor, while what waits stays', () => {
    const state = run([
      greeted([fromDesk(1)]),
      said('a'),
      greeted([], { visitor: { id: 'v-2' } }),
    ])
    expect(state.messages).toEqual([])
    expect(state.waiting).toHaveLength(1)
  })

  it('grows at its beginning through the history', () => {
    const state = run([greeted([fromDesk(3)]), { type: 'history', messages: [fromDesk(1), fromDesk(2)], more: false }])
    expect(state.messages.map(({ seq }) => seq)).toEqual([1, 2, 3])
    expect(state.more).toBe(false)
  })

  it('leaves rooms alone', () => {
    const state = run([greeted(), message(fromDesk(1, 'x', { conversation: 'lobby' }))])
    expect(state.messages).toEqual([])
  })

  it('shows corrections and retractions', () => {
    const state = run([
      greeted([fromDesk(1), fromDesk(2)]),
      wire('edited', { to: 'desk', seq: 1, body: 'better', at: AT }),
      wire('retracted', { to: 'desk', seq: 2 }),
    ])
    expect(state.messages[0]).toMatchObject({ body: 'better', edited: true })
    expect(state.messages[1]).toMatchObject({ body: '', retracted: true })
  })

  it('shows the reactions told last, and none on what is removed', () => {
    const reactions = (emoji: string[]): Event =>
      wire('reactions', { to: 'desk', seq: 1, reactions: emoji.map((emoji) => ({ emoji, from: [] })) })
    const file = { url: 'https://files.example/a', name: 'a' }
    let state = run([greeted([fromDesk(1, 'x', { attachment: file })]), reactions(['👍']), reactions(['🎉', '👍']), wire('edited', { to: 'desk', seq: 1, body: 'y' })])
    expect(state.messages[0]!.reactions!.map(({ emoji }) => emoji)).toEqual(['🎉', '👍'])
    state = run([wire('retracted', { to: 'desk', seq: 1 })], state)
    expect(state.messages[0]).toMatchObject({ body: '', edited: undefined, reactions: undefined, attachment: undefined })
  })

  it('takes a change of what is not here for nothing', () => {
    const state = run([greeted([fromDesk(1)])])
    for (const to of ['desk', 'lobby']) {
      for (const seq of [0, 2, to === 'desk' ? 99 : 1]) {
        const after = run([wire('edited', { to, seq, body: 'x' }), wire('retracted', { to, seq }), wire('reactions', { to, seq })], state)
        expect(after.messages).toEqual(state.messages)
      }
    }
  })
})

describe('reading', () => {
  it('counts as unread what nobody could see', () => {
    const state = run([greeted([fromDesk(1), own(2, 'a')]), message(fromDesk(3))])
    expect(unread(state)).toBe(2)
  })

  it.each([
    ['closed', { open: false }],
    ['in a hidden page', { open: true, visible: false }],
    ['scrolled away', { open: true, atEnd: false }],
  ])('is not claimed while the panel is %s', (_name, how) => {
    const state = run([greeted(), view(how), message(fromDesk(1))])
    expect(state.read).toBe(0)
  })

  it('is claimed once the panel is open, visible and at its end', () => {
    const state = run([greeted(), message(fromDesk(1)), view({ open: true })])
    expect(state.read).toBe(1)
    expect(unread(state)).toBe(0)
  })
})

describe('typing', () => {
  const typing = (state: string, self = false): Event =>
    wire('typing', { to: 'desk', from: { kind: 'operator', id: 'o', name: 'Ada', self }, state })

  it('shows an operator until they pause, write, or are out of reach', () => {
    const state = run([greeted(), live, typing('composing')])
    expect(state.typing).toBe('Ada')
    for (const end of [typing('paused'), message(fromDesk(1)), { type: 'link', live: false } as const]) {
      expect(run([end], state).typing).toBeUndefined()
    }
    expect(run([message(own(1, 'a'))], state).typing).toBe('Ada')
  })

  it('is not shown for oneself in another tab', () => {
    expect(run([greeted(), typing('composing', true)]).typing).toBeUndefined()
  })
})

describe('whatever happens in whatever order', () => {
  /** A server's log of ten messages, of which the visitor's are those with an even seq. */
  const log = Array.from({ length: 10 }, (_, index) => {
    const seq = index + 1
    return seq % 2 ? fromDesk(seq) : own(seq, `m${seq}`)
  })
  const any: fc.Arbitrary<Event> = fc.oneof(
    fc.constantFrom(...log).map(message),
    fc.constantFrom(2, 4, 6, 8, 10).chain((seq) => fc.constantFrom(said(`m${seq}`), ack(`m${seq}`, seq))),
    fc.tuple(fc.nat(9), fc.nat(9)).map(([a, b]) => greeted(log.slice(Math.min(a, b), Math.max(a, b)))),
    fc.record({ to: fc.constant('desk'), seq: fc.nat(11), body: fc.string(), reactions: fc.constant([]) }).chain((data) =>
      fc.constantFrom('edited', 'retracted', 'reactions').map((name) => wire(name, data)),
    ),
    fc.string().map((body): Event => ({ type: 'pushed', body, at: AT })),
    fc.boolean().map((live): Event => ({ type: 'link', live })),
    fc.record({ open: fc.boolean(), visible: fc.boolean(), atEnd: fc.boolean() }).map(view),
  )

  it('nothing is shown twice, out of order, lost while waiting, or unread again', () => {
    fc.assert(
      fc.property(fc.array(any, { maxLength: 60 }), (events) => {
        let state = run([greeted()])
        for (const event of events) {
          const before = state
          state = reduce(state, event)
          const keys = timeline(state).map(({ key }) => key)
          expect(new Set(keys).size).toBe(keys.length)
          const seqs = state.messages.map(({ seq }) => seq)
          expect(seqs).toEqual([...new Set(seqs)].sort((a, b) => a - b))
          expect(state.read).toBeGreaterThanOrEqual(before.read)
          for (const { id } of before.waiting) {
            const somewhere = [...state.waiting, ...state.messages].some((known) => known.id === id)
            expect(somewhere || event.type === 'acknowledged').toBe(true)
          }
        }
      }),
      { numRuns: 300 },
    )
  })
})
