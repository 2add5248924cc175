/** Pages with the widget in them, one after the other in jsdom's only window, as a reload has them. */

import axe from 'axe-core'
import { vi } from 'vitest'
import { boot } from '../src/boot'
import { load } from '../src/panel/panel'
import type { Hello, Message } from '../src/wire'
import { FakeServer, helloOf } from './fakes'
import { fetched, instead, resetParts } from './parts'

/** One tab's end of what tabs of a browser tell each other. */
export class FakeChannel {
  private static readonly all = new Set<FakeChannel>()
  onmessage: ((event: { data: any }) => void) | null = null

  constructor(readonly name: string) {
    FakeChannel.all.add(this)
  }
  postMessage(data: unknown): void {
    const copy = JSON.stringify(data)
    for (const other of FakeChannel.all)
      if (other !== this && other.name === this.name)
        queueMicrotask(() => FakeChannel.all.has(other) && other.onmessage?.({ data: JSON.parse(copy) }))
  }
  static closeAll(): void {
    FakeChannel.all.clear()
  }
}

const listening: (() => void)[] = []
for (const target of [window, document]) {
  const add = target.addEventListener.bind(target) as (...listener: any[]) => void
  target.addEventListener = (...listener: any[]) => {
    add(...listener)
    listening.push(() => (target.removeEventListener as (...listener: any[]) => void)(...listener))
  }
}

export class FakePage {
  readonly server: FakeServer
  /** All parts that this page has fetched, the panel among them. */
  readonly fetched = fetched

  /** The page before is gone; what the browser keeps is not. */
  constructor(random = 1) {
    for (const stop of listening.splice(0)) stop()
    FakeChannel.closeAll()
    this.host?.remove()
    delete window.parley
    for (const name of ['pushState', 'replaceState']) Reflect.deleteProperty(history, name)
    history.replaceState({}, '', '/')
    document.title = ''
    resetParts()
    this.server = new FakeServer(random).install()
    vi.stubGlobal('BroadcastChannel', FakeChannel)
  }

  /** Lets what is due at once happen: the panel is mounted in tasks of its own. */
  settle(): Promise<void> {
    return this.server.clock.pass(0)
  }

  async load(attributes: Record<string, string> = {}): Promise<void> {
    const script = document.createElement('script')
    script.src = 'https://chat.example/in/widget.js?v=1'
    Object.assign(script.dataset, { site: 'acme', ...attributes })
    boot(script, async (base, dataset) => {
      fetched.push('panel')
      const failed = instead.get('panel')
      if (failed) throw failed
      return load(base, dataset)
    })
    await this.settle()
  }

  async hello(messages: readonly Message[] = [], more: Partial<Hello> = {}): Promise<void> {
    const { socket } = this.server
    socket.accept()
    socket.answer('hello', helloOf(messages, more))
    await this.settle()
  }

  /** Accepts a socket on which the panel goes on from where it was. */
  async resume(): Promise<void> {
    const { socket } = this.server
    socket.accept()
    socket.answer('resume', { desk: { state: 'online' }, talk: { state: 'quiet' }, rooms: [] })
    await this.settle()
  }

  /** Loaded, connected, and opened by the visitor. */
  async open(messages: readonly Message[] = [], more: Partial<Hello> = {}): Promise<void> {
    await this.load()
    await this.hello(messages, more)
    await this.press()
  }
  async press(): Promise<void> {
    this.button.click()
    await this.settle()
  }

  async event(type: string, data: unknown, cursor = ''): Promise<void> {
    this.server.socket.event(type, data, cursor)
    await this.settle()
  }

  type(text: string): void {
    this.field.value = text
    this.field.dispatchEvent(new Event('input'))
  }
  async write(text: string): Promise<void> {
    this.type(text)
    this.find('[aria-label=Send]').click()
    await this.settle()
  }

  get host(): HTMLElement | null {
    return document.querySelector('parley-chat')
  }
  get root(): ShadowRoot {
    return this.host!.shadowRoot!
  }
  find<Found extends HTMLElement>(selector: string): Found {
    return this.root.querySelector<Found>(selector)!
  }
  get button(): HTMLButtonElement {
    return this.find('[aria-label=Chat]')
  }
  get field(): HTMLTextAreaElement {
    return this.find('[aria-label=Message]')
  }
  get isOpen(): boolean {
    return this.find('[role=dialog]')?.hidden === false
  }
  get notice(): string {
    return this.find('[role=dialog] .notice').textContent!
  }
  texts(selector: string): (string | null)[] {
    return [...this.root.querySelectorAll(selector)].map(({ textContent }) => textContent)
  }
  get bodies(): (string | null)[] {
    return this.texts('[role=log] .bubble')
  }

  /** By axe, which needs the browser's own clock; colours are looked at in a browser. */
  async faults(): Promise<string[]> {
    vi.unstubAllGlobals()
    const rules = { 'color-contrast': { enabled: false }, region: { enabled: false } }
    const { violations } = await axe.run(this.host!, { rules })
    return violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(' ')}`)
  }
}

export const parley = (...args: unknown[]): void => window.parley!(...args)

/** A browser that refuses storage altogether: each use of it throws. */
export function refuseStorage(): void {
  vi.spyOn(window, 'localStorage', 'get').mockImplementation(() => {
    throw new DOMException('refused', 'SecurityError')
  })
}
