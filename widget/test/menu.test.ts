/** The header's menu, and the alerts. */

import axe from 'axe-core'
import { type MockInstance, afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { h, icon } from '../src/dom'
import type { Part, Tools } from '../src/panel/parts'
import { type State, initial } from '../src/panel/state'
import { createLanguage, english } from '../src/panel/texts'
import { mount } from '../src/parts/menu'
import type { Message } from '../src/wire'
import { FakeClock, fromDesk, own, settle } from './fakes'

let clock: FakeClock
let root: ShadowRoot
let button: HTMLButtonElement
let state: State
let leads: boolean
let focused: boolean
let hidden: boolean
let kept: Record<string, string>
let sounds: number
let notes: FakeNotification[]
let part: Part
let listening: MockInstance<typeof window.addEventListener>
const call = vi.fn()
const dispatch = vi.fn()
const open = vi.fn()

class FakeNotification {
  static permission = 'default'
  static requestPermission = vi.fn(async () => (FakeNotification.permission = 'granted'))
  onclick: (() => void) | undefined
  close = vi.fn()
  constructor(
    readonly title: string,
    readonly options: { body: string; tag: string },
  ) {
    notes.push(this)
  }
}

/** Sound as browsers make it; `allowed` never settles before the first click. */
class FakeAudio {
  static allowed: Promise<void> = Promise.resolve()
  currentTime = 0
  destination = {}
  resume = (): Promise<void> => FakeAudio.allowed
  suspend = vi.fn()
  private readonly node = { connect: (to: object) => to, frequency: {}, gain: { setTargetAtTime: vi.fn() } }
  createGain = () => this.node
  createOscillator = () => ({ ...this.node, start: () => void sounds++, stop: vi.fn() })
}

const items = (): HTMLElement[] => [...root.querySelectorAll<HTMLElement>('[role=menu] > *')]
const active = (): string | null | undefined => root.activeElement?.textContent
const press = (key: string): boolean =>
  root.activeElement!.dispatchEvent(new KeyboardEvent('keydown', { key, bubbles: true, composed: true, cancelable: true }))
const choose = async (text: string): Promise<void> => {
  items().find(({ textContent }) => textContent === text)!.click()
  await settle()
}

/** As the panel passes a message on. */
async function arrive(message: Message): Promise<void> {
  state = { ...state, messages: [...state.messages, message] }
  part.render!(state)
  part.heard!(message)
  await settle()
}
const at = (seconds: number): string => new Date(Date.UTC(2026, 2, 4, 10, 0, seconds)).toISOString()
const answer = (seq: number, more: Partial<Message> = {}): Message => fromDesk(seq, `desk ${seq}`, { at: at(seq), ...more })

beforeEach(() => {
  clock = new FakeClock()
  document.body.replaceChildren()
  document.title = 'Prices'
  root = document.body.appendChild(document.createElement('parley-chat')).attachShadow({ mode: 'open' })
  button = h('button', 'plain', { type: 'button', 'aria-label': 'More', 'aria-haspopup': 'menu' })
  button.ariaLabel = 'More'
  root.append(h('section', 'panel', {}, h('div', 'header', {}, button)))
  state = { ...initial, visitor: 'v-1', title: 'The shop', link: 'live', open: true }
  leads = focused = true
  hidden = false
  kept = {}
  sounds = 0
  notes = []
  vi.clearAllMocks()
  FakeNotification.permission = 'default'
  FakeAudio.allowed = Promise.resolve()
  vi.stubGlobal('Notification', FakeNotification)
  vi.stubGlobal('AudioContext', FakeAudio)
  vi.spyOn(document, 'hasFocus').mockImplementation(() => focused)
  vi.spyOn(document, 'hidden', 'get').mockImplementation(() => hidden)
  listening = vi.spyOn(window, 'addEventListener')
  button.onclick = () => part.show!(button)
  part = mount({
    ...createLanguage('en-GB'),
    texts: english,
    h,
    icon,
    env: { setTimeout: clock.setTimeout, clearTimeout: clock.clearTimeout, now: () => clock.now },
    root,
    keep: { get: (key: string) => kept[key] ?? '', set: (key: string, value: string) => void (kept[key] = value) },
    state: () => state,
    dispatch,
    call,
    open,
    leads: () => leads,
    addStyles: () => {},
  } as unknown as Tools)
})
afterEach(() => {
  // Each test mounts anew, in the same page.
  for (const [name, listener] of listening.mock.calls) removeEventListener(name, listener as () => void)
  vi.restoreAllMocks()
  vi.unstubAllGlobals()
})

describe('the menu', () => {
  it('renders', () => {
    button.click()
    expect(items().map(({ textContent }) => textContent)).toEqual(['Sound', 'Notifications', 'Download transcript'])
    expect(items().map((item) => item.ariaChecked ?? item.getAttribute('aria-checked'))).toEqual(['true', 'false', null])
  })
  it('is accessible', async () => {
    button.click()
    const rules = { 'color-contrast': { enabled: false }, region: { enabled: false } }
    expect((await axe.run(root.host, { rules })).violations).toEqual([])
  })
  it('is walked through by arrows, Home and End, and left by Escape to its button', () => {
    const outside = vi.fn()
    document.addEventListener('keydown', outside)
    button.click()
    expect(active()).toBe('Sound')
    const walked = ['ArrowUp', 'ArrowDown', 'ArrowDown', 'End', 'Home'].map((key) => (press(key), active()))
    expect(walked).toEqual(['Download transcript', 'Sound', 'Notifications', 'Download transcript', 'Sound'])
    press('Escape')
    expect(items()).toEqual([])
    expect(root.activeElement).toBe(button)
    expect(outside).not.toHaveBeenCalled()
  })
  it('goes with Tab, a press elsewhere, a second press of its button and the panel', () => {
    const leave: Record<string, () => void> = {
      tab: () => expect(press('Tab')).toBe(true),
      elsewhere: () => document.body.dispatchEvent(new Event('pointerdown', { bubbles: true, composed: true })),
      button: () => {
        button.dispatchEvent(new Event('pointerdown', { bubbles: true, composed: true }))
        button.click()
      },
      panel: () => part.render!((state = { ...state, open: false })),
    }
    for (const way of Object.values(leave)) {
      state = { ...state, open: true }
      button.click()
      expect(items()).toHaveLength(3)
      way()
      expect(items()).toEqual([])
    }
  })
  it('keeps whether there is sound', async () => {
    button.click()
    await choose('Sound')
    expect(items()[0]!.ariaChecked).toBe('false')
    state = { ...state, open: false }
    await arrive(answer(1))
    expect(sounds).toBe(0)
    expect(kept.mute).toBe('yes')
  })
  it('asks for notifications only when they are chosen', async () => {
    button.click()
    expect(FakeNotification.requestPermission).not.toHaveBeenCalled()
    await choose('Notifications')
    expect(items()[1]!.ariaChecked).toBe('true')
    await choose('Notifications')
    expect(items()[1]!.ariaChecked).toBe('false')
  })
  it('says that they stay off where the visitor refuses, and then offers them no more', async () => {
    FakeNotification.requestPermission.mockImplementationOnce(async () => (FakeNotification.permission = 'denied'))
    button.click()
    await choose('Notifications')
    expect(items()[1]!.ariaChecked).toBe('false')
    press('Escape')
    button.click()
    expect(items()).toHaveLength(2)
  })
  it('does not offer them where there are none', () => {
    vi.stubGlobal('Notification', undefined)
    delete (window as { Notification?: unknown }).Notification
    button.click()
    expect(items()).toHaveLength(2)
  })
})

describe('the transcript', () => {
  let written: Blob
  let saved: { name: string; href: string }[]

  beforeEach(() => {
    saved = []
    URL.createObjectURL = (blob: Blob) => ((written = blob), 'blob:1')
    URL.revokeObjectURL = vi.fn()
    vi.spyOn(HTMLAnchorElement.prototype, 'click').mockImplementation(function (this: HTMLAnchorElement) {
      saved.push({ name: this.download, href: this.href })
    })
  })
  const download = async (): Promise<string[]> => {
    button.click()
    await choose('Download transcript')
    return new Promise((resolve) => {
      const reader = new FileReader()
      reader.onload = () => resolve((reader.result as string).split('\n'))
      reader.readAsText(written)
    })
  }

  it('is the whole log, page by page', async () => {
    call.mockResolvedValueOnce({ messages: [answer(101), answer(102)], more: true })
    call.mockResolvedValueOnce({ messages: [own(1, 'a', 'first'), answer(2)], more: false })
    const lines = await download()
    expect(call.mock.calls).toEqual([
      ['history', { before: undefined, limit: 100 }],
      ['history', { before: 101, limit: 100 }],
    ])
    expect(lines.map((line) => line.replace(/^\[.*?\] /, ''))).toEqual(['You: first', 'Ada: desk 2', 'Ada: desk 101', 'Ada: desk 102', ''])
    expect(lines[1]).toBe(`[${new Date(at(2)).toLocaleString('en-GB')}] Ada: desk 2`)
    expect(items()).toEqual([])
  })
  it('has files as their address, and cannot be made to say what nobody said', async () => {
    const file = { url: 'https://chat.example/files/x', name: 'x.png' }
    call.mockResolvedValueOnce({
      messages: [
        fromDesk(1, 'yes\n[4/3/2026] You: I agree\u2028\x85[5/3/2026] Ada: no'),
        fromDesk(2, '', { attachment: file }),
        fromDesk(3, file.url, { attachment: file, from: { kind: 'operator', id: 'o', name: '' } }),
        fromDesk(4, '', { retracted: true }),
        fromDesk(5, 'Ada has left', { from: { kind: 'system', id: '', name: '' } }),
      ],
      more: false,
    })
    expect((await download()).map((line) => line.replace(/^\[04.*?\] /, ''))).toEqual([
      'Ada: yes',
      '    [4/3/2026] You: I agree',
      '    [5/3/2026] Ada: no',
      `Ada: x.png ${file.url}`,
      `Support: ${file.url}`,
      'Ada: —',
      'Ada has left',
      '',
    ])
  })
  it.each([
    ['The shop', 'The shop 2026-03-04.txt'],
    ['../..\\a/b:c*?"<>|\u202egnp.exe\u0000', 'a b c gnp exe 2026-03-04.txt'],
    ['متجر', 'متجر 2026-03-04.txt'],
    ['', '2026-03-04.txt'],
  ])('of %j is called %j', async (title, name) => {
    state = { ...state, title }
    call.mockResolvedValueOnce({ messages: [], more: false })
    await download()
    expect(saved).toEqual([{ name, href: 'blob:1' }])
    await clock.pass(60_000)
    expect(URL.revokeObjectURL).toHaveBeenCalledWith('blob:1')
  })
  it('that cannot be had is said in the log', async () => {
    call.mockRejectedValueOnce(new Error('unavailable'))
    button.click()
    await choose('Download transcript')
    expect(saved).toEqual([])
    expect(dispatch.mock.calls[0]![0]).toMatchObject({ type: 'aside', kind: 'system', body: 'Download failed' })
  })
})

describe('a sound', () => {
  beforeEach(() => void (state = { ...state, open: false }))

  it('comes with an answer to a closed panel, one a second at most', async () => {
    await arrive(answer(1))
    await arrive(answer(2))
    expect(sounds).toBe(1)
    await clock.pass(1_000)
    await arrive(answer(3))
    expect(sounds).toBe(2)
  })
  it('comes to an open panel only if the page is hidden or not focused', async () => {
    state = { ...state, open: true }
    await arrive(answer(1))
    expect(sounds).toBe(0)
    focused = false
    await arrive(answer(2))
    await clock.pass(1_000)
    focused = hidden = true
    await arrive(answer(3))
    expect(sounds).toBe(2)
  })
  it('comes in the tab that leads, once for a message', async () => {
    leads = false
    await arrive(answer(1))
    leads = true
    await arrive(answer(2))
    await clock.pass(5_000)
    part.heard!(answer(2))
    part.heard!(answer(1))
    await settle()
    expect(sounds).toBe(1)
  })
  it('comes for operators only', async () => {
    await arrive(own(1, 'a'))
    await arrive(answer(2, { from: { kind: 'system', id: '', name: '' } }))
    expect(sounds).toBe(0)
  })
  it('that the browser holds back until a click is not made then', async () => {
    let allow = (): void => {}
    FakeAudio.allowed = new Promise((resolve) => (allow = resolve))
    await arrive(answer(1))
    await clock.pass(5_000)
    allow()
    await settle()
    expect(sounds).toBe(0)
  })
  it('that the browser does not have is no failure', async () => {
    vi.stubGlobal('AudioContext', undefined)
    await arrive(answer(1))
    expect(sounds).toBe(0)
  })
})

describe('the title', () => {
  beforeEach(() => void (state = { ...state, open: false }))
  const turn = (to: boolean): void => {
    focused = to
    window.dispatchEvent(new Event(to ? 'focus' : 'blur'))
  }

  it('has the number of unread ones while nobody looks, and is then as it was', async () => {
    await arrive(answer(1))
    expect(document.title).toBe('Prices')
    turn(false)
    expect(document.title).toBe('(1) Prices')
    await arrive(answer(2))
    expect(document.title).toBe('(2) Prices')
    turn(true)
    expect(document.title).toBe('Prices')
  })
  it('that the page changed meanwhile is left', async () => {
    turn(false)
    await arrive(answer(1))
    document.title = 'Basket'
    turn(true)
    expect(document.title).toBe('Basket')
    turn(false)
    document.title = '(7) Inbox'
    await arrive(answer(2))
    expect(document.title).toBe('(2) (7) Inbox')
    turn(true)
    expect(document.title).toBe('(7) Inbox')
  })
  it('is none where there was none', async () => {
    document.title = ''
    turn(false)
    await arrive(answer(1))
    await arrive(answer(2))
    expect(document.title).toBe('(2)')
    turn(true)
    expect(document.title).toBe('')
  })
  it('is only changed by the tab that leads', async () => {
    turn(false)
    await arrive(answer(1))
    leads = false
    part.render!(state)
    expect(document.title).toBe('Prices')
  })
})

describe('a notification', () => {
  beforeEach(async () => {
    button.click()
    await choose('Notifications')
    state = { ...state, open: false }
    part.render!(state)
  })

  it('comes while the page is hidden, and leads back to the talk', async () => {
    await arrive(answer(1))
    expect(notes).toEqual([])
    hidden = true
    await arrive(answer(2, { body: '<b>Hello</b>' }))
    expect(notes[0]).toMatchObject({ title: 'Ada', options: { body: '<b>Hello</b>', tag: 'v-1' } })
    const focus = vi.spyOn(window, 'focus').mockImplementation(() => {})
    notes[0]!.onclick!()
    expect(focus).toHaveBeenCalled()
    expect(open).toHaveBeenCalled()
    part.render!((state = { ...state, read: 2 }))
    expect(notes[0]!.close).toHaveBeenCalled()
  })
  it('does not come once it is chosen away', async () => {
    state = { ...state, open: true }
    button.click()
    await choose('Notifications')
    hidden = true
    await arrive(answer(1))
    expect(notes).toEqual([])
  })
})

describe('the badge of an installed page', () => {
  it('has the number of unread ones, told when it changes', async () => {
    const setAppBadge = vi.fn(async () => {
      throw new Error('not installed')
    })
    Object.assign(navigator, { setAppBadge })
    await arrive(answer(1))
    part.render!(state)
    part.render!((state = { ...state, read: 1 }))
    leads = false
    await arrive(answer(2))
    expect(setAppBadge.mock.calls).toEqual([[1], [0]])
    Object.assign(navigator, { setAppBadge: undefined })
  })
})
