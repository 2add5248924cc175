import { h } from '../dom'

/** Only these are ever links; an address that is no URL stays text. */
const CANDIDATE = /\b(?:https?:\/\/|mailto:)[^\s<>"]+/gi
/** At the end of an address these belong to the sentence. */
const TRAILING = /[.,;:!?'"»”’\]}]+$/

function trimmed(text: string): string {
  const short = text.replace(TRAILING, '')
  return short.endsWith(')') && !short.includes('(') ? trimmed(short.slice(0, -1)) : short
}

/** The address as browsers write it; empty if it is none. */
export function hrefOf(address: string): string {
  try {
    return new URL(address).href
  } catch {
    return ''
  }
}

/** A link that a click alone follows, in a page of its own that learns nothing of this one. */
export const linkTo = (name: string, href: string, ...children: (Node | string)[]): HTMLElement =>
  h('a', name, { href, target: '_blank', rel: 'noopener noreferrer nofollow' }, ...children)

/** The text as nodes, its addresses as links; text from anywhere stays text. */
export function linked(text: string): (Node | string)[] {
  const nodes: (Node | string)[] = []
  let done = 0
  for (const { 0: candidate, index = 0 } of text.matchAll(CANDIDATE)) {
    const shown = trimmed(candidate)
    const href = hrefOf(shown)
    if (!href) continue
    nodes.push(text.slice(done, index))
    nodes.push(linkTo('link', href, shown))
    done = index + shown.length
  }
  return [...nodes, text.slice(done)]
}
