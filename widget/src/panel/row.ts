/** One row of the log: a message, a system line or a day. */

import { h } from '../dom'
import { linked } from './links'
import type { Texts } from './texts'
import type { Row, TalkRow } from './timeline'
import type { Times } from './times'

export interface RowTools {
  readonly texts: Texts
  readonly times: Times
  readonly retry: (id: string) => void
}

const failure = (reason: string | undefined, texts: Texts): string =>
  reason === 'too_long' ? texts.failedTooLong : reason === 'forbidden' ? texts.failedForbidden : texts.failed

function footer(row: TalkRow, { texts, times, retry }: RowTools): HTMLElement | undefined {
  const { key, status } = row
  if (status === 'failed' || status === 'refused') {
    const again = h('button', 'retry', { type: 'button' }, texts.retry)
    again.addEventListener('click', () => retry(key))
    return h('p', 'meta failed', {}, status === 'failed' ? failure(row.reason, texts) : texts.refused, ' ', again)
  }
  if (!row.last && !row.edited) return undefined
  const parts: (Node | string)[] = [h('time', '', { datetime: row.at }, times.clock(row.at))]
  if (row.edited) parts.push(` · ${texts.edited}`)
  if (status) parts.push(' · ', h('span', `status ${status}`, {}, texts[status]))
  return h('p', 'meta', {}, ...parts)
}

function talk(row: TalkRow, tools: RowTools): Node[] {
  const { texts } = tools
  if (row.kind === 'system') {
    // Said for those who cannot see that it stands apart from what operators write.
    const label = h('span', 'unseen', {}, `${texts.notice}: `)
    return [h('p', 'line', { dir: 'auto' }, label, ...linked(row.body))]
  }
  const own = row.kind === 'own'
  const name = own ? texts.you : row.name || texts.operator
  const sender = h('p', own || !row.first ? 'unseen' : 'name', { dir: 'auto' }, name)
  const body = row.retracted
    ? h('p', 'bubble gone', {}, texts.retracted)
    : h('p', own ? 'bubble mine' : 'bubble theirs', { dir: 'auto' }, ...linked(row.body))
  const below = footer(row, tools)
  return below ? [sender, body, below] : [sender, body]
}

export function fillRow(element: HTMLElement, row: Row, tools: RowTools): void {
  if (row.kind === 'day') {
    element.className = 'day'
    element.replaceChildren(h('span', '', {}, tools.times.day(row.at)))
    return
  }
  element.className = `row ${row.kind}${row.first ? ' first' : ''}${row.last ? ' last' : ''}`
  element.replaceChildren(...talk(row, tools))
}
