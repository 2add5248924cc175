/** What the loader hands to a part of the widget that it has fetched. */

import type { Emit } from './api'
import type { Env, OpenCarrier } from './carrier'
import type { Options } from './options'
import type { Keep } from './storage'
import type { Transport } from './transport'
import type { Hello } from './wire'

export interface Listener {
  hello(result: Hello): void
  event(type: string, data: unknown): void
  live(live: boolean): void
}

export interface Shell {
  readonly window: Window & typeof globalThis
  readonly env: Env
  readonly options: Options
  readonly host: HTMLElement
  readonly root: ShadowRoot
  /** Adds a style sheet; gives the function that replaces its text. */
  readonly addSheet: (css: string) => (css: string) => void
  readonly button: HTMLButtonElement
  readonly transport: Transport
  /** Kept for the browser, and for this tab. */
  readonly local: Keep
  readonly tab: Keep
  readonly emit: Emit
  /** Tells `listener` at once what has come so far, and from then on all there is. */
  attach(listener: Listener): void
}

export interface Panel {
  /** `focus` is false where the visitor did not ask: when a reload finds the panel open. */
  open(focus: boolean): void
  close(): void
  toggle(): void
  say(body: string): void
}

/** What the fetched parts export. */
export interface Parts {
  readonly panel: { mount(shell: Shell): Panel }
  readonly requests: { createRequests(): OpenCarrier }
}

export type FetchPart = <Name extends keyof Parts>(base: string, name: Name) => Promise<Parts[Name]>
