import { describe, expect, it } from 'vitest'
import { initial } from '../src/panel/state'
import { timeline } from '../src/panel/timeline'
import type { Message } from '../src/wire'
import { fromDesk, own } from './fakes'

const at = (minutes: number): string => new Date(Date.parse('2026-03-04T10:00:00Z') + minutes * 60_000).toISOString()

describe('the timeline', () => {
  it('groups what one sender writes in a stretch', () => {
    const messages = [
      fromDesk(1, 'a', { at: at(0) }),
      fromDesk(2, 'b', { at: at(1) }),
      fromDesk(3, 'c', { at: at(20) }),
      fromDesk(4, 'd', { at: at(21), from: { kind: 'operator', id: 'o-2', name: 'Grace' } }),
    ]
    const rows = timeline({ ...initial, messages }).slice(1)
    expect(rows).toMatchObject([
      { first: true, last: false },
      { first: false, last: true },
      { first: true, last: true },
      { first: true, last: true },
    ])
  })

  it('begins each day with a row of its own', () => {
    const messages = [fromDesk(1, 'a', { at: at(0) }), fromDesk(2, 'b', { at: at(60 * 48) })]
    expect(timeline({ ...initial, messages }).map(({ kind }) => kind)).toEqual(['day', 'desk', 'day', 'desk'])
  })

  it('begins a day again where a clock goes wrong', () => {
    const messages = [fromDesk(1, 'a', { at: at(0) }), fromDesk(2, 'b', { at: at(0) })]
    const asides = [{ kind: 'system', body: 'tomorrow', at: at(60 * 24), after: 1 } as const]
    const rows = timeline({ ...initial, messages, asides })
    expect(rows.map(({ kind }) => kind)).toEqual(['day', 'desk', 'day', 'system', 'day', 'desk'])
    expect(new Set(rows.map(({ key }) => key)).size).toBe(6)
  })

  it('keeps system messages apart from what an operator of the same name writes', () => {
    const system = fromDesk(1, 'a', { from: { kind: 'system', id: '', name: 'Ada' } })
    const rows = timeline({ ...initial, messages: [system, fromDesk(2)] })
    expect(rows).toMatchObject([{}, { kind: 'system', last: true }, { kind: 'desk', first: true }])
  })

  it('quotes what a message answers, if that is here', () => {
    const messages = [fromDesk(4), fromDesk(5, 'b', { reply_to: 4 }), fromDesk(6, 'c', { reply_to: 3 })]
    const quotes = timeline({ ...initial, messages }).slice(1).map((row) => 'quote' in row && row.quote)
    expect(quotes).toEqual([undefined, messages[0], undefined])
  })

  it('has a line of its own after what was last said then, whatever came or went since', () => {
    const line = { kind: 'system', body: 'https://example.com', at: at(1) } as const
    const { body } = line
    const keys = (messages: Message[], ...after: number[]) =>
      timeline({ ...initial, messages, asides: after.map((after) => ({ ...line, after, at: at(after) })) })
        .slice(1)
        .map(({ key }) => key)
    const log = [fromDesk(2), fromDesk(5)]
    expect(keys(log, 0)).toEqual([at(0) + body, '#2', '#5'])
    expect(keys(log, 2)).toEqual(['#2', at(2) + body, '#5'])
    expect(keys(log, 3, 7)).toEqual(['#2', at(3) + body, '#5', at(7) + body])
    expect(keys([], 0, 7)).toEqual([at(0) + body, at(7) + body])
  })

  it('has two lines of the same moment', () => {
    const aside = { kind: 'system', at: at(1), after: 0 } as const
    const rows = timeline({ ...initial, asides: [{ ...aside, body: 'a' }, { ...aside, body: 'b' }] })
    expect(new Set(rows.map(({ key }) => key)).size).toBe(3)
  })

  it('shows a file on its way with the message that waits', () => {
    const file = { url: '', name: 'a.png' }
    const messages = [fromDesk(4)]
    const waiting = [{ id: 'c', body: '', at: at(0), reply_to: 4, file }]
    expect(timeline({ ...initial, messages, waiting }).pop()).toMatchObject({ attachment: file, quote: messages[0] })
  })

  it('tells the status of the last own message only, and of each that waits', () => {
    const messages = [own(1, 'a'), own(2, 'b')]
    const waiting = [{ id: 'c', body: 'c', at: at(0) }]
    const rows = timeline({ ...initial, messages, waiting, confirmed: { delivered: 2, read: 1 } })
    expect(rows.flatMap((row) => (row.kind === 'own' ? [row.status] : []))).toEqual([undefined, 'delivered', 'held'])
  })
})
