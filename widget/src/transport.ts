/**
 * The connection as one state: idle, opening, greeting, live, or waiting to open again. Whatever
 * carries it, a new page says `hello`, a reconnect says where its cursor stands, and both then get
 * the same events.
 */

import { type Carrier, type CarrierEvents, type Env, type OpenCarrier, PING_MS, type Place } from './carrier'
import { openSocket } from './socket'
import { type Desk, type Failure, type Hello, failure, unavailable } from './wire'

const FIRST_DELAY_MS = 500
const LONGEST_DELAY_MS = 8_000
const SOCKET_AGAIN_MS = 180_000
const SOCKET_TRIES = 2
/** Sockets that live shorter, so many in a row, are cut by a proxy. */
const SHORT_LIFE_MS = 45_000
const SHORT_LIVES = 3

/** Trying again would not help: someone has to mend the page or the site's settings. */
const FINAL = ['unknown_site', 'forbidden', 'invalid']

export interface TransportEvents {
  /** The parameters of `hello`, without the token. */
  greeting(): object
  hello(result: Hello): void
  event(type: string, data: unknown): void
  live(live: boolean): void
  token(token: string): void
  refused(failure: Failure): void
}

export interface Transport {
  start(): void
  stop(): void
  /** The network or the page came back: try now, or see whether the connection still lives. */
  wake(): void
  /** Whether the visitor looks at the panel, so that a dead connection is noticed soon. */
  attend(on: boolean): void
  /** Rejects with a `Failure`; nothing is kept for later. */
  call(method: string, params?: object): Promise<unknown>
}

export function createTransport(
  env: Env,
  url: string,
  token: string,
  on: TransportEvents,
  /** Fetches the other ways, which most browsers never need; called until it succeeds. */
  fetchRequests: () => Promise<OpenCarrier>,
): Transport {
  const place: Place = { token, cursor: '' }
  let running = false
  let carrier: Carrier | undefined
  let live = false
  let bySocket = true
  let attempts = 0
  let socketFailures = 0
  let socketAgainAt = 0
  let shortLives = 0
  let liveSince = 0
  let openRequests: OpenCarrier | undefined
  let notBefore = 0
  let opening: number | undefined
  let pinging: number | undefined

  const setToken = (fresh: string): void => {
    place.token = fresh
    on.token(fresh)
  }

  function setLive(now: boolean): void {
    env.clearTimeout(pinging)
    if (live === now) return
    live = now
    on.live(now)
  }

  function open(): void {
    env.clearTimeout(opening)
    if (!running || carrier) return
    bySocket = socketFailures < SOCKET_TRIES || env.now() >= socketAgainAt
    // Stands for the carrier while its code is on the way.
    let mine: Carrier = { call: () => Promise.reject(unavailable()), listen() {}, close() {} }
    carrier = mine
    // A carrier that has been dropped may still speak; it is not heard.
    const heard =
      <Args extends unknown[]>(act: (...args: Args) => void) =>
      (...args: Args): void => {
        if (mine === carrier) act(...args)
      }
    const events: CarrierEvents = {
      opened: heard(() => void greet(mine)),
      event: heard(receive),
      token: heard(setToken),
      lost: heard(fail),
    }
    const use = heard((openCarrier: OpenCarrier) => {
      carrier = mine = openCarrier(env, url, place, events)
    })
    if (bySocket) use(openSocket)
    else
      Promise.resolve(openRequests ?? fetchRequests()).then(
        (fetched) => use((openRequests = fetched)),
        () => events.lost(unavailable()),
      )
  }

  async function greet(mine: Carrier): Promise<void> {
    const resuming = place.token && place.cursor
    try {
      const result = await mine.call(
        resuming ? 'resume' : 'hello',
        resuming ? { ...place } : { ...on.greeting(), token: place.token || undefined },
      )
      if (mine !== carrier) return
      if (resuming) {
        const desk = (result as { desk?: Desk } | undefined)?.desk
        if (desk) on.event('desk', desk)
      } else {
        const hello = result as Hello
        setToken(hello.token)
        place.cursor = hello.cursor
        on.hello(hello)
      }
      attempts = 0
      if (bySocket) socketFailures = 0
      else socketAgainAt = Math.max(socketAgainAt, env.now() + SOCKET_AGAIN_MS)
      liveSince = env.now()
      setLive(true)
      ping()
      mine.listen()
    } catch (error) {
      if (mine === carrier) fail(error as Failure)
    }
  }

  function receive(type: string, data: unknown, cursor?: string): void {
    if (type === 'reset') return fail(failure(type))
    if (type) on.event(type, data)
    if (cursor) place.cursor = cursor
    // Not while the visitor looks on: what works is good enough, and a try interrupts it.
    if (!bySocket && !type && !place.attended && env.now() >= socketAgainAt) {
      drop()
      open()
    }
  }

  function drop(): void {
    const old = carrier
    carrier = undefined
    old?.close()
    setLive(false)
  }

  function fail(failed: Failure): void {
    const { reason, retryAfter } = failed
    const wasLive = live
    const resuming = place.cursor
    drop()
    if (reason === 'bad_token') setToken('')
    if (reason === 'bad_token' || reason === 'reset') place.cursor = ''
    else if (FINAL.includes(reason)) {
      if (!resuming) {
        running = false
        return on.refused(failed)
      }
      place.cursor = ''
    }
    if (!bySocket) {
      // The server itself is away, so the socket is not to blame and is tried first again.
      if (!wasLive) socketFailures = SOCKET_TRIES - 1
    } else if (!retryAfter) {
      if (reason === 'silent') socketFailures = SOCKET_TRIES
      else if (reason === 'unavailable') blameSocket(wasLive)
      if (socketFailures >= SOCKET_TRIES) socketAgainAt = env.now() + SOCKET_AGAIN_MS
    }
    // Spread from when the server allows it, since it tells many browsers the same.
    const backoff = env.random() * Math.min(LONGEST_DELAY_MS, FIRST_DELAY_MS * 2 ** attempts++)
    notBefore = env.now() + (retryAfter && retryAfter * 1000 + backoff)
    opening = env.setTimeout(open, retryAfter * 1000 + backoff)
  }

  /** One that was refused, or that was cut after it had worked. */
  function blameSocket(wasLive: boolean): void {
    if (!wasLive) socketFailures++
    else if (env.now() - liveSince >= SHORT_LIFE_MS) shortLives = 0
    else if (++shortLives >= SHORT_LIVES) {
      shortLives--
      socketFailures = SOCKET_TRIES
    }
  }

  function check(): void {
    const mine = carrier
    mine?.call('ping', {}).then(ping, (failed) => {
      if (mine === carrier) fail(failed)
    })
  }

  function ping(): void {
    env.clearTimeout(pinging)
    if (place.attended && live) pinging = env.setTimeout(check, PING_MS)
  }

  return {
    start() {
      if (running) return
      running = true
      open()
    },
    stop() {
      running = false
      env.clearTimeout(opening)
      drop()
    },
    wake() {
      if (!running) return
      if (live) check()
      if (carrier) return
      env.clearTimeout(opening)
      opening = env.setTimeout(open, Math.max(0, notBefore - env.now()))
    },
    attend(now) {
      place.attended = now
      if (now && live) carrier!.listen()
      ping()
    },
    async call(method, params = {}) {
      const mine = carrier
      if (!mine || !live) throw unavailable()
      try {
        return await mine.call(method, params)
      } catch (error) {
        if (mine === carrier && (error as Failure).reason === 'bad_token') fail(error as Failure)
        throw error
      }
    },
  }
}
