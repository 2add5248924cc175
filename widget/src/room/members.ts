/** Who is in the room: found by a search, a page at a time, so that there may be any number. */

import type { Tools } from '../panel/parts'
import type { Sender } from '../wire'

const SEARCH_MS = 250

interface Listed {
  readonly members: readonly Sender[]
  readonly more: boolean
}

export interface Members {
  readonly element: HTMLElement
  /** Lists them anew, all of them. */
  open(): void
}

/** `word`: the visitor would like one with an operator alone. */
export function createMembers(
  { h, env, texts: core }: Tools,
  texts: { search: string; word: string },
  call: (method: string, params: object) => Promise<unknown>,
  word: () => void,
): Members {
  const search = h('input', 'field entry', { type: 'search', 'aria-label': texts.search, placeholder: texts.search })
  const list = h('ul')
  const next = h('button', 'earlier', { type: 'button' }, core.more)
  let last: string | undefined
  let timer: number | undefined
  /** Counts the questions: of an earlier one the answer is not wanted any more. */
  let turn = 0

  function item({ kind, name, self }: Sender): HTMLElement {
    const ask = h('button', 'word', { type: 'button' }, texts.word)
    ask.onclick = word
    return h('li', '', {}, h('bdi', '', {}, name), ...(self ? [core.you] : kind === 'operator' ? [ask] : []))
  }
  async function find(after?: string): Promise<void> {
    const mine = ++turn
    try {
      const { members, more } = (await call('members', { search: search.value.trim(), after })) as Listed
      if (mine !== turn) return
      if (!after) list.replaceChildren()
      list.append(...members.map(item))
      last = members[members.length - 1]?.id
      next.hidden = !more
    } catch {
      // Whoever was the last here may have gone.
      if (after && mine === turn) void find()
    }
  }
  search.oninput = () => {
    env.clearTimeout(timer)
    timer = env.setTimeout(find, SEARCH_MS)
  }
  next.onclick = () => find(last)
  return {
    element: h('div', 'scroller', { hidden: '' }, search, list, next),
    open() {
      search.value = ''
      void find()
    },
  }
}
