import { h } from '../dom'
import type { Component } from './header'
import type { State } from './state'
import type { Texts } from './texts'

const noticeOf = ({ link, desk }: State, texts: Texts): readonly [kind: string, text: string] => {
  if (link === 'lost') return ['lost', texts.lost]
  if (desk?.state === 'offline') return ['offline', texts.offlineNote]
  if (desk?.state === 'busy') return ['busy', texts.busyNote]
  return ['', '']
}

/** One calm line above the field, where there is something to say about desk or connection. */
export function createNotice(texts: Texts): Component {
  const element = h('p', 'notice', { role: 'status', hidden: '' })
  return {
    element,
    render(state) {
      const [kind, text] = noticeOf(state, texts)
      if (element.textContent === text) return
      element.textContent = text
      element.dataset.kind = kind
      element.hidden = !text
    },
  }
}
