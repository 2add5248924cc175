import { CALL_MS, type OpenCarrier } from './carrier'
import { type Failure, failure, failureOf, frame, unavailable } from './wire'

const FIRST_ANSWER_MS = 5_000
const WRONG_ORIGIN = 4403

/** A missing answer ends the socket: behind a sleeping laptop or a silent proxy nothing else tells. */
export const openSocket: OpenCarrier = (env, url, _place, on) => {
  const pending = new Map<number, (failed: Failure | undefined, result?: unknown) => void>()
  let last = 0
  let socket: WebSocket | undefined
  let over = false

  const end = (failed = unavailable()): void => {
    if (over) return
    over = true
    env.clearTimeout(guard)
    for (const settle of pending.values()) settle(failed)
    socket?.close()
    on.lost(failed)
  }

  let guard: number
  /** A proxy that neither refuses nor passes sockets on. */
  const guardFor = (milliseconds: number): void => {
    guard = env.setTimeout(() => end(failure('silent')), milliseconds)
  }
  guardFor(CALL_MS)

  try {
    socket = new env.WebSocket(url.replace(/^http/, 'ws'))
    socket.onopen = () => {
      env.clearTimeout(guard)
      guardFor(FIRST_ANSWER_MS)
      on.opened()
    }
    socket.onclose = ({ code }) => end(code === WRONG_ORIGIN ? failure('forbidden') : undefined)
    socket.onmessage = ({ data }) => {
      env.clearTimeout(guard)
      const { id, params, result, error, token } = JSON.parse(data as string)
      if (token) on.token(token)
      if (params) on.event(params.type, params.data, params.cursor)
      else if (pending.has(id)) pending.get(id)!(error && failureOf(error), result)
      // An error that answers no call is about the connection.
      else if (error) end(failureOf(error))
    }
  } catch {
    // A page's own CSP may forbid the socket; then the constructor throws.
    env.setTimeout(end, 0)
  }

  return {
    call: (method, params) =>
      new Promise((resolve, reject) => {
        const id = ++last
        const timer = env.setTimeout(end, CALL_MS)
        pending.set(id, (failed, result) => {
          pending.delete(id)
          env.clearTimeout(timer)
          if (failed) reject(failed)
          else resolve(result)
        })
        socket!.send(frame(id, method, params))
      }),
    listen() {},
    close: end,
  }
}
