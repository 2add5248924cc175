/** The log as rows to show, derived from the state alone. */

import { type Attachment, type Message, type Reaction, isOwn } from '../wire'
import type { State, Waiting } from './state'

export type Status = 'held' | 'waiting' | 'refused' | 'sent' | 'delivered' | 'read' | 'failed'

export interface DayRow {
  readonly kind: 'day'
  readonly key: string
  readonly at: string
}

export interface TalkRow {
  readonly kind: 'own' | 'desk' | 'system'
  /** One's own message has its id, and so keeps its place in the page when it gets stored. */
  readonly key: string
  /** Absent for what is not in the log. */
  readonly seq?: number
  readonly at: string
  readonly body: string
  readonly name?: string
  /** Whether the row begins and ends what one sender wrote in a stretch. */
  readonly first?: boolean
  readonly last?: boolean
  readonly status?: Status
  /** Why it failed, in the server's word. */
  readonly reason?: string
  readonly edited?: unknown
  readonly retracted?: unknown
  /** The message that it answers, if that is here. */
  readonly quote?: Message | undefined
  readonly attachment?: Attachment | undefined
  readonly reactions?: readonly Reaction[] | undefined
}

export type Row = DayRow | TalkRow

const STRETCH_MS = 5 * 60_000

const stored = (message: Message, messages: readonly Message[]): TalkRow => {
  const { id, seq, from, at, body, edited, retracted, reply_to, attachment, reactions } = message
  const quote = messages.find(({ seq }) => seq === reply_to)
  const row = { seq, at, body, name: from.name, edited, retracted, quote, attachment, reactions }
  if (isOwn(message)) return { ...row, kind: 'own', key: id }
  return { ...row, kind: from.kind === 'system' ? 'system' : 'desk', key: `#${seq}` }
}

const pending = ({ id, body, at, failed, reply_to, file }: Waiting, { link, refused, messages }: State): TalkRow => ({
  kind: 'own',
  key: id,
  at,
  body,
  quote: messages.find(({ seq }) => seq === reply_to),
  attachment: file,
  ...(failed ? { status: 'failed', reason: failed } : { status: link !== 'live' ? 'held' : refused ? 'refused' : 'waiting' }),
})

const day = (at: string): string => new Date(at).toDateString()

/** A status under a message parts it from the next. */
const together = (a: TalkRow | undefined, b: TalkRow | undefined): boolean =>
  a !== undefined &&
  b !== undefined &&
  !a.status &&
  a.kind === b.kind &&
  (a.kind === 'own' || a.name === b.name) &&
  a.kind !== 'system' &&
  day(a.at) === day(b.at) &&
  Date.parse(b.at) - Date.parse(a.at) < STRETCH_MS

export function timeline(state: State): Row[] {
  const { messages, waiting, confirmed, asides } = state
  const lastOwn = [...messages].reverse().find(isOwn)
  const said = (from: number, to = Infinity): TalkRow[] =>
    asides.filter(({ after }) => after >= from && after < to).map((aside) => ({ key: aside.at + aside.body, ...aside }))
  const talk = [
    ...said(0, messages[0]?.seq),
    ...messages.flatMap((message, index): TalkRow[] => {
      const { seq } = message
      const row = stored(message, messages)
      const status = seq <= confirmed.read ? 'read' : seq <= confirmed.delivered ? 'delivered' : 'sent'
      return [message === lastOwn ? { ...row, status } : row, ...said(seq, messages[index + 1]?.seq)]
    }),
    ...waiting.map((said) => pending(said, state)),
  ]
  const rows: Row[] = []
  talk.forEach((row, index) => {
    const before = talk[index - 1]
    if (!before || day(before.at) !== day(row.at)) {
      rows.push({ kind: 'day', key: `day ${row.key}`, at: row.at })
    }
    rows.push({ ...row, first: !together(before, row), last: !together(row, talk[index + 1]) })
  })
  return rows
}
