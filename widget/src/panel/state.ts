/** What the panel knows, and how each event changes it. Pure: no clock, no storage, no DOM. */

import { type Attachment, type Desk, type Hello, type Message, type Settings, type Talk, isOwn } from '../wire'

/** A message of the visitor's that the server has not yet acknowledged. */
export interface Waiting {
  readonly id: string
  readonly body: string
  readonly at: string
  /** The server's reason, where it will not take the message as it is; else empty. */
  readonly failed?: string
  readonly reply_to?: number | undefined
  /** The server's token for a file that it has; and the file, as it is shown meanwhile. */
  readonly attachment?: string | undefined
  readonly file?: Attachment | undefined
}

/** A line of the widget's own, after the message of that seq. */
export interface Aside {
  readonly after: number
  readonly kind: 'system' | 'desk'
  readonly body: string
  readonly at: string
  /** Of one that changes. */
  readonly key?: string
}

export interface State {
  /** `desk`, or a room's name. */
  readonly conversation: string
  readonly visitor: string
  readonly title: string
  readonly greeting: string
  readonly desk?: Desk | undefined
  readonly talk: Talk
  readonly settings?: Settings
  readonly limit: number
  /** `elsewhere`: another tab has the connection, and passes on what comes. */
  readonly link: 'connecting' | 'live' | 'lost' | 'elsewhere'
  /** In the order of the log. */
  readonly messages: readonly Message[]
  readonly waiting: readonly Waiting[]
  /** The server takes nothing now, and said so; it is asked again. */
  readonly refused: boolean
  /** The browser keeps nothing, so what waits here is lost with the page. */
  readonly forgetful: boolean
  readonly asides: readonly Aside[]
  /** Whether messages are shown with all that they have beside their text. */
  readonly dressed: boolean
  /** Whether the log may hold messages before the first one here. */
  readonly more: boolean
  /** The name of the operator who is typing. */
  readonly typing?: string | undefined
  readonly open: boolean
  /** Whether another tab of the panel is shown instead. */
  readonly behind: boolean
  readonly visible: boolean
  /** Whether the end of the log is in view. */
  readonly atEnd: boolean
  /** The last of the operators' messages that a person could see. */
  readonly read: number
  /** How many unread messages of a room have the visitor's name. */
  readonly mentions: number
  /** How far the operators have the visitor's own messages. */
  readonly confirmed: { readonly delivered: number; readonly read: number }
}

export type Marks = Pick<State, 'read' | 'confirmed'>

export type Event =
  | { readonly type: 'hello'; readonly result: Hello; readonly marks: Marks }
  | { readonly type: 'wire'; readonly name: string; readonly data: unknown }
  | { readonly type: 'link'; readonly live: boolean; readonly elsewhere?: boolean }
  | { readonly type: 'said'; readonly message: Waiting }
  | { readonly type: 'acknowledged'; readonly id: string; readonly seq: number; readonly at: string }
  | { readonly type: 'refused' }
  | { readonly type: 'forgetful' }
  /** With an empty reason it is to be tried again. */
  | { readonly type: 'failed'; readonly id: string; readonly reason: string }
  | { readonly type: 'history'; readonly messages: readonly Message[]; readonly more: boolean }
  | { readonly type: 'aside'; readonly kind: Aside['kind']; readonly body: string; readonly at: string }
  | { readonly type: 'typing-over' }
  | { readonly type: 'read'; readonly seq: number }
  | { readonly type: 'view'; readonly view: Partial<Pick<State, 'open' | 'behind' | 'visible' | 'atEnd' | 'dressed' | 'mentions'>> }

export const initial: State = {
  conversation: 'desk',
  visitor: '',
  title: '',
  greeting: '',
  talk: { state: 'quiet' },
  limit: 4000,
  link: 'connecting',
  messages: [],
  waiting: [],
  refused: false,
  forgetful: false,
  asides: [],
  dressed: false,
  more: false,
  open: false,
  behind: false,
  visible: true,
  atEnd: true,
  read: 0,
  mentions: 0,
  confirmed: { delivered: 0, read: 0 },
}

export const lastSeq = (messages: readonly Message[]): number => messages[messages.length - 1]?.seq ?? 0

export const lastFromDesk = ({ messages }: State): number =>
  lastSeq(messages.filter((message) => !isOwn(message)))

export const unread = ({ messages, read, mentions }: State): number =>
  messages.filter(({ seq, from }) => from.kind === 'operator' && seq > read).length + mentions

/** Both in order; where they overlap, what is incoming holds. */
function merge(known: readonly Message[], incoming: readonly Message[]): readonly Message[] {
  const bySeq = new Map([...known, ...incoming].map((message) => [message.seq, message]))
  return [...bySeq.values()].sort((a, b) => a.seq - b.seq)
}

const change = (state: State, seq: number, changes: Partial<Message>): State => ({
  ...state,
  messages: state.messages.map((message) => (message.seq === seq ? { ...message, ...changes } : message)),
})

/**
 * Only what a `hello` holds is known to stand: changes of anything older may have been missed, and
 * it comes back through the history.
 */
function greeted(state: State, { visitor, desk, talk, messages, more, settings, limits }: Hello, marks: Marks): State {
  return {
    ...state,
    ...(visitor.id === state.visitor ? {} : { asides: [], ...marks }),
    visitor: visitor.id,
    title: settings.title || desk.name || '',
    greeting: settings.look.greeting ?? '',
    limit: limits.message_chars,
    desk,
    talk,
    settings,
    messages,
    more,
    typing: undefined,
  }
}

function heard(state: State, name: string, data: any): State {
  if (name === 'desk') return { ...state, desk: data }
  if (name === 'talk') return { ...state, talk: data }
  const conversation = name === 'message' ? data.message.conversation : data.to
  if (conversation !== state.conversation) return state
  switch (name) {
    case 'message': {
      const typing = isOwn(data.message) ? state.typing : undefined
      return { ...state, typing, messages: merge(state.messages, [data.message]) }
    }
    case 'edited':
      return change(state, data.seq, { body: data.body, edited: true })
    case 'retracted':
      return change(state, data.seq, { body: '', retracted: true, edited: undefined, reactions: undefined, attachment: undefined })
    case 'reactions':
      return change(state, data.seq, { reactions: data.reactions })
    case 'receipt': {
      const { delivered, read } = state.confirmed
      const reading = data.state === 'read' ? Math.max(read, data.seq) : read
      return { ...state, confirmed: { delivered: Math.max(delivered, data.seq), read: reading } }
    }
    case 'typing':
      if (data.from.self) return state
      return { ...state, typing: data.state === 'composing' ? data.from.name || '' : undefined }
    default:
      return state
  }
}

function step(state: State, event: Event): State {
  const { messages, waiting } = state
  switch (event.type) {
    case 'hello':
      return greeted(state, event.result, event.marks)
    case 'wire':
      return heard(state, event.name, event.data)
    case 'link':
      if (event.live) return { ...state, link: 'live' }
      if (event.elsewhere) return { ...state, link: 'elsewhere' }
      return { ...state, typing: undefined, link: state.link === 'connecting' ? 'connecting' : 'lost' }
    case 'said':
      if (waiting.some(({ id }) => id === event.message.id)) return state
      return { ...state, waiting: [...waiting, event.message] }
    case 'acknowledged': {
      const said = waiting.find(({ id }) => id === event.id)
      if (!said || messages.some(({ seq }) => seq === event.seq)) {
        return { ...state, waiting: waiting.filter(({ id }) => id !== event.id) }
      }
      const from = { kind: 'visitor', id: state.visitor, name: '', self: true } as const
      const { id, seq, at } = event
      const { body, reply_to, file } = said
      const message: Message = { conversation: state.conversation, id, seq, at, from, body, reply_to, attachment: file }
      return { ...state, messages: merge(messages, [message]) }
    }
    case 'refused':
      return { ...state, refused: true }
    case 'forgetful':
      return { ...state, forgetful: true }
    case 'failed':
      return { ...state, refused: false, waiting: waiting.map((said) => (said.id === event.id ? { ...said, failed: event.reason } : said)) }
    case 'history':
      return { ...state, messages: merge(event.messages, messages), more: event.more }
    case 'aside': {
      const { kind, body, at } = event
      return { ...state, asides: [...state.asides, { kind, body, at, after: lastSeq(messages) }] }
    }
    case 'typing-over':
      return { ...state, typing: undefined }
    case 'read':
      return { ...state, read: Math.max(state.read, event.seq) }
    case 'view':
      return { ...state, ...event.view }
  }
}

/** What follows from the rest: nothing waits that is stored, and what is in view is read. */
function settle(state: State): State {
  const { messages, waiting, open, behind, visible, atEnd, read } = state
  const stored = new Set(waiting.length ? messages.filter(isOwn).map(({ id }) => id) : [])
  const left = waiting.filter(({ id }) => !stored.has(id))
  const seen = open && !behind && visible && atEnd ? Math.max(read, lastFromDesk(state)) : read
  const taken = left.length < waiting.length
  return taken || seen !== read ? { ...state, waiting: left, refused: state.refused && !taken, read: seen } : state
}

export const reduce = (state: State, event: Event): State => settle(step(state, event))
