/** What the loader hands to the panel, and what it asks of it. */

import type { Emit } from './api'
import type { Place } from './carrier'
import type { Link, LinkEvents } from './first'
import type { Keep } from './storage'
import type { Hello } from './wire'

export interface Shell {
  /** Where `widget.js` lies; its parts and `rpc` lie beside it. Ends with a slash. */
  readonly base: string
  /** The script tag's attributes. */
  readonly dataset: DOMStringMap
  readonly root: ShadowRoot
  readonly button: HTMLButtonElement
  readonly keep: Keep
  readonly emit: Emit
  /** Tells the server of the page, if there is news of it: that the widget has been opened is, once. */
  readonly report: () => void
  /** Kept up to date by the events. */
  readonly place: Place
  /** What the connection calls. The panel puts some of its own in their place. */
  readonly events: LinkEvents
  /** The connection. */
  readonly link: Link
  /** The visitor uses this tab; the loader hears of that where it is not within the panel. */
  readonly claim: () => void
  /** What has come so far; after it there may be more. */
  readonly hello: Hello | undefined
  readonly backlog: readonly [type: string, data: unknown][]
}

/** The panel hears all that comes, from whatever connection, and owns the connection. */
export interface Panel extends Link {
  hello(result: Hello): void
  event(type: string, data: unknown): void
  /** `leads`: whether this is the tab with the connection, of all those of the site. */
  live(live: boolean, leads: boolean): void
  /** A command: `open` (with `false`: without the focus), `close`, `toggle`, `say`. */
  carry(name?: string, detail?: unknown): void
}

export type Mount = (shell: Shell) => Panel
/** Fetches what the panel needs before it can be shown. */
export type Load = (base: string, dataset: DOMStringMap) => Promise<Mount>
