/** Small texts kept for one site, in the browser where it allows, else for as long as the page lives. */
export interface Keep {
  get(key: string): string
  /** An empty value removes the key. */
  set(key: string, value: string): void
  /** The keys that begin so, without an order. */
  keys(start: string): string[]
}

/** `open` is called once; browsers that refuse storage throw from it, or from any later use. */
export function openKeep(open: () => Storage, prefix: string): Keep {
  const memory = new Map<string, string>()
  const inArea = <T>(use: (area: Storage) => T): T | undefined => {
    try {
      return use(open())
    } catch {
      return undefined
    }
  }
  return {
    get: (key) => memory.get(key) ?? inArea((area) => area.getItem(prefix + key)) ?? '',
    set(key, value) {
      memory.delete(key)
      inArea((area) => area.removeItem(prefix + key))
      if (!value) return
      const kept = inArea((area) => {
        area.setItem(prefix + key, value)
        return true
      })
      if (!kept) memory.set(key, value)
    },
    keys(start) {
      const kept = inArea((area) => Object.keys(area)) ?? []
      const named = kept.filter((key) => key.startsWith(prefix)).map((key) => key.slice(prefix.length))
      return [...new Set([...named, ...memory.keys()])].filter((key) => key.startsWith(start))
    },
  }
}
