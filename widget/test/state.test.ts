import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type Event, type Marks, type State, initial, reduce, unread } from '../src/panel/state'
import { type TalkRow, timeline } from '../src/panel/timeline'
import { type Message, isOwn } from '../src/wire'
import { AT, fromDesk, helloOf, own, settings } from './fakes'

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
const lost: Event = { type: 'link', live: false }
const elsewhere: Event = { type: 'link', live: false, elsewhere: true }
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
    state = run([{ type: 'failed', id: 'a', reason: '' }], state)
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

describe('the desk and the talk', () => {
  it('are those told last, and hello tells all that a site has set', () => {
    const look = { style: '', greeting: 'Ahoy!' }
    let state = run([greeted([], { settings: { ...settings, look }, talk: { state: 'waiting' }, limits: { message_chars: 9 } })])
    expect(state).toMatchObject({ title: 'Acme Outfitters', greeting: 'Ahoy!', limit: 9, talk: { state: 'waiting' } })
    state = run([wire('desk', { state: 'busy', queue: 2 }), wire('talk', { state: 'taken', name: 'Ada' })], state)
    expect(state).toMatchObject({ desk: { state: 'busy', queue: 2 }, talk: { state: 'taken', name: 'Ada' } })
  })

  it('takes what it does not know for nothing', () => {
    const state = run([greeted([fromDesk(1)])])
    for (const event of [wire('member', { room: 'lobby', op: 'join' }), wire('weather', { to: 'desk' }), wire('push', { url: '' })])
      expect(run([event], state)).toEqual(state)
  })
})

describe('the connection', () => {
  const links = (...events: object[]): string[] =>
    events.map((_, index) => run(events.slice(0, index + 1) as Event[]).link)

  it('is not lost before there was one', () => {
    expect(links(lost, live, lost, live)).toEqual(['connecting', 'live', 'lost', 'live'])
  })

  it('is elsewhere while another tab has it, and comes back', () => {
    expect(links(live, elsewhere, lost, live)).toEqual(['live', 'elsewhere', 'lost', 'live'])
    expect(statuses(run([greeted(), live, said('a'), elsewhere]))).toEqual(['held'])
  })
})

describe('a line of the widget’s own', () => {
  const line = (body: string): Event => ({ type: 'aside', kind: 'system', body, at: AT })

  it('stands after what was last said then', () => {
    const state = run([greeted([fromDesk(2)]), line('a'), message(fromDesk(4)), line('b'), message(fromDesk(3))])
    expect(state.asides).toMatchObject([{ body: 'a', after: 2 }, { body: 'b', after: 4 }])
  })

  it('stays for its visitor, and for no other', () => {
    const state = run([greeted(), line('a'), greeted([fromDesk(9)])])
    expect(state.asides).toHaveLength(1)
    expect(run([greeted([], { visitor: { id: 'v-2' } })], state).asides).toEqual([])
  })
})

describe('whatever happens in whatever order', () => {
  /** A server's log of ten messages, of which the visitor's are those with an even seq. */
  const log = Array.from({ length: 10 }, (_, index) => {
    const seq = index + 1
    return seq % 2 ? fromDesk(seq) : own(seq, `m${seq}`)
  })
  const slice = fc.tuple(fc.nat(10), fc.nat(10)).map(([a, b]) => log.slice(Math.min(a, b), Math.max(a, b)))
  const seq = fc.nat(11)
  const mine = fc.constantFrom(2, 4, 6, 8, 10)
  const person = { kind: 'operator', id: 'o', name: 'Ada' }
  let moment = 0
  const happening: fc.Arbitrary<Event> = fc.oneof(
    { weight: 6, arbitrary: fc.constantFrom(...log).map(message) },
    { weight: 6, arbitrary: mine.chain((seq) => fc.constantFrom(said(`m${seq}`), ack(`m${seq}`, seq))) },
    fc.constantFrom(said('never'), { type: 'failed', id: 'never', reason: 'too_long' } as const),
    mine.chain((seq) =>
      fc.constantFrom<Event>({ type: 'failed', id: `m${seq}`, reason: 'invalid' }, { type: 'failed', id: `m${seq}`, reason: '' }),
    ),
    { weight: 2, arbitrary: fc.tuple(slice, fc.boolean()).map(([messages, more]) => greeted(messages, { more })) },
    slice.map((messages) => greeted(messages, { visitor: { id: 'v-2' } })),
    fc.tuple(slice, fc.boolean()).map(([messages, more]): Event => ({ type: 'history', messages, more })),
    fc.record({ to: fc.constantFrom('desk', 'lobby'), seq, body: fc.string(), reactions: fc.constant([]) }).chain((data) =>
      fc.constantFrom('edited', 'retracted', 'reactions').map((name) => wire(name, data)),
    ),
    fc.record({ to: fc.constant('desk'), seq, state: fc.constantFrom('delivered', 'read') }).map((data) => wire('receipt', data)),
    fc.record({ to: fc.constant('desk'), from: fc.constant(person), state: fc.constantFrom('composing', 'paused') }).map((data) => wire('typing', data)),
    fc.constantFrom<Event>(wire('desk', { state: 'busy' }), wire('talk', { state: 'taken' }), wire('member', { room: 'lobby' })),
    fc.constantFrom<Event>({ type: 'refused' }, { type: 'forgetful' }, { type: 'typing-over' }),
    fc.string().map((body): Event => ({ type: 'aside', kind: 'system', body, at: new Date(++moment).toISOString() })),
    fc.constantFrom<Event>(live, lost, elsewhere),
    seq.map((seq): Event => ({ type: 'read', seq })),
    fc.record({ open: fc.boolean(), visible: fc.boolean(), atEnd: fc.boolean(), dressed: fc.boolean() }).map(view),
  )

  function freeze<Value>(value: Value): Value {
    if (value && typeof value === 'object' && !Object.isFrozen(value)) {
      Object.freeze(value)
      Object.values(value).forEach(freeze)
    }
    return value
  }

  /** Checks that each step keeps what it must; everything is frozen before it is handed over. */
  function always(check: (before: State, after: State, event: Event) => void): void {
    fc.assert(
      fc.property(fc.array(happening, { maxLength: 60 }), (events) => {
        let state = freeze(run([greeted()]))
        for (const event of events) {
          const before = state
          state = freeze(reduce(before, freeze(event)))
          check(before, state, event)
        }
      }),
      { numRuns: 200 },
    )
  }
  const ids = (list: readonly { readonly id: string }[]): string[] => list.map(({ id }) => id)

  it('the log is in order, with each message once', () =>
    always((_, { messages }) => {
      const seqs = messages.map(({ seq }) => seq)
      expect(seqs).toEqual([...new Set(seqs)].sort((a, b) => a - b))
    }))

  it('nothing waits that is stored, and nothing waits twice', () =>
    always((_, { messages, waiting }) => {
      const stored = ids(messages.filter(isOwn))
      expect(ids(waiting).filter((id) => stored.includes(id))).toEqual([])
      expect(new Set(ids(waiting)).size).toBe(waiting.length)
    }))

  it('nothing that waited is gone without being stored, and what failed says so until it is tried again', () =>
    always((before, after, event) => {
      for (const said of before.waiting) {
        const now = after.waiting.find(({ id }) => id === said.id)
        if (!now) expect(ids(after.messages.filter(isOwn))).toContain(said.id)
        else if (event.type === 'failed' && event.id === said.id) expect(now.failed).toBe(event.reason)
        else expect(now).toEqual(said)
      }
    }))

  it('what was read, and what is confirmed, is so for good for the same visitor', () =>
    always((before, after) => {
      if (before.visitor !== after.visitor) return
      expect(after.read).toBeGreaterThanOrEqual(before.read)
      expect(after.confirmed.delivered).toBeGreaterThanOrEqual(before.confirmed.delivered)
      expect(after.confirmed.read).toBeGreaterThanOrEqual(before.confirmed.read)
      expect(after.confirmed.delivered).toBeGreaterThanOrEqual(after.confirmed.read)
    }))

  it('only what a person could see is read', () =>
    always((before, after, { type }) => {
      const { open, visible, atEnd } = after
      if (type === 'read' || type === 'hello' || (open && visible && atEnd)) return
      expect(after.read).toBe(before.read)
    }))

  it('lines of the widget’s own keep their place between the messages', () =>
    always((before, after) => {
      if (before.visitor === after.visitor) expect(after.asides.slice(0, before.asides.length)).toEqual(before.asides)
      const rows = timeline(after).filter((row): row is TalkRow => row.kind !== 'day')
      for (const { at, body, after: seq } of after.asides) {
        const places = rows.flatMap((row, index) => (row.at === at && row.body === body ? [index] : []))
        expect(places).toHaveLength(1)
        const place = places[0]!
        expect(rows.slice(0, place).every((row) => (row.seq ?? 0) <= seq)).toBe(true)
        expect(rows.slice(place).every((row) => (row.seq ?? Infinity) > seq)).toBe(true)
      }
    }))

  it('every row has a key of its own, and what waits stands last', () =>
    always((_, after) => {
      const keys = timeline(after).map(({ key }) => key)
      expect(new Set(keys).size).toBe(keys.length)
      expect(keys.slice(keys.length - after.waiting.length)).toEqual(ids(after.waiting))
    }))

  it('the same event makes the same of the same state, which stays as it was', () =>
    always((before, after, event) => expect(reduce(before, event)).toEqual(after)))

  it('nobody is typing who is out of reach', () =>
    always((_, after, event) => {
      if (event.type === 'link' && !event.live && !event.elsewhere) expect(after.typing).toBeUndefined()
    }))
})
