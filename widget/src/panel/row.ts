/** One row of the log: a message, a system line or a day. */

import { h } from '../dom'
import { linked } from './links'
import type { Fill, Texts } from './texts'
import type { Row, TalkRow } from './timeline'
import type { Times } from './times'

/** What a row has beside its text: see `parts/rich.ts`, which is fetched where there is any. */
export interface Dress {
  readonly before?: Node | undefined
  /** It says all that the text says. */
  readonly instead?: Node | undefined
  readonly after?: readonly Node[]
}

export interface RowTools {
  readonly texts: Texts
  readonly fill: Fill
  readonly times: Times
  readonly retry: (id: string) => void
  readonly dress: (row: TalkRow) => Dress
}

function footer(row: TalkRow, { texts, times, retry }: RowTools): HTMLElement | undefined {
  const { key, status } = row
  if (status === 'failed' || status === 'refused') {
    const again = h('button', 'retry', { type: 'button' }, texts.retry)
    again.onclick = () => retry(key)
    return h('p', 'meta failed', {}, texts[status], ' ', again)
  }
  if (!row.last && !row.edited) return undefined
  const parts: (Node | string)[] = [h('time', '', { datetime: row.at }, times.clock(row.at))]
  if (row.edited) parts.push(` · ${texts.edited}`)
  if (status) parts.push(' · ', h('span', `status ${status}`, {}, texts[status]))
  return h('p', 'meta', {}, ...parts)
}

function talk(row: TalkRow, tools: RowTools): Node[] {
  const { texts } = tools
  const { kind, body, name, first, retracted } = row
  if (kind === 'system') {
    // Said for those who cannot see that it stands apart from what operators write.
    const label = h('span', 'unseen', {}, `${texts.notice}: `)
    return [h('p', 'line', { dir: 'auto' }, label, ...linked(body))]
  }
  const own = kind === 'own'
  const { before, instead, after = [] } = tools.dress(row)
  const nodes = [
    h('p', own || !first ? 'unseen' : 'name', { dir: 'auto' }, own ? texts.you : name || texts.operator),
    before,
    retracted
      ? h('p', 'bubble gone', {}, texts.retracted)
      : (instead ?? h('p', `bubble ${own ? 'mine' : 'theirs'}`, { dir: 'auto' }, ...linked(body))),
    ...after,
    footer(row, tools),
  ]
  return nodes.filter(Boolean) as Node[]
}

export function fillRow(element: HTMLElement, row: Row, tools: RowTools): void {
  if (row.kind === 'day') {
    element.className = 'day'
    element.replaceChildren(h('span', '', {}, tools.times.day(row.at)))
    return
  }
  element.className = `row ${row.kind}${row.first ? ' first' : ''}${row.last ? ' last' : ''}`
  // What is as it was stays, so that assistive technology announces only what has changed.
  const nodes = talk(row, tools)
  nodes.forEach((node, index) => {
    const old = element.childNodes[index] ?? null
    if (!old?.isEqualNode(node)) element.insertBefore(node, old)
  })
  while (element.childNodes[nodes.length]) element.lastChild!.remove()
}
