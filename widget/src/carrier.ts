/** What the ways to the server have in common. */

import type { Failure } from './wire'

/** The browser's doings that tests replace. */
export interface Env {
  readonly fetch: typeof fetch
  readonly setTimeout: (run: () => void, milliseconds: number) => number
  readonly clearTimeout: (timer: number | undefined) => void
  readonly now: () => number
  readonly random: () => number
}

/** Where this visitor stands: who, and how far the log has been read. Empty means not known. */
export interface Place {
  token: string
  cursor: string
  /** The visitor looks at the panel, so a dead connection is to be noticed soon. */
  attended?: boolean
}

export interface CarrierEvents {
  /** Calls may be made; the first is `hello`, `resume` or `poll`. */
  opened(): void
  event(type: string, data: unknown, cursor?: string): void
  token(fresh: string): void
  /** The carrier is over; told once. */
  lost(failure: Failure): void
}

export interface Carrier {
  call(method: string, params: object): Promise<unknown>
  /** Events flow from here on, where they do not by themselves; once more when somebody looks on. */
  listen(): void
  close(): void
}

export type OpenCarrier = (env: Env, url: string, place: Readonly<Place>, on: CarrierEvents) => Carrier

/** How often whoever looks on hears from the server, by whatever carries events, if all is well. */
export const PING_MS = 10_000
/** With the pings' interval it is how long a dead connection goes unnoticed: less than 20 s. */
export const CALL_MS = 8_000
