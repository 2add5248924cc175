/**
 * The loader's connection, as the panel uses it: it goes on from the cursor, calls have answers, it
 * is watched while somebody looks on, and where sockets do not work requests take its place.
 */

import { type Env, PING_MS } from '../carrier'
import type { Link, LinkEvents } from '../first'
import type { Shell } from '../shell'
import { type Desk, type Failure, type Talk, failureOf, unavailable } from '../wire'
import { fetchPart } from './parts'

const SOCKET_AGAIN_MS = 180_000
const DELAY_MS = 500
const LONGEST_DELAY_MS = 8_000

export interface Connection {
  /** Whatever it is by now. */
  readonly link: Link
  /** Rejects with a `Failure`; nothing is kept for later. */
  call(method: string, params?: object): Promise<unknown>
  /** Whether the visitor looks at the panel, so that a dead connection is noticed soon. */
  attend(on: boolean): void
  /** To be told of each change; `wanted`: whether this tab is to have a connection at all. */
  live(live: boolean, wanted: boolean): void
}

export function connect(env: Env, { base, place, events, link: socket }: Pick<Shell, 'base' | 'place' | 'events' | 'link'>): Connection {
  let link = socket
  let requests: Link | undefined
  let running = false
  let live = false
  let attempts = 0
  let socketAgainAt = 0
  let pinging: number | undefined
  const { greeting, hello, event, refused } = events

  /** What there is comes by `hello`. */
  function reset(): void {
    place.cursor = ''
    change(link)
  }

  /** To the other way, or anew, after a pause: if it was the server that failed, it will for a while. */
  function change(to: Link): void {
    link.stop()
    link = to
    const pause = env.random() * Math.min(LONGEST_DELAY_MS, DELAY_MS * 2 ** attempts++)
    env.setTimeout(() => {
      if (running) link.start()
    }, pause)
  }

  function leaveSockets(): void {
    socketAgainAt = env.now() + SOCKET_AGAIN_MS
    if (requests) change(requests)
    else
      fetchPart(base, 'requests').then(
        ({ createRequestLink }) => {
          requests = createRequestLink(env, `${base}rpc`, place, { ...events, unable: () => change(socket) })
          change(requests)
        },
        // The socket is tried on.
        () => {},
      )
  }

  Object.assign(events, {
    greeting: () => (place.token && place.cursor ? ['resume', { ...place }] : greeting()),
    hello(result) {
      if (result.messages) return hello(result)
      const { desk, talk } = result as { desk: Desk; talk: Talk }
      event('desk', desk)
      event('talk', talk)
    },
    event(type, data, cursor) {
      if (type === 'reset') return reset()
      if (type) event(type, data, cursor)
      else if (cursor) place.cursor = cursor
      // Not while the visitor looks on: what works is good enough, and a try interrupts it.
      if (!type && !place.attended && link !== socket && env.now() >= socketAgainAt) change(socket)
    },
    refused(message) {
      if (place.cursor) reset()
      else refused(message)
    },
    unable: leaveSockets,
  } satisfies Partial<LinkEvents>)

  function ping(): void {
    env.clearTimeout(pinging)
    if (!place.attended) return
    pinging = env.setTimeout(() => {
      link.wake()
      ping()
    }, PING_MS)
  }

  return {
    link: {
      start() {
        running = true
        link.start()
      },
      stop() {
        running = false
        link.stop()
      },
      wake: () => link.wake(),
      tell: (...call) => link.tell(...call),
    },
    async call(method, params = {}) {
      if (!live) throw unavailable()
      try {
        return await new Promise((resolve, reject) => {
          link.tell(method, params, (error, result) => {
            if (result) resolve(result)
            else reject(error ? failureOf(error) : unavailable())
          })
        })
      } catch (error) {
        if ((error as Failure).reason === 'bad_token') {
          events.token('')
          reset()
        }
        throw error
      }
    },
    attend(on) {
      place.attended = on
      if (on && live) link.attend?.()
      ping()
    },
    live(now, wanted) {
      running = wanted
      live = now
      if (now) attempts = 0
    },
  }
}
