/** A part in a panel of its own, whose state, calls and time are the test's. */

import axe from 'axe-core'
import { vi } from 'vitest'
import { h, icon } from '../src/dom'
import type { MountPart, Part, Tools } from '../src/panel/parts'
import { type Event, type State, initial, reduce } from '../src/panel/state'
import { createLanguage, english } from '../src/panel/texts'
import { createTimes } from '../src/panel/times'
import { type View, createView } from '../src/panel/view'
import { type Settings, failure } from '../src/wire'
import { FakeClock, settle } from './fakes'

export const HOSTILE = '"><img src=x onerror=alert(1)>'

export const settings: Settings = {
  look: { style: '' },
  forms: { pre_chat: [], offline: [], rating: true },
  upload: null,
  triggers: [],
  hours: null,
}

export class Bench {
  readonly clock = new FakeClock()
  readonly kept = new Map<string, string>()
  readonly call = vi.fn<(method: string, params: object) => Promise<unknown>>(async () => ({}))
  readonly say = vi.fn()
  readonly root: ShadowRoot
  readonly view: View
  state: State
  part: Part | undefined

  constructor(change: Partial<State> = {}, site: Partial<Settings> = {}) {
    document.body.replaceChildren()
    this.root = document.body.appendChild(document.createElement('div')).attachShadow({ mode: 'open' })
    this.state = {
      ...initial,
      visitor: 'v-1',
      desk: { state: 'online' },
      link: 'live',
      open: true,
      settings: { ...settings, ...site },
      ...change,
    }
    const nothing = (): void => {}
    const language = createLanguage('en')
    const times = createTimes('en', () => this.clock.now)
    this.view = createView({
      texts: english,
      fill: language.fill,
      times,
      send: nothing,
      changed: nothing,
      retry: nothing,
      earlier: nothing,
      atEnd: nothing,
      interest: nothing,
      emoji: nothing,
      menu: nothing,
      dress: () => ({}),
    })
    this.root.append(this.view.element, h('button', 'launcher', {}, 'Chat'))
    this.view.render(this.state)
  }

  /** As the panel does it. */
  mount(part: MountPart): this {
    const { clock, kept, call, say, root, view } = this
    const tools: Partial<Tools> = {
      ...createLanguage('en'),
      texts: english,
      h,
      icon,
      env: { ...clock, now: () => clock.now, random: () => 1, fetch },
      root,
      keep: { get: (key) => kept.get(key) ?? '', set: (key, value) => void kept.set(key, value), keys: () => [] },
      keepPrefix: 'parley:acme:',
      slots: view.slots,
      state: () => this.state,
      dispatch: (event) => this.dispatch(event),
      call,
      say,
      open: () => this.open(),
      addStyles: () => {},
    }
    this.part = part(tools as Tools)
    this.part?.render?.(this.state)
    return this
  }

  dispatch(event: Event): void {
    this.set(reduce(this.state, event))
  }
  set(change: Partial<State>): void {
    this.state = { ...this.state, ...change }
    this.view.render(this.state)
    this.part?.render?.(this.state)
  }
  open(): void {
    this.set({ open: true })
    this.view.focus()
  }
  /** The next call is refused so. */
  refuse(reason: string, retryAfter = 0): void {
    this.call.mockImplementationOnce(async () => {
      throw failure(reason, reason, retryAfter)
    })
  }

  query<Found extends HTMLElement = HTMLElement>(selector: string): Found {
    const found = this.root.querySelector<Found>(selector)
    if (!found) throw new Error(`there is no ${selector}`)
    return found
  }
  count = (selector: string): number => this.root.querySelectorAll(selector).length
  get field(): HTMLTextAreaElement {
    return this.query('.writing textarea')
  }
  /** By its accessible name, as far as that is an attribute or the text. */
  button(name: string): HTMLButtonElement {
    const all = [...this.root.querySelectorAll('button')]
    const found = all.find((one) => (one.getAttribute('aria-label') ?? one.textContent) === name)
    if (!found) throw new Error(`there is no button ${name}`)
    return found
  }
  async click(name: string): Promise<void> {
    this.button(name).focus()
    this.button(name).click()
    await settle()
  }

  /** Colours are looked at in a browser; jsdom has none. */
  async faults(): Promise<string[]> {
    const { violations } = await axe.run(document.body, {
      rules: { 'color-contrast': { enabled: false }, region: { enabled: false } },
    })
    return violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(' ')}`)
  }
}
