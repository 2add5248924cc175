import { describe, expect, it } from 'vitest'
import { initial } from '../src/panel/state'
import { timeline } from '../src/panel/timeline'
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

  it('has a suggested page after what was last said then', () => {
    const pushed = { body: 'https://example.com', at: at(1) }
    const keys = (after: number) =>
      timeline({ ...initial, messages: [fromDesk(2), fromDesk(5)], pushed: { ...pushed, after } }).slice(1).map(({ key }) => key)
    expect(keys(0)).toEqual([pushed.at, '#2', '#5'])
    expect(keys(2)).toEqual(['#2', pushed.at, '#5'])
  })

  it('tells the status of the last own message only, and of each that waits', () => {
    const messages = [own(1, 'a'), own(2, 'b')]
    const waiting = [{ id: 'c', body: 'c', at: at(0) }]
    const rows = timeline({ ...initial, messages, waiting, confirmed: { delivered: 2, read: 1 } })
    expect(rows.flatMap((row) => (row.kind === 'own' ? [row.status] : []))).toEqual([undefined, 'delivered', 'held'])
  })
})
