/** What crosses the wire, as the server names it. */

export interface Desk {
  readonly state: 'online' | 'busy' | 'offline'
  readonly name?: string
  /** The visitor's place among those who wait, 1 is next; absent for who does not. */
  readonly queue?: number
}

/** Where the visitor's talk stands; `name` is of the operator who has taken it. */
export interface Talk {
  readonly state: 'quiet' | 'waiting' | 'taken'
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
  readonly type?: string
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
  readonly reply_to?: number | undefined
  readonly reactions?: readonly Reaction[] | undefined
  readonly attachment?: Attachment | undefined
}

/** What a form asks for. `name`, `email` and `phone` go to those of `profile`, others to `fields`. */
export interface Field {
  readonly name: string
  readonly label: string
  readonly kind: 'text' | 'email' | 'tel' | 'textarea' | 'select'
  readonly required: boolean
  readonly options: readonly string[]
}

/** A word of the widget's by itself, once all that is given here holds; `scroll` in per cent. */
export interface Trigger {
  readonly text: string
  readonly seconds?: number
  /** A glob for the page's address. */
  readonly url?: string
  readonly scroll?: number
  readonly exit?: boolean
}

export interface Settings {
  readonly title?: string
  readonly on_load?: boolean
  /** `style`: custom properties for the widget's element, as declarations. */
  readonly look: { readonly style: string; readonly greeting?: string }
  readonly forms: {
    readonly pre_chat: readonly Field[]
    readonly offline: readonly Field[]
    readonly rating: boolean
  }
  /** null: the site takes no files. No `types`: any. */
  readonly upload?: { readonly max_bytes: number; readonly types: readonly string[] } | null
  readonly triggers: readonly Trigger[]
  /** null: always open. `next`: when it opens again, if it was closed at `hello`. */
  readonly hours?: { readonly next: string | null } | null
}

export interface Hello {
  readonly token: string
  readonly visitor: { readonly id: string; readonly name?: string }
  readonly desk: Desk
  readonly talk: Talk
  readonly cursor: string
  readonly messages: readonly Message[]
  /** How many of the operators' messages no person has seen yet. */
  readonly unread: number
  /** Whether the log has messages before these. */
  readonly more: boolean
  readonly settings: Settings
  readonly limits: { readonly message_chars: number }
  /** Those that the visitor is in. */
  readonly rooms?: readonly Room[]
}

/** A room that the visitor is in. */
export interface Room {
  /** Its name, which is the `conversation` of its messages. */
  readonly id: string
  readonly title: string
  readonly subject: string
  /** How many there are. */
  readonly members: number
  readonly messages: readonly Message[]
  readonly more: boolean
  /** What the visitor is called there, and has as an id. */
  readonly name: string
  readonly self: string
  /** A `visitor` may not speak. */
  readonly role: 'moderator' | 'participant' | 'visitor'
}

/** Somebody came, went or is called otherwise; `more`: how many further did the same. */
export interface MemberEvent {
  readonly room: string
  readonly op: 'join' | 'leave' | 'rename' | 'kick'
  readonly who: Sender
  readonly count: number
  readonly more?: number
}

export interface Polled {
  readonly cursor: string
  readonly events: readonly { readonly type: string; readonly data: unknown }[]
}

export interface Page {
  readonly url: string
  readonly title: string
  readonly visible: boolean
  /** Whether the visitor has opened the widget in this tab. */
  readonly opened: boolean
}

export const isOwn = ({ from }: { readonly from: Sender }): boolean | undefined => from.self

/**
 * A call that brought no result. `reason` is the server's word; `unavailable` is also what a lost
 * or silent connection gives. `retryAfter` is in seconds.
 */
export interface Failure extends Error {
  readonly reason: string
  readonly retryAfter: number
}

/** Trying again would not help: someone has to mend the page or the site's settings. */
export const FINAL = ['unknown_site', 'forbidden', 'invalid']

export const failure = (reason: string, message = reason, retryAfter = 0): Failure =>
  Object.assign(new Error(message), { reason, retryAfter })

export const unavailable = (message?: string, retryAfter?: number): Failure =>
  failure('unavailable', message, retryAfter)

export interface ErrorFrame {
  readonly message: string
  readonly data: { readonly reason: string; readonly retry_after?: number }
}

export const failureOf = ({ message, data }: ErrorFrame): Failure =>
  failure(data.reason, message, data.retry_after)

export const frame = (id: number, method: string, params: object): string =>
  JSON.stringify({ jsonrpc: '2.0', id, method, params })
