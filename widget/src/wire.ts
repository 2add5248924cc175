/** What crosses the wire, as the server names it. */

export interface Desk {
  readonly state: 'online' | 'busy' | 'offline'
  readonly name?: string
}

export interface Sender {
  readonly kind: 'visitor' | 'operator' | 'system'
  readonly id: string
  readonly name: string
  readonly self?: boolean
}

/** One emoji on a message, and all who chose it. */
export interface Reaction {
  readonly emoji: string
  readonly from: readonly Sender[]
}

/** A file that a message points to; `size` in octets, where anybody knows it. */
export interface Attachment {
  readonly url: string
  readonly name: string
  readonly size?: number
}

/** As it stands after all changes. Some of a log's seqs are no messages: there are gaps. */
export interface Message {
  readonly conversation: string
  readonly seq: number
  readonly id: string
  readonly from: Sender
  readonly body: string
  readonly at: string
  readonly edited?: unknown
  readonly retracted?: unknown
  readonly reply_to?: number
  readonly reactions?: readonly Reaction[] | undefined
  readonly attachment?: Attachment | undefined
}

export interface Settings {
  readonly title?: string
  readonly look?: { readonly accent?: string; readonly position?: string; readonly greeting?: string }
}

export interface Hello {
  readonly token: string
  readonly visitor: { readonly id: string; readonly name?: string }
  readonly desk: Desk
  readonly cursor: string
  readonly messages: readonly Message[]
  /** Whether the log has messages before these. */
  readonly more: boolean
  readonly settings: Settings
  readonly limits: { readonly message_chars: number }
}

export interface Page {
  readonly url: string
  readonly title: string
  readonly visible: boolean
  /** Whether the visitor has opened the widget in this tab. */
  readonly opened: boolean
}

/** The conversation with the site's operators; every other one is a room. */
export const DESK = 'desk'

export const isOwn = ({ from }: { readonly from: Sender }): boolean => from.self ?? from.kind === 'visitor'

/**
 * A call that brought no result. `reason` is the server's word; `unavailable` is also what a lost
 * or silent connection gives. `retryAfter` is in seconds.
 */
export interface Failure extends Error {
  readonly reason: string
  readonly retryAfter: number
}

export const failure = (reason: string, message = reason, retryAfter = 0): Failure =>
  Object.assign(new Error(message), { reason, retryAfter })

export const unavailable = (message?: string, retryAfter?: number): Failure =>
  failure('unavailable', message, retryAfter)

interface ErrorFrame {
  readonly message?: string
  readonly data?: { readonly reason?: string; readonly retry_after?: number }
}

export const failureOf = ({ message, data }: ErrorFrame): Failure =>
  failure(data?.reason || 'internal', message, data?.retry_after)

export const frame = (id: number, method: string, params: object): string =>
  JSON.stringify({ jsonrpc: '2.0', id, method, params })
