/** One row of the log: a message, a system line or a day. */

import { h } from '../dom'
import { type Message, type Reaction, type Sender, isOwn } from '../wire'
import { hrefOf, linkTo, linked } from './links'
import { type Texts, fill } from './texts'
import type { Row, TalkRow } from './timeline'
import type { Times } from './times'

/** Characters of a message that are quoted: more than a line has room for. */
const QUOTED = 99

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

const called = (own: boolean, name: string | undefined, texts: Texts): string =>
  own ? texts.you : name || texts.operator

const nameOf = (from: Sender, texts: Texts): string => called(isOwn({ from }), from.name, texts)

/** The style sheet shows as much of the beginning as there is room for. */
const quoted = ({ from, retracted, attachment, body }: Message, texts: Texts): HTMLElement =>
  h('p', 'quote', {}, fill(texts.reply, {
    name: nameOf(from, texts),
    text: retracted ? texts.retracted : (attachment?.name || body).slice(0, QUOTED),
  }))

function chosen({ emoji, from }: Reaction, texts: Texts): HTMLElement {
  const label = `${emoji} ${from.map((one) => nameOf(one, texts)).join(', ')}`
  return h('span', 'reaction', { role: 'img', 'aria-label': label, title: label }, `${emoji} ${from.length}`)
}

function talk(row: TalkRow, tools: RowTools): Node[] {
  const { texts } = tools
  if (row.kind === 'system') {
    // Said for those who cannot see that it stands apart from what operators write.
    const label = h('span', 'unseen', {}, `${texts.notice}: `)
    return [h('p', 'line', { dir: 'auto' }, label, ...linked(row.body))]
  }
  const own = row.kind === 'own'
  const bubble = own ? 'bubble mine' : 'bubble theirs'
  const { body, quote, attachment: file, reactions } = row
  const href = file && /^https?:/i.test(file.url) && hrefOf(file.url)
  const nodes = [
    h('p', own || !row.first ? 'unseen' : 'name', { dir: 'auto' }, called(own, row.name, texts)),
    quote && quoted(quote, texts),
    row.retracted
      ? h('p', 'bubble gone', {}, texts.retracted)
      : (!href || body.trim() !== file.url) && h('p', bubble, { dir: 'auto' }, ...linked(body)),
    href && linkTo(`${bubble} card`, href,
      h('bdi', '', {}, file.name || href),
      file.size ? ` ${fill(texts.size, { size: Math.ceil(file.size / 1000) })}` : '',
    ),
    reactions?.length && h('p', 'reactions', {}, ...reactions.map((one) => chosen(one, texts))),
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
