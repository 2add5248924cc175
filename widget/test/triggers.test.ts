/** What the site says by itself. */

import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { mount } from '../src/parts/triggers'
import type { Trigger } from '../src/wire'
import { Bench, HOSTILE } from './bench'
import { AT } from './fakes'

const HELP = 'May I help?'
const now: Trigger = { text: HELP }

/** Where the page is scrolled to: `top` of 1000 px, in a window of 200 px. */
function scroll(top: number, height = 1_000): void {
  const at = { scrollTop: top, scrollHeight: height, clientHeight: 200 }
  for (const [name, value] of Object.entries(at))
    Object.defineProperty(document.documentElement, name, { value, configurable: true })
}
const go = (path: string): void => history.pushState(null, '', path)
const leave = (clientY: number, relatedTarget: Element | null = null): boolean =>
  document.documentElement.dispatchEvent(new MouseEvent('mouseout', { clientY, relatedTarget, bubbles: true }))

function watch(triggers: Trigger[], change = {}): Bench {
  return new Bench({ open: false, ...change }, { triggers }).mount(mount)
}
const teaser = (bench: Bench): string | null | undefined => bench.root.querySelector('.teaser')?.textContent
const lines = (bench: Bench): string[] => bench.state.asides.map(({ kind, body }) => `${kind}: ${body}`)

beforeEach(() => {
  sessionStorage.clear()
  go('/')
  scroll(0)
  vi.spyOn(performance, 'now').mockReturnValue(0)
  vi.spyOn(performance, 'getEntriesByType').mockReturnValue([{ name: location.href }] as PerformanceEntryList)
})
afterEach(() => {
  vi.restoreAllMocks()
})

describe('a word beside the button', () => {
  it('renders', () => {
    const bench = watch([now])
    expect(teaser(bench)).toBe(HELP)
    expect(bench.query('.teaser').parentElement!.getAttribute('role')).toBe('status')
    expect(lines(bench)).toEqual([])
  })
  it('is accessible', async () => {
    expect(await watch([now]).faults()).toEqual([])
  })
  it('takes no focus', () => {
    expect(watch([now]).root.activeElement).toBe(null)
    expect(document.activeElement).toBe(document.body)
  })
  it('opens the panel, where it stands as a line', async () => {
    const bench = watch([now])
    await bench.click(HELP)
    expect(bench.state.open).toBe(true)
    expect(teaser(bench)).toBeUndefined()
    expect(lines(bench)).toEqual([`desk: ${HELP}`])
    bench.set({ open: false })
    bench.set({ open: true })
    expect(lines(bench)).toHaveLength(1)
  })
  it('goes by its cross, and no other comes in this tab', async () => {
    const bench = watch([now, { text: 'Still here?', seconds: 5 }])
    await bench.click('Close')
    expect([teaser(bench), lines(bench)]).toEqual([undefined, []])
    await bench.clock.pass(6_000)
    expect(teaser(bench)).toBeUndefined()
    expect(teaser(watch([{ text: 'Another' }]))).toBeUndefined()
  })
  it('goes once there is a talk', () => {
    const bench = watch([now])
    bench.set({ talk: { state: 'taken' } })
    expect(teaser(bench)).toBeUndefined()
  })
  it('is text', async () => {
    const bench = watch([{ text: HOSTILE }])
    expect([teaser(bench), bench.count('img')]).toEqual([HOSTILE, 0])
    await bench.click(HOSTILE)
    expect(bench.count('img')).toBe(0)
  })
})

describe('a trigger', () => {
  it('fires once in a tab', () => {
    expect(teaser(watch([now]))).toBe(HELP)
    expect(teaser(watch([now]))).toBeUndefined()
    sessionStorage.clear()
    expect(teaser(watch([now]))).toBe(HELP)
  })
  it('works where nothing can be kept', async () => {
    vi.spyOn(window, 'sessionStorage', 'get').mockImplementation(() => {
      throw new DOMException('refused', 'SecurityError')
    })
    const bench = watch([now])
    expect(teaser(bench)).toBe(HELP)
    await bench.click('Close')
    await bench.clock.pass(1_000)
    expect(teaser(bench)).toBeUndefined()
  })
  it('waits for its seconds on the page', async () => {
    const bench = watch([{ text: HELP, seconds: 30 }])
    await bench.clock.pass(29_000)
    expect(teaser(bench)).toBeUndefined()
    await bench.clock.pass(2_000)
    expect(teaser(bench)).toBe(HELP)
  })
  it('counts from when the page was entered, not from when it looks', () => {
    vi.spyOn(performance, 'now').mockReturnValue(30_000)
    expect(teaser(watch([{ text: HELP, seconds: 30 }]))).toBe(HELP)
  })
  it('counts anew on another page of the same document', async () => {
    const bench = watch([{ text: HELP, seconds: 30 }])
    await bench.clock.pass(29_000)
    go('/other')
    await bench.clock.pass(29_000)
    expect(teaser(bench)).toBeUndefined()
    await bench.clock.pass(2_000)
    expect(teaser(bench)).toBe(HELP)
  })
  it('counts a page that came before it from now on, since when is not known', async () => {
    vi.spyOn(performance, 'now').mockReturnValue(60_000)
    go('/other')
    const bench = watch([{ text: HELP, seconds: 30 }])
    expect(teaser(bench)).toBeUndefined()
    await bench.clock.pass(31_000)
    expect(teaser(bench)).toBe(HELP)
  })
  it.each([
    ['*/prices*', '/prices', true],
    ['*/prices*', '/en/prices/list?page=2#top', true],
    ['*/prices', '/prices/list', false],
    ['*/prices', '/x?y=/prices', false],
    ['http://*/pric?s', '/prices', true],
    ['*/pric?s', '/prics', false],
    ['/prices', '/prices', false],
    ['*/a.b', '/axb', false],
    ['*/a.b(c)[d]+$', '/a.b(c)[d]+$', true],
  ])('takes the glob %s at %s: %s', (url, path, fires) => {
    go(path)
    expect(teaser(watch([{ text: HELP, url }]))).toBe(fires ? HELP : undefined)
  })
  it('fires on the page that it is for, once a router gets there', async () => {
    const bench = watch([{ text: HELP, url: '*/prices' }])
    go('/prices')
    await bench.clock.pass(500)
    expect(teaser(bench)).toBe(HELP)
  })
  it('fires once so much of the page was scrolled, even if it is scrolled back', async () => {
    const bench = watch([{ text: HELP, scroll: 50, seconds: 2 }])
    scroll(400)
    await bench.clock.pass(500)
    scroll(0)
    expect(teaser(bench)).toBeUndefined()
    await bench.clock.pass(2_000)
    expect(teaser(bench)).toBe(HELP)
  })
  it('is not fired by what was scrolled on another page, nor by a page that cannot be', async () => {
    const bench = watch([{ text: HELP, scroll: 50, url: '*/other' }])
    scroll(800)
    await bench.clock.pass(500)
    go('/other')
    scroll(0, 200)
    await bench.clock.pass(500)
    expect(teaser(bench)).toBeUndefined()
  })
  it('fires when the pointer leaves through the top, and only there', async () => {
    const bench = watch([{ text: HELP, exit: true }])
    const look = async (): Promise<string | null | undefined> => {
      await bench.clock.pass(500)
      return teaser(bench)
    }
    leave(300)
    expect(await look()).toBeUndefined()
    leave(0, document.body)
    expect(await look()).toBeUndefined()
    leave(-1)
    expect(await look()).toBe(HELP)
  })
  it('wants all that it gives', async () => {
    const bench = watch([{ text: HELP, seconds: 1, scroll: 50, exit: true, url: '*/prices' }])
    await bench.clock.pass(2_000)
    leave(-1)
    scroll(800)
    await bench.clock.pass(2_000)
    expect(teaser(bench)).toBeUndefined()
    go('/prices')
    await bench.clock.pass(500)
    expect(teaser(bench)).toBeUndefined()
    await bench.clock.pass(1_000)
    expect(teaser(bench)).toBe(HELP)
  })
  it('is a line alone where the panel is open', () => {
    const bench = watch([now], { open: true })
    expect([teaser(bench), lines(bench)]).toEqual([undefined, [`desk: ${HELP}`]])
  })
  it.each([
    ['in a talk', { talk: { state: 'waiting' } }],
    ['in a talk, with the panel open', { talk: { state: 'taken' }, open: true }],
    ['who has just written', { waiting: [{ id: 'a', body: 'x', at: AT }] }],
  ])('says nothing to who is %s', (_, change) => {
    const bench = watch([now], change)
    expect([teaser(bench), lines(bench)]).toEqual([undefined, []])
  })
  it('says nothing beside the button to who has closed the widget', async () => {
    const bench = watch([{ text: HELP, seconds: 5 }], { open: true })
    bench.set({ open: false })
    await bench.clock.pass(6_000)
    expect(teaser(bench)).toBeUndefined()
  })
})
