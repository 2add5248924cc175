/** Who comes and goes, gathered: one line that grows until somebody says something. */

import type { Aside } from '../panel/state'
import type { Fill } from '../panel/texts'
import type { MemberEvent } from '../wire'

interface Texts {
  readonly people: string
  readonly came: string
  readonly went: string
}

/** Gives the line as it is now, after the message of that seq; `at` is the time. */
export type Gather = (event: MemberEvent, after: number, at: string) => Aside

export function createCrowd(fill: Fill, texts: Texts): Gather {
  let line: Aside | undefined
  let counts: { came: number; went: number }
  /** Of who came or went first, in case it is only one. */
  let names: { came?: string; went?: string }

  return ({ op, who, more = 0 }, after, at) => {
    if (line?.after !== after) {
      counts = { came: 0, went: 0 }
      names = {}
    }
    const way = op === 'join' ? 'came' : 'went'
    counts[way] += 1 + more
    names[way] ??= who.name
    const body = (['came', 'went'] as const)
      .filter((way) => counts[way])
      .map((way) => fill(texts[way], counts[way] > 1 ? fill(texts.people, counts[way]) : names[way]!))
      .join(' · ')
    return (line = { kind: 'system', after, at: line?.after === after ? line.at : at, key: `crowd ${after}`, body })
  }
}
