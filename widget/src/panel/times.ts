export interface Times {
  /** Hours and minutes, as the visitor's language writes them. */
  clock(at: string): string
  /** `Today`, `Yesterday`, else the date. */
  day(at: string): string
  /** Weekday and time, of a moment within a week. */
  moment(at: string): string
}

const DAY_MS = 86_400_000
const midnight = (at: Date): number => new Date(at.getFullYear(), at.getMonth(), at.getDate()).getTime()

export function createTimes(locale: string, now: () => number): Times {
  const clock = new Intl.DateTimeFormat(locale, { hour: 'numeric', minute: '2-digit' })
  const near = new Intl.RelativeTimeFormat(locale, { numeric: 'auto' })
  const date = new Intl.DateTimeFormat(locale, { dateStyle: 'long' })
  const moment = new Intl.DateTimeFormat(locale, { weekday: 'long', hour: 'numeric', minute: '2-digit' })
  return {
    moment: (at) => moment.format(new Date(at)),
    clock: (at) => clock.format(new Date(at)),
    day(at) {
      const then = new Date(at)
      const today = new Date(now())
      // Days of 23 and 25 hours exist.
      const days = Math.round((midnight(then) - midnight(today)) / DAY_MS)
      if (days === 0 || days === -1) {
        const word = near.format(days, 'day')
        return word.charAt(0).toLocaleUpperCase(locale) + word.slice(1)
      }
      return date.format(then)
    },
  }
}
