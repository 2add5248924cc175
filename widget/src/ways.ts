/**
 * What carries calls and events where WebSockets do not: POST for calls, and for events a stream or
 * else the long poll, whichever the proxies between let through.
 */

import { type Carrier, type OpenCarrier, PING_MS } from './carrier'
import { hearEvents } from './events'
import { poll } from './poll'
import { type Post, createPost } from './post'
import { type Failure, unavailable } from './wire'

const LONGEST_WAIT_S = 25
const SHORTEST_WAIT_S = 5
/** Streams that end sooner, so many in a row, are cut by a proxy that allows short requests only. */
const SHORT_LIFE_MS = 20_000
const SHORT_LIVES = 3
/** Then so long none is tried: each try may delay an event by as long as the proxy is silent. */
const STREAM_AGAIN_MS = 600_000
const FIRST_DELAY_MS = 500
const LONGEST_DELAY_MS = 8_000

/** What one connection learns of the proxies holds for the next. */
export function createWays(): OpenCarrier {
  let streamAgainAt = 0
  let shortLives = 0
  let wait = LONGEST_WAIT_S

  return (env, url, place, on): Carrier => {
    let over = false
    /** What events come by, and whether it was asked for by who looks on; if that changes, it does. */
    let ear: Post | undefined
    let earAttended: boolean | undefined

    const end = (failed = unavailable()): void => {
      if (over) return
      over = true
      post.drop()
      ear?.drop()
      on.lost(failed)
    }
    const post = createPost(env, url, place, on, end)
    const pause = (longest: number): Promise<void> =>
      new Promise((resolve) => env.setTimeout(resolve, env.random() * longest))

    /** A stream broke while the server could be reached, after so long; `came` if it brought anything. */
    function blameStream(came: boolean, life: number): void {
      shortLives = life < SHORT_LIFE_MS ? shortLives + 1 : 0
      if (came && shortLives < SHORT_LIVES) return
      shortLives = SHORT_LIVES - 1
      streamAgainAt = env.now() + STREAM_AGAIN_MS
      wait = LONGEST_WAIT_S
    }

    async function follow(): Promise<void> {
      let failures = 0
      while (!over) {
        const began = env.now()
        const streaming = began >= streamAgainAt
        const mine = (ear = createPost(env, url, place, on, end))
        const attended = (earAttended = place.attended)
        let came = false
        try {
          if (streaming)
            await hearEvents(mine, place, on, () => {
              came = true
              if (attended && !place.attended) mine.drop()
            })
          else {
            await poll(mine, place, on, attended ? Math.min(wait, PING_MS / 1000) : wait)
            failures = 0
            continue
          }
        } catch (error) {
          const { reason, retryAfter } = error as Failure
          if (reason !== 'unavailable' || retryAfter) throw error
        }
        // Given up by ourselves, or else found out at the next try.
        if (over || attended !== place.attended) continue
        const life = env.now() - began
        // Brings what was missed; if it fails too, it is not the proxies, and the connection is lost.
        await pause(FIRST_DELAY_MS)
        await poll(post, place, on, 0)
        if (streaming) blameStream(came, life)
        else wait = Math.max(SHORTEST_WAIT_S, wait / 2)
        failures = life < SHORT_LIFE_MS ? failures + 1 : 0
        await pause(Math.min(LONGEST_DELAY_MS, FIRST_DELAY_MS * 2 ** failures))
      }
    }

    env.setTimeout(() => over || on.opened(), 0)

    return {
      call: (method, params) => (method === 'resume' ? poll(post, place, on, 0) : post.call(method, params)),
      listen() {
        if (!ear) follow().catch((error: Failure) => end(error.reason ? error : unavailable()))
        else if (!earAttended) ear.drop()
      },
      close: end,
    }
  }
}
