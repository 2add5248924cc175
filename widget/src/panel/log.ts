/** The messages, what stands before them, and who is typing. */

import { h, icon } from '../dom'
import type { Component } from './header'
import { type RowTools, fillRow } from './row'
import type { State } from './state'
import { type Row, timeline } from './timeline'

const DOWN = 'M12 5v13m-6-6l6 6 6-6'
/** So near to the end, in pixels, that a new message may pull it into view. */
const NEAR = 40

export interface LogActions extends RowTools {
  readonly earlier: () => void
  readonly atEnd: (atEnd: boolean) => void
  /** The visitor looks closer. */
  readonly interest: () => void
}

export interface Log extends Component {
  /** Stands after the last message. */
  readonly end: HTMLElement
  toEnd(): void
}

export function createLog(actions: LogActions): Log {
  const { texts, fill } = actions
  const button = h('button', 'earlier', { type: 'button' }, texts.earlier)
  const greeting = h('p', 'greeting', { dir: 'auto' })
  const list = h('div', 'list', { role: 'log', 'aria-label': texts.messages })
  const typist = h('span', 'unseen')
  const dots = h('span', 'bubble dots', { 'aria-hidden': 'true' }, h('i'), h('i'), h('i'))
  const typing = h('div', 'typing', { role: 'status' }, typist)
  const end = h('div')
  const scroller = h('div', 'scroller', { tabindex: '0', role: 'group', 'aria-label': texts.messages },
    button,
    greeting,
    list,
    end,
    typing,
  )
  const latest = h('button', 'latest', { type: 'button', 'aria-label': texts.latest }, icon('down', DOWN))
  const element = h('div', 'body', {}, scroller, latest)

  const shown = new Map<string, { readonly element: HTMLElement; face: string }>()
  let atEnd = true
  let firstKey: string | undefined

  const toEnd = (): void => {
    scroller.scrollTop = scroller.scrollHeight
    noteEnd()
  }
  function noteEnd(): void {
    const near = scroller.scrollHeight - scroller.scrollTop - scroller.clientHeight < NEAR
    latest.hidden = near
    if (near === atEnd) return
    atEnd = near
    actions.atEnd(near)
  }
  scroller.onscroll = noteEnd
  latest.onclick = toEnd
  // A growing field and a phone's keyboard take room from below.
  new ResizeObserver(() => {
    if (atEnd) toEnd()
  }).observe(scroller)
  button.onclick = actions.earlier
  scroller.onfocus = scroller.onpointerenter = actions.interest

  /** Only what has changed is touched, so that assistive technology announces each message once. */
  function update(rows: readonly Row[], dressed: boolean): void {
    let place = list.firstElementChild
    const keys = new Set(rows.map(({ key }) => key))
    for (const [key, { element }] of shown) {
      if (keys.has(key)) continue
      if (place === element) place = element.nextElementSibling
      element.remove()
      shown.delete(key)
    }
    for (const row of rows) {
      const face = JSON.stringify(row) + dressed
      let item = shown.get(row.key)
      if (!item) shown.set(row.key, (item = { element: h('div'), face: '' }))
      if (item.face !== face) fillRow(item.element, row, actions)
      item.face = face
      if (item.element === place) place = place.nextElementSibling
      else list.insertBefore(item.element, place)
    }
  }

  return {
    element,
    end,
    toEnd,
    render(state: State) {
      const rows = timeline(state)
      // To ask for it lays the panel out, which is not to happen before it is open.
      const height = state.open ? scroller.scrollHeight : 0
      const last = rows[rows.length - 1]
      const ownAdded = last?.kind === 'own' && !shown.has(last.key)
      const prepended = firstKey !== undefined && rows[0]?.key !== firstKey
      firstKey = rows[0]?.key
      update(rows, state.dressed)

      button.hidden = !state.more
      const welcome = state.more ? '' : state.greeting || texts.greeting
      if (greeting.textContent !== welcome) greeting.textContent = welcome
      greeting.hidden = !welcome
      const who = state.typing === undefined ? '' : fill(texts.typing, state.typing || texts.operator)
      if (typist.textContent !== who) {
        typist.textContent = who
        if (who) typing.append(dots)
        else dots.remove()
      }

      if (!state.open) return
      if (atEnd || ownAdded) toEnd()
      else if (prepended) scroller.scrollTop += scroller.scrollHeight - height
    },
  }
}
