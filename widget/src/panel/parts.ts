/** What the panel fetches only where it is used, and what these parts are given. */

import type { Env, Place } from '../carrier'
import type { h, icon } from '../dom'
import type { createRequestLink } from '../requests'
import type { Store } from '../storage'
import type { createHistory } from './history'
import type { hrefOf, linkTo, linked } from './links'
import type { Outbox, createOutbox } from './outbox'
import type { Dress } from './row'
import type { Message } from '../wire'
import type { Event, State, Waiting, initial, reduce } from './state'
import type { Language, Texts, Translation } from './texts'
import type { TalkRow } from './timeline'
import type { Times } from './times'
import type { Slots, View, createTalk } from './view'

/** A part brings its own English texts and styles; the rest it borrows. */
export interface Tools extends Language {
  /** The panel's own, which parts say too. */
  readonly texts: Texts
  readonly h: typeof h
  readonly icon: typeof icon
  readonly hrefOf: typeof hrefOf
  readonly linkTo: typeof linkTo
  readonly linked: typeof linked
  readonly env: Env
  readonly base: string
  readonly root: ShadowRoot
  readonly keep: Store
  /** Begins the names of what the browser keeps for this site. */
  readonly keepPrefix: string
  readonly times: Times
  /** The script tag's attributes. */
  readonly dataset: DOMStringMap
  readonly place: Place
  readonly view: View
  readonly slots: Slots
  readonly state: () => State
  readonly dispatch: (event: Event) => void
  readonly call: (method: string, params: object) => Promise<unknown>
  readonly say: Outbox['say']
  /** Whether this is the tab with the connection. */
  readonly leads: () => boolean
  readonly open: () => void
  readonly addStyles: (css: string) => void
  /**
   * Sends what is typed elsewhere, under a banner that says so; without arguments as ever.
   * `text` is put into the field.
   */
  readonly compose: (banner?: Node, send?: (body: string) => void, text?: string) => void
  /** Fetches another part, if it is not there yet, for that. */
  readonly use: (name: string, how?: (part: Part) => void) => void
  /** What a talk of one's own is made of. */
  readonly createTalk: typeof createTalk
  readonly createHistory: typeof createHistory
  readonly createOutbox: typeof createOutbox
  readonly initial: typeof initial
  readonly reduce: typeof reduce
  readonly fetchPart: typeof fetchPart
}

/** One that follows the state. */
export interface Part {
  render?(state: State): void
  /** Opens what it opens by that button. */
  show?(button: HTMLElement): void
  dress?(row: TalkRow): Dress
  /** A message has come while nobody looked at the talk. */
  heard?(message: Message): void
  /** All that comes from the server, `hello`'s result too, for the one that asks for it. */
  wire?(name: string, data: any): void
}

export type MountPart = (tools: Tools) => Part

interface Modules {
  requests: { createRequestLink: typeof createRequestLink }
  [texts: `texts_${string}`]: { default: Translation }
}

type Module<Name> = Name extends keyof Modules ? Modules[Name] : { mount: MountPart }

/** The parts that this state of things calls for; others wait for interest. */
export function due({ open, settings, read, messages, waiting }: State): string[] {
  if (!settings) return []
  const { upload, forms, triggers } = settings
  const asks = open && (forms.pre_chat.length || forms.offline.length)
  const rich = (one: Message | Waiting): unknown => one.reply_to || one.attachment || ('reactions' in one && one.reactions)
  return [
    open && upload && 'files',
    (asks || (forms.rating && messages.length)) && 'forms',
    open && (messages.some(rich) || waiting.some(rich)) && 'rich',
    triggers.length && 'triggers',
    messages.some(({ seq, from }) => seq > read && from.kind === 'operator') && 'menu',
  ].filter(Boolean) as string[]
}

let tries = 0

/** Browsers remember a module that failed to load, so each further try has an address of its own. */
export async function fetchPart<Name extends string>(base: string, name: Name): Promise<Module<Name>> {
  try {
    return await import(`${base}widget/${name}-${PARTS_HASH}.js${tries ? `?${tries}` : ''}`)
  } catch (error) {
    tries++
    throw error
  }
}
