/** Requests to the server: every one of them is a POST, has a time limit, and ends with the carrier. */

import { CALL_MS, type CarrierEvents, type Env, type Place } from './carrier'
import { type Failure, failure, failureOf, frame, unavailable } from './wire'

export interface Post {
  call(method: string, params: object, milliseconds?: number): Promise<unknown>
  /**
   * Asks for an answer without an end, and reads it with `read`, which sets the time limit anew by
   * `within`. Rejects with the server's refusal, or as `unavailable`.
   */
  stream(path: string, milliseconds: number, read: Read): Promise<void>
  drop(): void
}

type Read = (body: ReadableStream<Uint8Array>, within: (milliseconds: number) => void) => Promise<void>

export function createPost(
  env: Env,
  url: string,
  place: Readonly<Place>,
  on: CarrierEvents,
  /** The server asks, by the HTTP status, to be left alone for a while, whatever the call. */
  overloaded: (failed: Failure) => void,
): Post {
  const running = new Set<AbortController>()
  let last = 0
  let dropped = false

  async function request<T>(
    address: string,
    body: string,
    milliseconds: number,
    use: (response: Response, within: (milliseconds: number) => void) => Promise<T>,
  ): Promise<T> {
    if (dropped) throw unavailable()
    const request = new AbortController()
    let timer: number | undefined
    const within = (milliseconds: number): void => {
      env.clearTimeout(timer)
      timer = env.setTimeout(() => request.abort(), milliseconds)
    }
    running.add(request)
    within(milliseconds)
    try {
      // A string body is text/plain, which needs no preflight.
      const response = await env.fetch(address, {
        method: 'POST',
        body,
        credentials: 'omit',
        signal: request.signal,
      })
      return await use(response, within)
    } catch (error) {
      throw (error as Failure).reason ? error : unavailable()
    } finally {
      env.clearTimeout(timer)
      running.delete(request)
      // What is left of an answer that nobody reads any more is not to hold its connection.
      request.abort()
    }
  }

  /** In seconds; the header is either a number of them or a date. */
  function retryAfter({ headers }: Response): number {
    const text = headers.get('Retry-After') ?? ''
    return Math.max(0, Number(text) || (Date.parse(text) - env.now()) / 1000 || 0)
  }

  async function resultOf(response: Response): Promise<unknown> {
    const { ok, status } = response
    const later = retryAfter(response)
    const answer = await response.json().catch(() => ({}))
    if (answer.token) on.token(answer.token)
    if (ok && answer.result !== undefined) return answer.result
    const told = answer.error ? failureOf(answer.error) : unavailable(`HTTP ${status}`)
    const failed = failure(told.reason, told.message, told.retryAfter || later)
    if (!ok && failed.retryAfter) overloaded(failed)
    throw failed
  }

  return {
    call: (method, params, milliseconds = CALL_MS) =>
      request(url, frame(++last, method, { token: place.token || undefined, ...params }), milliseconds, resultOf),
    stream: (path, milliseconds, read) =>
      request(url + path, JSON.stringify(place), milliseconds, async (response, within) => {
        const { ok, headers, body } = response
        if (ok && body && headers.get('Content-Type')?.startsWith('text/event-stream')) await read(body, within)
        else await resultOf(response)
      }),
    drop() {
      dropped = true
      for (const request of running) request.abort()
    },
  }
}
