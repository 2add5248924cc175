/** The part that is fetched on interest: the talk itself. */

import { h, icon } from '../dom'
import { browserEnv as env } from '../env'
import { readMark, writeMark } from '../marks'
import { Section } from '../sections'
import { addSheet } from '../sheets'
import type { Load, Mount, Panel } from '../shell'
import { addMemory, openness } from '../storage'
import { createBadge } from './badge'
import { connect } from './connection'
import { createHistory } from './history'
import { followKeyboard } from './keyboard'
import { hrefOf, linkTo, linked } from './links'
import { createOutbox } from './outbox'
import css from './panel.css?inline'
import { type Part, type Tools, due, fetchPart } from './parts'
import { createReceipts } from './receipts'
import type { Dress } from './row'
import { type Event, type Marks, type State, initial, lastSeq, reduce, unread } from './state'
import { type Language, createLanguage, english, nearest, tagIn } from './texts'
import type { TalkRow } from './timeline'
import { type Times, createTimes } from './times'
import { createTyping } from './typing'
import { createTalk, createView } from './view'

const TYPING_MS = 8_000
/** A part that could not be fetched is not tried sooner. */
const AGAIN_MS = 5_000
const RIGHT_TO_LEFT = /^(ar|he)/

const turn = (): Promise<void> => new Promise((done) => env.setTimeout(done, 0))

/** With the visitor's language, as far as there is one; else in English. */
export const load: Load = async (base, { locale = navigator.language }) => {
  const found = nearest(locale, LANGUAGES)
  const texts = found && (await fetchPart(base, `texts_${found}`).catch(() => undefined))
  const tag = tagIn(texts ? found : 'en', locale)
  // Browsers take long over their first `Intl`: in tasks of their own, so that none is long.
  await turn()
  new Intl.Collator(tag)
  await turn()
  const times = createTimes(tag, env.now)
  await turn()
  return mountIn(createLanguage(tag, texts ? texts.default : undefined), times)
}

const mountIn =
  (language: Language, times: Times): Mount =>
  (shell) => {
    const { base, dataset, root, button, emit, hello, backlog } = shell
    const host = root.host as HTMLElement
    const name = `parley:${dataset.site}:`
    const inline = dataset.position === 'inline'
    const keep = addMemory(shell.keep, name, () => dispatch({ type: 'forgetful' }))
    const { words, fill, tag } = language
    const texts = words(Section.Core, english)

    let state: State = { ...initial, visible: !document.hidden }
    // As does whoever has a backlog; the rest are told.
    let leads = true
    let told = 0
    let typingOver: number | undefined

    const connection = connect(env, shell)
    const { call } = connection

    const badge = createBadge(texts, fill, button)
    const outbox = createOutbox(env, keep, call, dispatch)
    const receipts = createReceipts(env, keep, call)
    const typing = createTyping(env, (state) => {
      // Nobody is worse off who does not hear of it.
      call('typing', { state }).catch(() => {})
    })
    const view = createView({
      texts,
      fill,
      times,
      send(body) {
        typing.sent()
        outbox.say(body)
      },
      changed(text) {
        typing.input(text)
        keep.set('draft', text)
      },
      retry: outbox.retry,
      earlier: createHistory(call, () => state, dispatch),
      atEnd: (atEnd) => dispatch({ type: 'view', view: { atEnd } }),
      dress: (row) => dress(row),
      interest: () => use('rich'),
      emoji: (button) => use('rich', (rich) => rich.show!(button)),
      menu: (button) => use('menu', (menu) => menu.show!(button)),
    })
    const tools: Tools = {
      ...shell,
      ...view,
      ...language,
      view,
      texts,
      h,
      icon,
      hrefOf,
      linkTo,
      linked,
      env,
      keep,
      keepPrefix: name,
      times,
      state: () => state,
      dispatch,
      call,
      say: outbox.say,
      leads: () => leads,
      open,
      addStyles: (css) => void addSheet(root, css),
      use,
      createHistory,
      createTalk,
      createOutbox,
      initial,
      reduce,
      fetchPart,
    }

    const parts = new Map<string, Promise<Part>>()
    const mounted: Part[] = []
    let dress = (_: TalkRow): Dress => ({})

    /** Fetches a part once; what failed is fetched anew when it is wanted again. */
    function use(name: string, how?: (part: Part) => void): void {
      const part =
        parts.get(name) ??
        fetchPart(base, name).then(({ mount }) => {
          const made = mount(tools)
          mounted.push(made)
          if (made.dress) {
            dress = made.dress
            dispatch({ type: 'view', view: { dressed: true } })
          }
          made.render?.(state)
          return made
        })
      parts.set(name, part)
      part.then(how, () => env.setTimeout(() => parts.delete(name), AGAIN_MS))
    }

    function dispatch(event: Event): void {
      const before = state
      state = reduce(state, event)
      if (state === before) return
      remember(before)
      announce(before)
      badge(state)
      view.render(state)
      outbox.flush(state)
      receipts(state)
      for (const name of due(state)) use(name)
      for (const part of mounted) part.render?.(state)
    }

    function marks(visitor: string): Marks {
      const of = (mark: Parameters<typeof readMark>[1]): number => readMark(keep, mark, visitor)
      return { read: of('read'), confirmed: { delivered: of('confirmed-delivered'), read: of('confirmed-read') } }
    }

    function remember({ read, confirmed, open }: State): void {
      const { visitor } = state
      if (state.read !== read) writeMark(keep, 'read', visitor, state.read)
      if (state.confirmed !== confirmed) {
        writeMark(keep, 'confirmed-delivered', visitor, state.confirmed.delivered)
        writeMark(keep, 'confirmed-read', visitor, state.confirmed.read)
      }
      if (state.open !== open) noteOpen()
    }

    /** See `openness`. One that is always open says nothing of what the visitor wants elsewhere. */
    const noteOpen = (): void => {
      if (!inline && (state.open || openness(keep))) keep.set('open', String(state.open ? env.now() : -env.now()))
    }

    function announce(before: State): void {
      if (state.visitor !== before.visitor) told = lastSeq(state.messages)
      for (const message of state.messages) {
        if (message.seq <= told) continue
        emit('message', message, true)
        if (!(state.open && state.visible && document.hasFocus())) use('menu', (menu) => menu.heard!(message))
      }
      told = Math.max(told, lastSeq(state.messages))
      if (unread(state) !== unread(before)) emit('unread', unread(state))
      if (state.open !== before.open) {
        emit(state.open ? 'open' : 'close', undefined, true)
        shell.report()
      }
      if (before.talk.state === 'taken' && state.talk.state === 'quiet') aside(texts.ended)
    }

    function aside(body: string): void {
      dispatch({ type: 'aside', kind: 'system', body, at: new Date(env.now()).toISOString() })
    }

    /** Where another tab has gone; it is told here too once this tab has the connection. */
    const gone = new Set<string>()

    /** An operator sends the page on; to another site only by the visitor's own click. */
    function push(url: string): void {
      if (!leads) gone.add(url)
      else if (gone.delete(url)) return
      else if (hrefOf(url).startsWith(`${location.origin}/`)) location.assign(url)
      else aside(fill(texts.pushed, url))
    }

    function setOpen(open: boolean): void {
      dispatch({ type: 'view', view: { open } })
      connection.attend(open)
    }
    function open(focus = true): void {
      setOpen(true)
      if (focus) view.focus()
    }
    function close(): void {
      if (inline) return
      const focused = root.activeElement
      setOpen(false)
      if (focused) button.focus()
    }
    const commands: Readonly<Record<string, (detail: any) => void>> = {
      open,
      close,
      toggle: () => (state.open ? close() : open()),
      say(body) {
        if (String(body).trim()) outbox.say(String(body).trim())
      },
    }

    /** To the rooms, which are fetched for the first of it. */
    function pass(name: string, data: unknown): void {
      if (dataset.room || name === 'invite' || keep.keys('invited ')[0]) use('room', (room) => room.wire!(name, data))
    }
    function heard(name: string, data: any): void {
      if (name === 'push') return push(data.url)
      dispatch({ type: 'wire', name, data })
      pass(name, data)
      if (name !== 'typing') return
      env.clearTimeout(typingOver)
      typingOver = env.setTimeout(() => dispatch({ type: 'typing-over' }), TYPING_MS)
    }

    /** Passes what comes on to the other tabs, which show it without a connection. */
    const others = window.BroadcastChannel && new BroadcastChannel(name)
    if (others) others.onmessage = ({ data: [name, data] }) => heard(name, data)

    host.dataset.theme = dataset.theme ?? 'auto'
    addSheet(root, css)
    followKeyboard(root)
    button.ariaLabel = words(Section.Button, { chat: button.ariaLabel! }).chat
    host.lang = view.element.lang = tag
    view.element.dir = RIGHT_TO_LEFT.test(tag) ? 'rtl' : 'ltr'
    root.insertBefore(view.element, button)
    view.fill(keep.get('draft'))
    view.element.addEventListener('keydown', (event) => {
      // While an input method is open, Escape is its own.
      if (event.key !== 'Escape' || event.isComposing) return
      event.stopPropagation()
      close()
    })
    for (const sign of ['focusin', 'pointerdown', 'input']) root.addEventListener(sign, shell.claim)
    document.addEventListener('visibilitychange', () => {
      dispatch({ type: 'view', view: { visible: !document.hidden } })
    })
    addEventListener('pagehide', noteOpen)
    // Another tab of this site has shown the messages, is being written in, or was opened or closed.
    addEventListener('storage', () => {
      dispatch({ type: 'read', seq: readMark(keep, 'read', state.visitor) })
      if (leads) return
      view.fill(keep.get('draft'))
      if (!inline) dispatch({ type: 'view', view: { open: openness(keep) > 0 } })
    })
    view.render(state)

    const panel: Panel = {
      hello(result) {
        dispatch({ type: 'hello', result, marks: marks(result.visitor.id) })
        pass('hello', result)
      },
      event(name, data) {
        heard(name, data)
        others?.postMessage([name, data])
      },
      live(live, now) {
        leads = now
        connection.live(live, leads)
        // Whichever tab leads sends what any of them has kept.
        if (leads) outbox.restore()
        dispatch({ type: 'link', live, elsewhere: !leads })
      },
      carry(name, detail) {
        if (!name) return
        const command = commands[name]
        // Laying the panel out takes a task of its own, after it was made.
        if (command) env.setTimeout(() => command(detail), 0)
        else console.warn(`Parley: there is no parley("${name}")`)
      },
      ...connection.link,
    }
    if (hello) panel.hello(hello)
    // Whoever was typing may have stopped long ago.
    for (const [name, data] of backlog) if (name !== 'typing') panel.event(name, data)
    return panel
  }
