import type { Keep } from './storage'
import type { Page } from './wire'

/** A router sets the title some time after the address. */
const SETTLE_MS = 300

export function readPage({ document, location }: Window, tab: Keep): Page {
  return {
    url: location.href,
    title: document.title,
    visible: document.visibilityState === 'visible',
    opened: tab.get('open') !== '',
  }
}

/** Calls `changed` after the page's address or visibility may have changed. */
export function watchPage(window: Window, changed: () => void): void {
  let timer = 0
  const settle = (): void => {
    clearTimeout(timer)
    timer = window.setTimeout(changed, SETTLE_MS)
  }
  const { history } = window
  for (const name of ['pushState', 'replaceState'] as const) {
    const original = history[name]
    history[name] = function (this: History, ...args: Parameters<History['pushState']>) {
      original.apply(this, args)
      settle()
    }
  }
  // A change of the fragment is one too.
  window.addEventListener('popstate', settle)
  window.document.addEventListener('visibilitychange', changed)
}
