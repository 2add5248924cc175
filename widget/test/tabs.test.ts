/** Which of a site's tabs has the connection. */

import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type Tabs, joinTabs } from '../src/tabs'
import { settle } from './fakes'
import { FakeLocks } from './locks'

interface Tab extends Tabs {
  readonly locks: FakeLocks
  readonly led: boolean[]
}

/** Whether the tab may not take the lock from another. */
let hidden = false
let first: FakeLocks | undefined

function openTab(lateNews = false): Tab {
  const locks = first ? first.tab() : (first = new FakeLocks(lateNews))
  const led: boolean[] = []
  const { claim, leave } = joinTabs('site', () => !hidden, (leads) => led.push(leads))
  return {
    locks,
    led,
    claim(surely) {
      locks.run()
      claim(surely)
    },
    leave() {
      locks.run()
      leave()
    },
  }
}

/** The last word of each. */
const leading = (...tabs: Tab[]): boolean[] => tabs.map(({ led }) => led[led.length - 1] ?? false)

beforeEach(() => {
  first = undefined
  hidden = false
})
afterEach(() => {
  Reflect.deleteProperty(navigator, 'locks')
})

describe('a tab', () => {
  it('leads when it is the only one', async () => {
    const tab = openTab()
    tab.claim()
    await settle()
    expect(tab.led).toEqual([true])
  })

  it('leads once it is used, and the one used before follows', async () => {
    const [a, b, c] = [openTab(), openTab(), openTab()]
    for (const tab of [a, b, c, a]) {
      tab.claim()
      await settle()
      expect(leading(a, b, c)).toEqual([a, b, c].map((one) => one === tab))
    }
  })

  it('hears that it leads or follows only when that has changed', async () => {
    const [a, b] = [openTab(), openTab()]
    for (const tab of [a, a, b, b, b, a]) {
      tab.claim()
      await settle()
    }
    expect(a.led).toEqual([true, false, true])
    expect(b.led).toEqual([true, false])
  })

  it('leads again when the one that took over is closed', async () => {
    const [a, b] = [openTab(), openTab()]
    a.claim()
    await settle()
    b.claim()
    await settle()
    b.locks.close()
    await settle()
    expect(leading(a)).toEqual([true])
  })

  it('that is hidden waits until there is no other, and does not steal', async () => {
    const [a, b] = [openTab(), openTab()]
    a.claim()
    await settle()
    hidden = true
    b.claim()
    b.claim()
    await settle()
    expect(leading(a, b)).toEqual([true, false])
    expect(b.locks.asked).toBe(1)
    a.leave()
    await settle()
    expect(leading(a, b)).toEqual([false, true])
  })

  it('that is hidden and the only one leads', async () => {
    hidden = true
    const tab = openTab()
    tab.claim()
    await settle()
    expect(tab.led).toEqual([true])
  })

  it('that waited while it was hidden takes over once it is looked at', async () => {
    const [a, b] = [openTab(), openTab()]
    a.claim()
    await settle()
    hidden = true
    b.claim()
    await settle()
    hidden = false
    b.claim()
    await settle()
    expect(leading(a, b)).toEqual([false, true])
    // What it waited for is granted when it loses the lock again.
    a.claim()
    await settle()
    expect(leading(a, b)).toEqual([true, false])
    a.locks.close()
    await settle()
    expect(leading(b)).toEqual([true])
  })

  it('that is used takes over from one that may not be taken from', async () => {
    const [a, b] = [openTab(), openTab()]
    a.claim()
    await settle()
    hidden = true
    b.claim()
    await settle()
    expect(leading(a, b)).toEqual([true, false])
    b.claim(true)
    await settle()
    expect(leading(a, b)).toEqual([false, true])
  })
})

describe.each([
  ['before', false],
  ['after', true],
])('a tab that is told of its stolen lock %s it has the new one', (_, lateNews) => {
  it('leads once, and stays so, if it is claimed several times at once', async () => {
    const tab = openTab(lateNews)
    tab.claim()
    tab.claim()
    tab.claim()
    await settle()
    expect(tab.led).toEqual([true])
    expect(tab.locks.asked).toBe(1)
  })

  it('follows and comes back after that, as ever', async () => {
    const [a, b] = [openTab(lateNews), openTab()]
    a.claim()
    a.claim()
    await settle()
    b.claim()
    b.claim()
    await settle()
    expect(leading(a, b)).toEqual([false, true])
    b.locks.close()
    await settle()
    expect(leading(a)).toEqual([true])
  })

  it('leads if it takes from itself what it was granted a moment ago', async () => {
    const [a, b] = [openTab(lateNews), openTab()]
    a.claim()
    await settle()
    hidden = true
    b.claim()
    await settle()
    a.locks.close()
    hidden = false
    b.claim()
    await settle()
    expect(leading(b)).toEqual([true])
    expect(b.locks.asked).toBeGreaterThan(1)
  })

  it('leads again if its page goes and comes back at once', async () => {
    const tab = openTab(lateNews)
    tab.claim()
    tab.leave()
    tab.claim()
    await settle()
    expect(leading(tab)).toEqual([true])
    tab.leave()
    tab.claim()
    await settle()
    expect(tab.led).toEqual([true, false, true])
  })
})

describe('a page that goes', () => {
  it('leaves its lead to the one that waits', async () => {
    const [a, b] = [openTab(), openTab()]
    a.claim()
    await settle()
    b.claim()
    await settle()
    b.leave()
    await settle()
    expect(leading(a, b)).toEqual([true, false])
  })

  it('before it was granted the lock gives it back at once', async () => {
    const [a, b] = [openTab(), openTab()]
    a.claim()
    await settle()
    b.claim()
    b.leave()
    await settle()
    expect(b.led).toEqual([])
    expect(leading(a)).toEqual([true])
  })

  it('before it has led hears nothing', async () => {
    const tab = openTab()
    tab.leave()
    await settle()
    expect(tab.led).toEqual([])
  })

  it('and is kept as it is does not lead while it is away, and does when it is back', async () => {
    const [a, b] = [openTab(), openTab()]
    a.claim()
    await settle()
    b.claim()
    await settle()
    // It waits for the lock that was stolen from it.
    a.leave()
    b.leave()
    await settle()
    expect(leading(a, b)).toEqual([false, false])
    a.claim()
    await settle()
    expect(leading(a, b)).toEqual([true, false])
    b.claim()
    await settle()
    expect(leading(a, b)).toEqual([false, true])
  })
})

describe('where there are no locks', () => {
  it('every tab leads, until its page goes', () => {
    const tabs = [true, false].map(() => {
      const led: boolean[] = []
      return { led, ...joinTabs('site', () => true, (leads) => led.push(leads)) }
    })
    for (const { claim } of tabs) claim()
    expect(tabs.map(({ led }) => led)).toEqual([[true], [true]])
    tabs[0]!.leave()
    tabs[0]!.claim()
    expect(tabs[0]!.led).toEqual([true, false, true])
  })

  it('a page to which they are refused leads', async () => {
    const request = () => Promise.reject(new DOMException('no storage, no locks', 'SecurityError'))
    Object.defineProperty(navigator, 'locks', { configurable: true, value: { request } })
    const led: boolean[] = []
    const { claim, leave } = joinTabs('site', () => !hidden, (leads) => led.push(leads))
    claim()
    await settle()
    leave()
    claim()
    await settle()
    expect(led).toEqual([true, false, true])
  })
})
