import { describe, expect, it } from 'vitest'
import { createParser } from '../src/events'

describe('the text of a stream', () => {
  const parsed = (pieces: string[]): unknown[] => {
    const events: unknown[] = []
    const feed = createParser((type, data, id) => events.push([type, data, id]), () => {})
    pieces.forEach(feed)
    return events
  }

  const text = ': here\n\nid: c1\nevent: message\ndata: {"a":1}\n\nevent:typing\r\ndata: one\u2028\r\ndata: two\r\n\r\n'
  const events = [
    ['message', '{"a":1}', 'c1'],
    ['typing', 'one\u2028\ntwo', undefined],
  ]

  it('gives each event, whatever the pieces it comes in', () => {
    for (let cut = 0; cut <= text.length; cut++) {
      expect(parsed([text.slice(0, cut), text.slice(cut)])).toEqual(events)
    }
    expect(parsed([...text])).toEqual(events)
  })

  it('gives no event that is not complete', () => {
    expect(parsed(['id: c1\nevent: message\ndata: {"a"'])).toEqual([])
    expect(parsed(['event: message\n\ndata: 1\n\n'])).toEqual([])
  })
})
