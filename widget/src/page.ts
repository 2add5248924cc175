import { type Keep, openness } from './storage'
import type { Page } from './wire'

/**
 * A router sets the title some time after the address. And where another tab is looked at next, it
 * has taken the connection over by then, and tells its own page instead.
 */
const SETTLE_MS = 300

export const readPage = (keep: Keep): Page => ({
  url: location.href,
  title: document.title,
  visible: !document.hidden,
  opened: !!openness(keep),
})

/** Calls `stirred` when the page comes or goes or changes its address, and `settled` after that. */
export function watchPage(stirred: () => void, settled: () => void): void {
  let timer: number | undefined
  const settle = (): void => {
    clearTimeout(timer)
    timer = window.setTimeout(settled, SETTLE_MS)
  }
  for (const name of ['pushState', 'replaceState'] as const) {
    const original = history[name]
    history[name] = (...change) => {
      original.apply(history, change)
      settle()
    }
  }
  // A change of the fragment is a `popstate` too.
  for (const change of ['popstate', 'online', 'offline', 'visibilitychange'])
    addEventListener(change, () => {
      stirred()
      settle()
    })
}
