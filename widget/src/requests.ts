/** The connection where WebSockets do not work, as `first.ts` is it elsewhere. */

import type { Carrier, Env, Place } from './carrier'
import type { Link, LinkEvents } from './first'
import { createWays } from './ways'
import { FINAL, type Failure, type Hello } from './wire'

const DELAY_MS = 500
const LONGEST_DELAY_MS = 8_000

export function createRequestLink(env: Env, url: string, place: Readonly<Place>, on: LinkEvents): Link {
  const openCarrier = createWays()
  let running = false
  let live = false
  let attempts = 0
  let notBefore = 0
  let timer: number | undefined
  let carrier: Carrier | undefined
  /** Counts the carriers: one that has been dropped may still speak, and is not heard. */
  let turn = 0

  function open(): void {
    env.clearTimeout(timer)
    if (!running || carrier) return
    const mine = ++turn
    const heard =
      <Args extends unknown[]>(act: (...args: Args) => void) =>
      (...args: Args): void => {
        if (mine === turn) act(...args)
      }
    carrier = openCarrier(env, url, place, {
      opened: heard(greet),
      event: heard(on.event),
      token: heard(on.token),
      lost: heard(fail),
    })
  }

  async function greet(): Promise<void> {
    const mine = turn
    try {
      const result = await carrier!.call(...on.greeting())
      if (mine !== turn) return
      // `resume` is a poll here, whose events have told all.
      if (result) on.hello(result as Hello)
      attempts = 0
      on.live((live = true))
      carrier!.listen()
    } catch (error) {
      if (mine === turn) fail(error as Failure)
    }
  }

  function drop(): void {
    const old = carrier
    carrier = undefined
    turn++
    old?.close()
    on.live((live = false))
  }

  function fail({ reason, message, retryAfter }: Failure): void {
    const worked = live
    drop()
    if (reason === 'bad_token') on.token('')
    if (FINAL.includes(reason)) {
      running = false
      return on.refused(message)
    }
    // Spread from when the server allows it, since it tells many browsers the same.
    const pause = retryAfter * 1000 + env.random() * Math.min(LONGEST_DELAY_MS, DELAY_MS * 2 ** attempts++)
    notBefore = retryAfter && env.now() + pause
    timer = env.setTimeout(open, pause)
    // Then it is the server that is away, and sockets are not to blame.
    if (!worked && !retryAfter) on.unable()
  }

  return {
    start() {
      running = true
      open()
    },
    stop() {
      running = false
      env.clearTimeout(timer)
      drop()
    },
    wake() {
      const mine = turn
      if (live) {
        carrier!.call('ping', {}).catch((failed) => {
          if (mine === turn) fail(failed)
        })
      } else if (env.now() >= notBefore) open()
    },
    tell(method, params, settle) {
      carrier!.call(method, params).then(
        (result) => {
          settle?.(undefined, result)
          // What is under way goes on from a cursor in which the room has no place.
          if (method === 'join') {
            drop()
            open()
          }
        },
        ({ message, reason, retryAfter }: Failure) => settle?.({ message, data: { reason, retry_after: retryAfter } }),
      )
    },
    attend: () => carrier?.listen(),
  }
}
