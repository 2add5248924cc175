/** The part that is fetched on interest: the talk itself. */

import { readMark, writeMark } from '../marks'
import type { Panel, Parts, Shell } from '../shell'
import type { Message } from '../wire'
import { createBadge } from './badge'
import { followKeyboard } from './keyboard'
import { hrefOf } from './links'
import { createOutbox } from './outbox'
import css from './panel.css?inline'
import { createReceipts } from './receipts'
import { type Event, type Marks, type State, initial, lastSeq, reduce, unread } from './state'
import { english, fill } from './texts'
import { createTimes } from './times'
import { createTyping } from './typing'
import { createView } from './view'

const TYPING_MS = 8_000

export const mount: Parts['panel']['mount'] = (shell: Shell): Panel => {
  const { window, env, options, root, button, transport, local, tab, emit } = shell
  const { document } = window

  let state: State = { ...initial, visible: document.visibilityState === 'visible' }
  let told = 0
  let typingOver: number | undefined
  let fetching = false

  const badge = createBadge(english, button)
  const outbox = createOutbox(env, local, transport.call, dispatch)
  const receipts = createReceipts(env, local, transport.call)
  const typing = createTyping(env, (now) => {
    transport.call('typing', { state: now }).catch(() => {})
  })
  const view = createView(english, {
    times: createTimes(options.locale, env.now),
    send(body) {
      typing.sent()
      tab.set('draft', '')
      outbox.say(body)
    },
    changed(text) {
      typing.input(text)
      tab.set('draft', text)
    },
    retry: outbox.retry,
    earlier,
    atEnd: (atEnd) => dispatch({ type: 'view', view: { atEnd } }),
  })

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
  }

  function marks(visitor: string): Marks {
    const of = (mark: Parameters<typeof readMark>[1]): number => readMark(local, mark, visitor)
    return { read: of('read'), confirmed: { delivered: of('confirmed-delivered'), read: of('confirmed-read') } }
  }

  function remember({ read, confirmed, open }: State): void {
    const { visitor } = state
    if (state.read !== read) writeMark(local, 'read', visitor, state.read)
    if (state.confirmed !== confirmed) {
      writeMark(local, 'confirmed-delivered', visitor, state.confirmed.delivered)
      writeMark(local, 'confirmed-read', visitor, state.confirmed.read)
    }
    if (state.open !== open) tab.set('open', state.open ? 'yes' : 'no')
  }

  function announce(before: State): void {
    if (state.visitor !== before.visitor) told = lastSeq(state.messages)
    for (const message of state.messages) if (message.seq > told) emit('message', message)
    told = Math.max(told, lastSeq(state.messages))
    if (unread(state) !== unread(before)) emit('unread', unread(state))
    if (state.open !== before.open) emit(state.open ? 'open' : 'close')
  }

  async function earlier(): Promise<void> {
    if (fetching) return
    fetching = true
    try {
      const before = state.messages[0]?.seq
      const result = await transport.call('history', { before, limit: 50 })
      dispatch({ type: 'history', ...(result as { messages: Message[]; more: boolean }) })
    } catch {
      // The button is still there.
    }
    fetching = false
  }

  /** An operator sends the page on; to another site only by the visitor's own click. */
  function push(url: string): void {
    const { location } = window
    if (hrefOf(url).startsWith(`${location.origin}/`)) location.assign(url)
    else dispatch({ type: 'pushed', body: fill(english.pushed, { url }), at: new Date(env.now()).toISOString() })
  }

  function setOpen(open: boolean): void {
    dispatch({ type: 'view', view: { open } })
    transport.attend(open)
  }

  const panel: Panel = {
    open(focus) {
      setOpen(true)
      if (focus) view.focus()
    },
    close() {
      const focused = root.activeElement
      setOpen(false)
      if (focused) button.focus()
    },
    toggle: () => (state.open ? panel.close() : panel.open(true)),
    say: (body) => {
      if (body.trim()) outbox.say(body.trim())
    },
  }

  shell.addSheet(css)
  followKeyboard(shell)
  root.insertBefore(view.element, button)
  view.fill(tab.get('draft'))
  view.element.addEventListener('keydown', (event) => {
    // While an input method is open, Escape is its own.
    if (event.key !== 'Escape' || event.isComposing) return
    event.stopPropagation()
    panel.close()
    button.focus()
  })
  document.addEventListener('visibilitychange', () => {
    dispatch({ type: 'view', view: { visible: document.visibilityState === 'visible' } })
  })
  // Another tab of this site has shown the messages.
  window.addEventListener('storage', () => {
    dispatch({ type: 'read', seq: readMark(local, 'read', state.visitor) })
  })

  for (const message of outbox.kept()) dispatch({ type: 'said', message })
  view.render(state)
  shell.attach({
    hello: (result) => dispatch({ type: 'hello', result, marks: marks(result.visitor.id) }),
    event(name, data) {
      if (name === 'push') return push((data as { url: string }).url)
      dispatch({ type: 'wire', name, data })
      if (name !== 'typing') return
      env.clearTimeout(typingOver)
      typingOver = env.setTimeout(() => dispatch({ type: 'typing-over' }), TYPING_MS)
    },
    live: (live) => dispatch({ type: 'link', live }),
  })
  return panel
}
