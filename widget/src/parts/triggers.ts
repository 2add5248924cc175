/** What the site says by itself, each word once in a tab: beside the button, or in the open panel. */

import type { MountPart } from '../panel/parts'
import { Section } from '../sections'
import { triggers as english } from '../texts/en.json'
import css from './triggers.css?inline'

const CROSS = 'M7 7l10 10m0-10L7 17'
const LOOK_MS = 300
/** The visitor has closed the widget, or such a word, and is left in peace. No JSON has it. */
const CLOSED = '\n'

const pageOf = (address: string): string => address.split(/[?#]/)[0]!

/** Of the glob, `*` stands for any characters and `?` for one. */
const matches = (glob: string, page: string): boolean =>
  RegExp(`^${glob.replace(/\W/g, (sign) => (sign === '*' ? '.*' : sign === '?' ? '.' : `\\${sign}`))}$`).test(page)

export const mount: MountPart = ({ h, icon, words, env, root, keepPrefix, state, dispatch, open, addStyles }) => {
  const key = `${keepPrefix}said`
  const place = h('div', '', { role: 'status' })
  // The page that was loaded was entered then; any other, as far as is known, just now.
  let page = pageOf(performance.getEntriesByType('navigation')[0]?.name ?? '')
  let entered = env.now() - performance.now()
  let deepest = 0
  let left = false
  let wasOpen = false
  /** Puts what stands beside the button into the log. */
  let follow: (() => void) | undefined
  /** The triggers that have fired, as JSON. */
  let said = ''
  try {
    said = sessionStorage[key] ?? ''
  } catch {
    // The browser keeps nothing, so it holds for this page.
  }

  function note(what: string): void {
    said += what
    try {
      sessionStorage[key] = said
    } catch {
      // As above.
    }
  }
  function clear(): void {
    place.replaceChildren()
    follow = undefined
  }
  function say(body: string): void {
    const at = new Date(env.now()).toISOString()
    const line = (): void => dispatch({ type: 'aside', kind: 'desk', body, at })
    if (state().open) return line()
    if (said.includes(CLOSED)) return
    const word = h('button', '', { type: 'button' }, body)
    const close = h('button', '', { type: 'button', 'aria-label': words(Section.Triggers, english).close }, icon('', CROSS))
    word.onclick = () => open()
    close.onclick = () => {
      note(CLOSED)
      clear()
    }
    place.replaceChildren(h('div', 'teaser', { dir: 'auto' }, word, close))
    follow = line
  }

  function look(): void {
    const { settings, talk, waiting } = state()
    const { scrollTop, scrollHeight, clientHeight } = document.documentElement
    const here = pageOf(location.href)
    if (page !== here) {
      page = here
      entered = env.now()
      deepest = 0
    }
    deepest = Math.max(deepest, (scrollTop / (scrollHeight - clientHeight)) * 100 || 0)
    for (const trigger of settings!.triggers) {
      const { text, seconds = 0, url = '*', scroll = 0, exit } = trigger
      const name = JSON.stringify(trigger)
      const holds = env.now() - entered >= seconds * 1000 && deepest >= scroll && (left || !exit) && matches(url, page)
      if (!holds || said.includes(name)) continue
      note(name)
      if (talk.state === 'quiet' && !waiting[0]) say(text)
    }
    env.setTimeout(look, LOOK_MS)
  }

  addStyles(css)
  root.append(place)
  addEventListener('mouseout', ({ relatedTarget, clientY }) => (left = !relatedTarget && clientY <= 0))
  look()
  return {
    render({ open, talk }) {
      if (wasOpen && !open) note(CLOSED)
      wasOpen = open
      const line = open && follow
      if (open || talk.state !== 'quiet') clear()
      if (line) line()
    },
  }
}
