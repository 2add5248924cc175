/** One room: its tab's panel, with the door, who is there, and the talk. */

import type { Part, Tools } from '../panel/parts'
import type { Event, State } from '../panel/state'
import type { room as english } from '../texts/en.json'
import { type Failure, type MemberEvent, type Room, isOwn } from '../wire'
import { createCrowd } from './crowd'
import { createDoor } from './door'
import { createMembers } from './members'
import { marked, mentionOf } from './mention'

const PEOPLE = 'M9 11a3.5 3.5 0 1 0 0-7a3.5 3.5 0 1 0 0 7M2.5 20q0-6 6.5-6t6.5 6M16 4.5q3 1 3 3t-3 3M18 14.5q3.5 1 3.5 5.5'
const OUT = 'M14 4H5v16h9M10 12h10m-4-4l4 4-4 4'
/** Of twice as many messages the older half goes, while nobody looks back. */
const KEPT = 100
/** So near to the beginning, in pixels, that what was before is fetched. */
const NEAR = 40

/** What a room has to do with the panel around it. */
export interface Around {
  /** Whether its tab is shown. */
  shown(): boolean
  /** Its tab's name, how much is unread there, and how much of that is to the visitor by name. */
  label(name: string, unread: number, mentions: number): void
  toDesk(): void
  /** The visitor wants no more of it; not called of those for which the page asks. */
  gone?(): void
}

export interface RoomPart extends Required<Pick<Part, 'render' | 'wire'>> {
  readonly element: HTMLElement
  /** Whether the visitor was in it when the page loaded, or is now. */
  entered(): boolean
  show(): void
  focus(): void
}

/** `asked`: its name, or `page`; `by`: who has invited the visitor, if anybody has, and just `now`. */
export function createRoom(tools: Tools, texts: typeof english, around: Around, asked: string, by: string, now: boolean): RoomPart {
  const { h, icon, root, env, base, view, slots, dataset, place, texts: core, fill, linked, state: desk } = tools
  /** The page's own, which goes by a name that says nothing. */
  const own = asked === 'page'
  const prefix = `room ${own ? location.pathname : asked} `
  const keep = {
    get: (key: string) => tools.keep.get(prefix + key),
    set: (key: string, value: string) => tools.keep.set(prefix + key, value),
    keys: (start: string) => tools.keep.keys(prefix + start).map((key) => key.slice(prefix.length)),
  }

  /** Once the visitor is in it. */
  let here: Room | undefined
  let title = by || asked
  /** Of the invitation, until somebody looks. */
  let news = +now
  let mention: RegExp
  let state: State = { ...tools.initial, conversation: asked }
  let rich: Part | undefined
  let live = true
  let joining = false

  const call = (method: string, params: object): Promise<unknown> =>
    tools.call(method, { to: state.conversation, room: state.conversation, ...params }).catch((error: Failure) => {
      if (error.reason === 'not_joined') rejoin()
      throw error
    })
  const outbox = tools.createOutbox(env, keep, call, dispatch)
  const earlier = tools.createHistory(call, () => state, dispatch)
  const gather = createCrowd(fill, texts)
  const talk = tools.createTalk({
    ...tools,
    send: (body) => outbox.say(body),
    changed: (text) => keep.set('draft', text),
    retry: outbox.retry,
    earlier,
    atEnd: (atEnd) => dispatch({ type: 'view', view: { atEnd } }),
    interest() {},
    emoji: (button) => rich?.show!(button),
    dress(row) {
      const dressed = rich?.dress!(row)
      if (row.kind !== 'desk' || !mention.test(row.body)) return dressed ?? {}
      const nodes = marked(linked(row.body), mention, (name) => h('mark', '', {}, name))
      return { ...dressed, instead: dressed?.instead ?? h('p', 'bubble theirs', { dir: 'auto' }, ...nodes) }
    },
  })
  const door = createDoor(tools, texts, asked, join)
  const count = h('span')
  const people = h('button', 'people', { type: 'button', 'aria-expanded': 'false' }, icon('', PEOPLE), count)
  const leave = h('button', 'plain', { type: 'button', 'aria-label': texts.out }, icon('', OUT))
  const bar = h('div', 'bar', {}, people, leave)
  const members = createMembers(tools, texts, call, () => {
    browse(false)
    around.toDesk()
  })
  /** Why what is said here stays behind. */
  const note = h('p', 'notice', { role: 'status' })
  const element = h('div', 'talk', {}, bar, door.element, members.element, talk.element)

  function dispatch(event: Event): void {
    if (event.type === 'failed') explain(event.reason)
    else if (event.type === 'acknowledged') explain()
    state = tools.reduce(state, event)
    if (state.atEnd && state.messages.length > KEPT * 2) {
      const messages = state.messages.slice(-KEPT)
      const asides = state.asides.filter(({ after }) => after >= messages[0]!.seq)
      state = { ...state, messages, asides, more: true }
    }
    show()
  }

  function show(): void {
    const { open, visible, limit, link } = desk()
    const { read } = state
    const talking = !!here && members.element.hidden
    const looked = open && around.shown()
    if (looked && visible) news = 0
    const seen = { open: looked && talking, visible, dressed: !!rich }
    state = tools.reduce({ ...state, limit, link }, { type: 'view', view: seen })
    if (state.read > read) keep.set('read', `${state.read}`)
    bar.hidden = !here && !around.gone
    people.hidden = !here
    door.element.hidden = !!here
    talk.element.hidden = !talking
    talk.render(state)
    // Who comes and goes is not worth a word to those who listen.
    for (const line of talk.element.querySelectorAll('.system')) line.setAttribute('aria-live', 'off')
    outbox.flush(state)
    rich?.render!({ ...state, open })
    if (here) count.textContent = fill(texts.people, here.members)
    const left = state.messages.filter((message) => message.seq > state.read && !isOwn(message))
    const named = left.filter(({ body }) => mention.test(body)).length
    // The title may have the number of what is unread in front.
    around.label(own ? document.title.replace(/^\(\d+\) /, '') : title, left.length + news, named + news)
  }

  async function join(name: string): Promise<void> {
    if (joining) return
    joining = true
    door.say('')
    try {
      const { room, cursor } = (await tools.call('join', { room: asked, name, cursor: place.cursor })) as { room: Room; cursor: string }
      const focused = door.element.contains(root.activeElement)
      place.cursor = cursor
      enter(room)
      if (focused) view.focus()
    } catch (error) {
      const { reason, message } = error as Failure
      console.info('Parley:', message)
      if (/^name|^invalid/.test(reason)) out(texts.taken)
      else out({ unavailable: core.held, forbidden: texts.kicked }[reason] ?? core.failed)
    }
    joining = false
  }

  /** Under the name that the visitor had, if they were there and did not leave. */
  function rejoin(): void {
    const name = keep.get('name')
    if (name) void join(name)
    else if (here) out()
  }
  function enter(room: Room): void {
    const { id, name, self, messages, more, subject, role } = room
    here = room
    title = by || room.title
    rename(name)
    // Whoever comes for the first time has missed nothing.
    const read = +keep.get('read') || messages[messages.length - 1]?.seq || 0
    state = { ...state, conversation: id, visitor: self, messages, asides: [], more, read, greeting: subject || title }
    explain(role === 'visitor' ? 'no_voice' : '')
    outbox.restore()
    if (!rich)
      tools.fetchPart(base, 'rich').then(
        ({ mount }) => {
          const its = { keep, call, state: () => state, say: outbox.say, compose: talk.compose }
          rich = mount({ ...tools, ...its, slots: { ...talk.slots, panel: slots.panel } })
          show()
        },
        () => {},
      )
    show()
  }
  function explain(reason = ''): void {
    note.textContent = { no_voice: texts.muted, links: texts.rules, words: texts.rules }[reason] ?? ''
    note.hidden = !note.textContent
  }
  function rename(name: string): void {
    here = { ...here!, name }
    mention = mentionOf(name)
    keep.set('name', name)
    tools.keep.set('nick', name)
  }
  function out(why = ''): void {
    if (!why && around.gone) return around.gone()
    const focused = element.contains(root.activeElement)
    here = undefined
    state = { ...state, messages: [], asides: [] }
    browse(false)
    door.say(why)
    if (focused) view.focus()
  }

  function moved(event: MemberEvent): void {
    const { op, who, count } = event
    here = { ...here!, members: count }
    if (op === 'rename') {
      if (who.self) rename(who.name)
    } else if (!who.self) {
      const line = gather(event, state.messages[state.messages.length - 1]?.seq ?? 0, new Date(env.now()).toISOString())
      state = { ...state, asides: [...state.asides.filter(({ key }) => key !== line.key), line] }
    } else if (op !== 'join') {
      keep.set('name', '')
      return out(op === 'kick' ? texts.kicked : '')
    }
    show()
  }

  function browse(open: boolean): void {
    members.element.hidden = !open
    people.setAttribute('aria-expanded', `${open}`)
    show()
    if (open) members.open()
  }

  // Of all talks, only one may have an id.
  const left = talk.element.querySelector('.count')!
  left.id = `${asked}-count`
  talk.element.querySelector('textarea')!.setAttribute('aria-describedby', left.id)
  talk.slots.above.append(note)
  people.onclick = () => browse(members.element.hidden)
  leave.onclick = () => {
    if (here) call('leave', {}).catch(() => {})
    keep.set('name', '')
    out()
  }
  element.addEventListener(
    'scroll',
    ({ target }) => {
      if (state.open && state.more && (target as HTMLElement).scrollTop < NEAR) void earlier()
    },
    true,
  )
  door.suggest(tools.keep.get('nick') || dataset.name || '')
  talk.fill(keep.get('draft'))

  return {
    element,
    show,
    entered: () => !!keep.get('name'),
    focus: () => (here ? talk : door).focus(),
    render({ link }) {
      const before = live
      live = link === 'live'
      if (live && !before && !here) rejoin()
      show()
    },
    wire(name, data) {
      if (name === 'hello') {
        const room = data.rooms?.find(({ id }: Room) => (own ? /^p-/.test(id) : id === asked))
        door.suggest(data.visitor.name ?? '')
        if (room) enter(room)
        else rejoin()
      } else if (!here || ![data.room, data.to, data.message?.conversation].includes(state.conversation)) return
      else if (name === 'member') moved(data)
      else if (name === 'role') explain(data.role === 'visitor' ? 'no_voice' : '')
      else {
        dispatch({ type: 'wire', name, data })
        const { message } = data
        if (!message || isOwn(message) || !mention.test(message.body)) return
        if (!(state.open && state.visible && document.hasFocus())) tools.use('menu', (menu) => menu.heard!(message))
      }
    },
  }
}
