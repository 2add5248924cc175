/** What is kept in the browser, and what is done where it keeps nothing. */

import { beforeEach, describe, expect, it, vi } from 'vitest'
import { readMark, writeMark } from '../src/marks'
import { type Store, addMemory, openKeep, openness } from '../src/storage'

const PREFIX = 'parley:acme:'
const HOUR_MS = 3_600_000

beforeEach(() => localStorage.clear())

/** A browser that refuses storage altogether: each use of it throws. */
function refuse(): void {
  vi.spyOn(window, 'localStorage', 'get').mockImplementation(() => {
    throw new DOMException('refused', 'SecurityError')
  })
}
/** One that has no more room. */
function fill(): void {
  vi.spyOn(Storage.prototype, 'setItem').mockImplementation(() => {
    throw new DOMException('full', 'QuotaExceededError')
  })
}

describe('what is kept', () => {
  it('is there for the next page, by site', () => {
    openKeep(PREFIX).set('token', 'a')
    expect(openKeep(PREFIX).get('token')).toBe('a')
    expect(openKeep('parley:other:').get('token')).toBe('')
  })

  it('is removed by an empty text, and nothing is kept of it', () => {
    const keep = openKeep(PREFIX)
    keep.set('token', 'a')
    keep.set('token', '')
    expect(keep.get('token')).toBe('')
    expect(localStorage).toHaveLength(0)
  })

  it.each([
    ['refused', refuse],
    ['full', fill],
  ])('where storage is %s is nothing, without an error', (_, deny) => {
    deny()
    const keep = openKeep(PREFIX)
    keep.set('token', 'a')
    keep.set('token', '')
    expect(keep.get('token')).toBe('')
  })
})

describe('with a memory', () => {
  let lost: ReturnType<typeof vi.fn>
  const open = (): Store => addMemory(openKeep(PREFIX), PREFIX, lost)
  beforeEach(() => void (lost = vi.fn()))

  it('all is as before where the browser keeps things', () => {
    const store = open()
    store.set('out:1', 'a')
    expect(openKeep(PREFIX).get('out:1')).toBe('a')
    expect(lost).not.toHaveBeenCalled()
  })

  it.each([
    ['refused', refuse],
    ['full', fill],
  ])('what storage that is %s does not take is there for as long as the page lives, and that is told', (_, deny) => {
    deny()
    const store = open()
    store.set('out:1', 'a')
    expect([store.get('out:1'), store.keys('out:')]).toEqual(['a', ['out:1']])
    expect(lost).toHaveBeenCalledOnce()
    store.set('out:1', '')
    expect([store.get('out:1'), store.keys('out:')]).toEqual(['', []])
    expect(open().get('out:1')).toBe('')
  })

  it('the loader, which has the same keep, has it too', () => {
    refuse()
    const keep = openKeep(PREFIX)
    addMemory(keep, PREFIX, lost).set('token', 'a')
    expect(keep.get('token')).toBe('a')
  })

  it('a change that a full browser does not take hides what it holds still', () => {
    const store = open()
    store.set('draft', 'old')
    fill()
    store.set('draft', 'new')
    expect(store.get('draft')).toBe('new')
    vi.restoreAllMocks()
    store.set('draft', 'newer')
    expect(openKeep(PREFIX).get('draft')).toBe('newer')
    expect(store.keys('')).toEqual(['draft'])
  })

  it('the keys are those of this site that begin so, each once, wherever they are', () => {
    for (const key of ['parley:acme:out:1', 'parley:acme:token', 'parley:other:out:3', 'out:4']) localStorage.setItem(key, 'x')
    const store = open()
    fill()
    store.set('out:1', 'changed')
    store.set('out:2', 'new')
    expect(store.keys('out:').sort()).toEqual(['out:1', 'out:2'])
  })
})

describe('openness', () => {
  const at = (time: number): number => {
    const keep = openKeep(PREFIX)
    keep.set('open', String(time))
    return openness(keep)
  }

  it('is that of the last half hour', () => {
    const now = Date.now()
    expect(openness(openKeep(PREFIX))).toBe(0)
    expect(at(now)).toBe(1)
    expect(at(-now)).toBe(-1)
    expect(at(now - HOUR_MS / 2 + 1_000)).toBe(1)
    expect(at(now - HOUR_MS / 2)).toBe(0)
    expect(at(HOUR_MS / 2 - now)).toBe(0)
  })

  it('is none where something else was written', () => {
    localStorage.setItem(`${PREFIX}open`, 'yes')
    expect(openness(openKeep(PREFIX))).toBe(0)
  })
})

describe('a mark', () => {
  it('only goes forward, and holds for its visitor alone', () => {
    const keep = openKeep(PREFIX)
    writeMark(keep, 'read', 'v-1', 5)
    writeMark(keep, 'read', 'v-1', 3)
    expect(readMark(keep, 'read', 'v-1')).toBe(5)
    expect(readMark(keep, 'read', 'v-2')).toBe(0)
    writeMark(keep, 'read', 'v-2', 1)
    expect(readMark(keep, 'read', 'v-2')).toBe(1)
    expect(readMark(keep, 'read', 'v-1')).toBe(0)
  })

  it('is none where something else was written', () => {
    localStorage.setItem(`${PREFIX}read`, 'v-1 many')
    expect(readMark(openKeep(PREFIX), 'read', 'v-1')).toBe(0)
  })
})
