/**
 * Types for pages that carry Parley's widget. Parley serves this file as `/widget.d.ts`, beside
 * `/widget.js`; with it in a project, `parley(…)` is known in every file.
 */

/** The conversation's other side: the site's operators together. */
export interface ParleyDesk {
  readonly state: 'online' | 'busy' | 'offline'
  readonly name?: string
  /** The visitor's place among those who wait, 1 is next; absent for who does not. */
  readonly queue?: number
}

export interface ParleySender {
  readonly kind: 'visitor' | 'operator' | 'system'
  /** Means something within this conversation only. */
  readonly id: string
  readonly name: string
  /** Whether it is this visitor. */
  readonly self?: boolean
}

/** A message as it stood when it was told. All texts are plain text, never markup. */
export interface ParleyMessage {
  /** `desk`, or a room's id. */
  readonly conversation: string
  /** Its place in the conversation, from 1; some numbers are no messages. */
  readonly seq: number
  readonly id: string
  readonly from: ParleySender
  readonly body: string
  /** RFC 3339, in UTC. */
  readonly at: string
  readonly edited?: unknown
  readonly retracted?: unknown
  /** The `seq` of the message that it answers. */
  readonly reply_to?: number | undefined
  readonly reactions?: readonly { readonly emoji: string; readonly from: readonly ParleySender[] }[] | undefined
  /** `size` in bytes, where it is known. */
  readonly attachment?:
    | { readonly url: string; readonly name: string; readonly type?: string; readonly size?: number }
    | undefined
}

/** Who the visitor is, as the site knows. */
export interface ParleyIdentity {
  /** The site's own name for the visitor: one line of 1 to 200 characters. */
  id: string
  name?: string
  email?: string
  /**
   * Hex HMAC-SHA256 of `id` under the site's secret, made by the site's server, never in the page.
   * Without it operators see these details as unverified.
   */
  hash?: string
}

/** What listeners are told. */
export interface ParleyEvents {
  /** The widget is connected, for the first time on this page. Also told to later listeners. */
  ready: undefined
  open: undefined
  close: undefined
  /** A new message, the visitor's own ones too. */
  message: ParleyMessage
  /** Whether anybody is there, and each change. Also told to later listeners. */
  desk: ParleyDesk
  /** How many messages of operators the visitor has not seen, at each change. */
  unread: number
}

/** Calls made before the script has loaded wait in `q`, and are then carried out in their order. */
export interface Parley {
  /** Opens the panel, with the focus in it; closes it; does whichever is due. */
  (command: 'open' | 'close' | 'toggle'): void
  /** Says it in the visitor's name. */
  (command: 'say', text: string): void
  /** Tells operators who the visitor is. */
  (command: 'identify', identity: ParleyIdentity): void
  /** With `data-consent="required"`: from now on things may be sent and kept. */
  (command: 'consent'): void
  /** Calls back at each such event, in a task of its own. */
  <Name extends keyof ParleyEvents>(
    command: 'on',
    event: Name,
    callback: (data: ParleyEvents[Name]) => void,
  ): void
  q?: ArrayLike<unknown>[]
}

/**
 * The widget's one element in the page, with an open shadow root. Its look is set from outside by
 * `parley-chat::part(…)` and by custom properties on it or above it:
 *
 * - `--parley-accent`: the colour of the button and of the visitor's own messages
 * - `--parley-on-accent`: what is written on that
 * - `--parley-background`, `--parley-color`: the panel's
 * - `--parley-radius`: of the panel's corners
 * - `--parley-font`: a family, or several
 * - `--parley-z-index`: of button and panel
 */
export interface ParleyChatElement extends HTMLElement {
  readonly shadowRoot: ShadowRoot
}

declare global {
  /** There as soon as the page, by the queue function, or the script has made it. */
  var parley: Parley
  interface HTMLElementTagNameMap {
    'parley-chat': ParleyChatElement
  }
}
