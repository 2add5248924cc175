/** Rooms beside the desk: the page's, where the visitors of a site talk, and those that operators invite to. */

import type { MountPart } from '../panel/parts'
import { unread } from '../panel/state'
import { type RoomPart, createRoom } from '../room/room'
import { createTabs } from '../room/tabs'
import { Section } from '../sections'
import { room as english } from '../texts/en.json'
import css from './room.css?inline'

/** Begins the keys under which it is kept who has invited the visitor into which room. */
const INVITED = 'invited '

export const mount: MountPart = (tools) => {
  const { root, keep, view, slots, dataset, env, texts: core, words, fill, state: desk } = tools
  const texts = words(Section.Room, english)
  const deskTalk = slots.above.parentElement!
  const rooms = new Map<string, RoomPart>()
  const mentions = new Map<string, number>()
  const tabs = createTabs(tools, deskTalk, select)
  let chosen = ''

  function select(room: string): void {
    const panel = rooms.get(chosen)?.element ?? deskTalk
    const focused = panel.contains(root.activeElement)
    chosen = room
    tabs.select(room)
    tools.dispatch({ type: 'view', view: { behind: !!room } })
    for (const { show } of rooms.values()) show()
    if (focused) view.focus()
  }
  function mentioned(): void {
    const all = [...mentions.values()].reduce((sum, one) => sum + one, 0)
    if (desk().mentions !== all) tools.dispatch({ type: 'view', view: { mentions: all } })
  }
  function add(name: string, by = '', now = false): void {
    if (rooms.has(name)) return
    const gone = (): void => {
      keep.set(INVITED + name, '')
      if (chosen === name) select('')
      tabs.remove(name)
      rooms.delete(name)
      mentions.delete(name)
      mentioned()
    }
    const room = createRoom(
      tools,
      texts,
      {
        shown: () => chosen === name,
        label(title, unread, named) {
          tabs.label(name, title, unread)
          mentions.set(name, named)
          mentioned()
        },
        toDesk: () => select(''),
        ...(name !== dataset.room && { gone }),
      },
      name,
      by,
      now,
    )
    rooms.set(name, room)
    tabs.add(name, room.element)
    tabs.select(chosen)
    room.show()
  }

  tools.addStyles(css)
  const toDesk = view.focus
  view.focus = () => (rooms.get(chosen)?.focus ?? toDesk)()
  if (dataset.room) add(dataset.room)
  for (const key of keep.keys(INVITED)) add(key.slice(INVITED.length), keep.get(key))
  select(dataset.room ?? [...rooms].find(([, room]) => room.entered())?.[0] ?? '')

  return {
    render(state) {
      tabs.label('', core.operator, unread({ ...desk(), mentions: 0 }))
      for (const room of rooms.values()) room.render(state)
    },
    wire(name, data) {
      if (name === 'invite') {
        const { room, from } = data
        if (rooms.get(room)?.entered()) return
        keep.set(INVITED + room, from.name)
        add(room, from.name, true)
        const body = fill(texts.invited, from.name)
        tools.dispatch({ type: 'aside', kind: 'system', body, at: new Date(env.now()).toISOString() })
      } else for (const room of rooms.values()) room.wire(name, data)
    },
  }
}
