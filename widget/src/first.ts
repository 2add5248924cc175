/**
 * The connection as most browsers have it: a WebSocket, opened again whenever it breaks. The loader
 * says `hello` on it, and the panel, which has something to go on from, `resume`. Where sockets do
 * not work the panel puts `requests.ts` in its place.
 */

import { CALL_MS } from './carrier'
import { type ErrorFrame, FINAL, type Hello, frame } from './wire'

/** Sockets that live shorter, so many in a row, are cut by a proxy. */
const SHORT_LIFE_MS = 45_000
const SHORT_LIVES = 3
const DELAY_MS = 500
const LONGEST_DELAY_MS = 8_000

/** With an error or a result, or neither if the connection broke. */
export type Settle = (error?: ErrorFrame, result?: unknown) => void

export interface LinkEvents {
  /** The call that begins each connection: `hello` or `resume`, and its parameters. */
  greeting(): [method: string, params: object]
  hello(result: Hello): void
  /** `type` may be empty: then only the cursor has moved. */
  event(type: string, data: unknown, cursor?: string): void
  /** Also told again of what is so already. */
  live(live: boolean): void
  token(token: string): void
  /** For good: somebody has to mend the page or the site's settings. */
  refused(message: string): void
  /** It looks as if sockets did not work here. */
  unable(): void
}

export interface Link {
  start(): void
  stop(): void
  /** The network or the page came back: try now, or see whether the connection still lives. */
  wake(): void
  /** Only while it is live. */
  tell(method: string, params: object, settle?: Settle): void
  /** Somebody looks on now, where that makes a difference. */
  attend?(): void
}

export function createFirst(url: string, on: LinkEvents): Link {
  let running = false
  let live = false
  let failures = 0
  let shortLives = 0
  let since = 0
  let socket: WebSocket | undefined
  /** Of the calls on this socket, whose ids begin at 1; of the answered ones nothing is left. */
  let settles: (Settle | undefined)[] = []
  let unanswered = 0
  /** Until the next try or, while there is a socket, until its silence is too long. */
  let timer: number | undefined
  /** How long the server asked not to be tried again, in seconds, when it was last lost. */
  let held = 0

  function within(milliseconds: number, run: () => void): void {
    clearTimeout(timer)
    timer = window.setTimeout(run, milliseconds)
  }

  function tell(method: string, params: object, settle?: Settle): void {
    // A call that follows does not make the silence any shorter.
    if (!unanswered++) within(CALL_MS, silent)
    socket!.send(frame(settles.push(settle), method, params))
  }

  function open(): void {
    if (!running || socket) return
    within(CALL_MS, silent)
    try {
      socket = new WebSocket(url.replace(/^http/, 'ws'))
    } catch {
      // A page's own policy may forbid it.
      return lose()
    }
    socket.onopen = () => tell(...on.greeting(), greeted)
    socket.onclose = () => lose()
    socket.onmessage = ({ data }) => {
      clearTimeout(timer)
      const { id, params, result, error, token } = JSON.parse(data as string)
      if (token) on.token(token)
      if (params) on.event(params.type, params.data, params.cursor)
      else if (id) {
        unanswered--
        settles[id - 1]?.(error, result)
        delete settles[id - 1]
      } else refused(error)
      if (unanswered) within(CALL_MS, silent)
    }
  }

  function silent(): void {
    // A proxy that neither refuses sockets nor passes them on.
    if (!live) failures++
    lose()
  }

  const greeted: Settle = (error, result) => {
    if (error) refused(error)
    else if (result) {
      failures = 0
      since = Date.now()
      live = true
      on.hello(result as Hello)
      on.live(live)
    }
  }

  /** The server refuses the connection, or its first call. */
  function refused({ message, data: { reason, retry_after } }: ErrorFrame): void {
    if (reason === 'bad_token') on.token('')
    if (FINAL.includes(reason)) {
      running = false
      on.refused(message)
    }
    lose(retry_after)
  }

  /** `wait` in seconds, where the server asks for it. */
  function lose(wait = 0): void {
    const worked = live
    drop()
    if (!running) return
    if (worked) shortLives = Date.now() - since < SHORT_LIFE_MS ? shortLives + 1 : 0
    else if (!wait) failures++
    if (!wait && (failures > 1 || shortLives >= SHORT_LIVES)) on.unable()
    const longest = Math.min(LONGEST_DELAY_MS, DELAY_MS * 2 ** (failures + (shortLives >> 1)))
    within((held = wait) * 1000 + Math.random() * longest, open)
  }

  function drop(): void {
    clearTimeout(timer)
    if (socket) {
      // Of the rest nothing comes any more.
      socket.onclose = null
      socket.close()
    }
    socket = undefined
    on.live((live = false))
    for (const settle of settles) settle?.()
    settles = []
    unanswered = 0
  }

  return {
    start() {
      running = true
      open()
    },
    stop() {
      running = false
      drop()
    },
    wake() {
      if (live) tell('ping', {})
      else if (!held) open()
    },
    tell,
  }
}
