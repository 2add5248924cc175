/**
 * One connection a browser: of a site's tabs the one last used holds a lock, and the connection with
 * it. It takes the lock from the tab that had it, which may sleep in the background.
 */

export interface Tabs {
  /** The visitor looks at this tab or, `surely`, uses the widget in it. */
  claim(surely?: boolean): void
  /** The page goes, or is put aside as it is: another tab may have the lock. */
  leave(): void
}

/**
 * Where there are no locks (a page without TLS, or without storage) every tab leads. `mayTake`:
 * whether the lock may be taken from another tab, or is waited for.
 */
export function joinTabs(name: string, mayTake: () => unknown, lead: (leads: boolean) => void): Tabs {
  let leads = false
  let here = true
  /** Whether a request that waits (0), one that steals (1), has not been granted yet. */
  const asked: boolean[] = []
  /** Of the request that was granted last. */
  let release: (() => void) | undefined

  const change = (now: boolean): void => {
    if (leads !== now) lead((leads = now))
  }
  const ask = (steal: boolean): void => {
    const kind = +steal
    if (asked[kind]) return
    asked[kind] = true
    let mine: typeof release
    navigator.locks
      .request(name, { steal }, () => {
        asked[kind] = false
        if (!here) return undefined
        change(true)
        return new Promise<void>((done) => (release = mine = done))
      })
      .catch((error: Error) => {
        asked[kind] = false
        if (error.name !== 'AbortError') return change(true)
        // This tab may have taken it from itself.
        if (mine !== release) return
        change(false)
        // To have it again when whichever tab has it is gone.
        ask(false)
      })
  }

  return {
    claim(surely) {
      here = true
      if (leads) return
      if (navigator.locks) ask(!!(surely || mayTake()))
      else change(true)
    },
    leave() {
      here = false
      change(false)
      release?.()
    },
  }
}
