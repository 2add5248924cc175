/** Tells the operators that the visitor is writing: seldom, and never after it has stopped. */

import type { Env } from '../carrier'

const AGAIN_MS = 3_000
const PAUSE_MS = 4_000

export interface Typing {
  /** After each change of the field. */
  input(text: string): void
  /** The text was sent, which says by itself that the writing is over. */
  sent(): void
}

export function createTyping(env: Env, tell: (state: 'composing' | 'paused') => void): Typing {
  let composing = false
  let toldAt = 0
  let pause: number | undefined

  const stop = (): void => {
    env.clearTimeout(pause)
    if (composing) tell('paused')
    composing = false
  }

  return {
    input(text) {
      if (!text.trim()) return stop()
      env.clearTimeout(pause)
      pause = env.setTimeout(stop, PAUSE_MS)
      if (composing && env.now() - toldAt < AGAIN_MS) return
      composing = true
      toldAt = env.now()
      tell('composing')
    },
    sent() {
      env.clearTimeout(pause)
      composing = false
    },
  }
}
