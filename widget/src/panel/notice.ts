import { h } from '../dom'
import type { Component } from './header'
import type { State } from './state'
import type { Fill, Texts } from './texts'
import type { Times } from './times'

/** One calm line above the field, where there is something to say about desk or connection. */
export function createNotice(texts: Texts, fill: Fill, times: Times): Component {
  const noticeOf = ({ link, desk, settings, forgetful }: State): readonly [kind: string, text: string] => {
    const next = settings?.hours?.next
    if (link === 'lost') return ['lost', texts.lost]
    // Who is next is being asked for.
    if (desk?.queue && (desk.queue > 1 || desk.state === 'busy')) return ['busy', fill(texts.queue, desk.queue)]
    if (desk?.state === 'offline')
      return ['offline', `${next ? `${fill(texts.back, times.moment(next))} ` : ''}${texts.offlineNote}`]
    if (desk?.state === 'busy') return ['busy', texts.busyNote]
    return forgetful ? ['forgetful', texts.forgetful] : ['', '']
  }
  const element = h('p', 'notice', { role: 'status', hidden: '' })
  return {
    element,
    render(state) {
      const [kind, text] = noticeOf(state)
      if (element.textContent === text) return
      element.textContent = text
      element.dataset.kind = kind
      element.hidden = !text
    },
  }
}
