/** Small texts kept for one site, in the browser where it allows, else for as long as the page lives. */
export interface Keep {
  /** Empty if there is none. */
  get: (key: string) => string
  set: (key: string, value: string) => void
}

/** Browsers that refuse storage throw from each use of it; see `addMemory`. */
export const openKeep = (prefix: string): Keep => ({
  get(key) {
    try {
      return localStorage.getItem(prefix + key) ?? ''
    } catch {
      return ''
    }
  },
  set(key, value) {
    try {
      if (value) localStorage.setItem(prefix + key, value)
      else localStorage.removeItem(prefix + key)
    } catch {
      // The loader does without.
    }
  },
})

export interface Store extends Keep {
  /** The keys that begin so, without an order. */
  keys(start: string): string[]
}

/**
 * Where the browser keeps nothing, or has no more room, things are kept for as long as the page
 * lives; `lost` is then called.
 */
export function addMemory(keep: Keep, prefix: string, lost: () => void): Store {
  const { get, set } = keep
  const memory = new Map<string, string>()
  return Object.assign(keep, {
    get: (key: string) => memory.get(key) ?? get(key),
    set(key: string, value: string) {
      memory.delete(key)
      set(key, value)
      if (get(key) === value) return
      memory.set(key, value)
      lost()
    },
    keys(start: string) {
      const all = [...memory.keys()].map((key) => prefix + key)
      try {
        all.push(...Object.keys(localStorage))
      } catch {
        // There are none.
      }
      return [...new Set(all)].filter((key) => key.startsWith(prefix + start)).map((key) => key.slice(prefix.length))
    },
  })
}

const HALF_HOUR_MS = 1_800_000

/**
 * Whether in the last half hour, in any tab, the widget was left open (1) or closed (-1) or was not
 * used (0). A tab tells it anew when it goes, so it also holds over a reload.
 */
export function openness(keep: Keep): number {
  const at = +keep.get('open')
  return Date.now() - Math.abs(at) < HALF_HOUR_MS ? Math.sign(at) : 0
}
