/** The outermost layer, replaced: time, chance, sockets and requests. */

import { vi } from 'vitest'
import type { Env } from '../src/carrier'
import type { Hello, Message, Settings } from '../src/wire'

/** Lets promises that are due settle. */
export const settle = async (): Promise<void> => {
  for (let turn = 0; turn < 60; turn++) await Promise.resolve()
}

export class FakeClock {
  now = Date.parse('2026-03-04T10:00:00Z')
  private last = 0
  private readonly timers = new Map<number, { at: number; run: () => void }>()

  readonly setTimeout = (run: (...args: any[]) => void, milliseconds = 0, ...args: unknown[]): number => {
    this.timers.set(++this.last, { at: this.now + milliseconds, run: () => run(...args) })
    return this.last
  }

  readonly clearTimeout = (timer: number | undefined): void => {
    if (timer !== undefined) this.timers.delete(timer)
  }

  /** How many have been set and neither fallen due nor been cleared. */
  get waiting(): number {
    return this.timers.size
  }

  /** Runs what falls due within so many milliseconds, in order. */
  async pass(milliseconds: number): Promise<void> {
    const until = this.now + milliseconds
    for (;;) {
      await settle()
      const due = [...this.timers].filter(([, { at }]) => at <= until).sort(([, a], [, b]) => a.at - b.at)[0]
      if (!due) break
      this.timers.delete(due[0])
      this.now = Math.max(this.now, due[1].at)
      due[1].run()
    }
    this.now = until
    await settle()
  }
}

interface Frame {
  readonly id: number
  readonly method: string
  readonly params: any
}

export class FakeSocket {
  onopen: (() => void) | null = null
  onclose: ((event: { code: number }) => void) | null = null
  onmessage: ((event: { data: string }) => void) | null = null
  readonly frames: Frame[] = []
  closed = false
  private opened = false

  constructor(readonly url: string) {}

  /** As the browser's: an error before it is open, and nothing after it is closed. */
  send(data: string): void {
    if (!this.opened) throw new DOMException('still connecting', 'InvalidStateError')
    if (!this.closed) this.frames.push(JSON.parse(data))
  }
  close(): void {
    this.closed = true
  }

  /** From here on, the server's side; of a socket that is closed the browser hears only the end. */
  accept(): void {
    if (this.closed) return
    this.opened = true
    this.onopen?.()
  }
  drop(code = 1006): void {
    this.closed = true
    this.onclose?.({ code })
  }
  receive(frame: object): void {
    if (this.closed) return
    this.onmessage?.({ data: JSON.stringify(frame) })
  }
  event(type: string, data: unknown, cursor = ''): void {
    this.receive({ jsonrpc: '2.0', method: 'event', params: { cursor, type, data } })
  }
  calls(method: string): Frame[] {
    return this.frames.filter((frame) => frame.method === method)
  }
  last(method: string): Frame {
    const frame = this.calls(method).pop()
    if (!frame) throw new Error(`no ${method} was called; there were ${this.frames.map(({ method }) => method)}`)
    return frame
  }
  answer(method: string, result: unknown, beside: object = {}): void {
    this.receive({ jsonrpc: '2.0', id: this.last(method).id, result, ...beside })
  }
  refuse(method: string, reason: string, data: object = {}): void {
    const error = { code: -32000, message: `refused: ${reason}`, data: { reason, ...data } }
    this.receive({ jsonrpc: '2.0', id: this.last(method).id, error })
  }
}

interface Request {
  readonly method: string
  readonly params: any
  readonly answer: (result: unknown, beside?: object) => void
  readonly refuse: (status: number, body: string, headers?: Record<string, string>) => void
  readonly fail: () => void
}

/** The answer to a request for a stream, from the server's side. */
export class FakeStream {
  open = true
  private controller!: ReadableStreamDefaultController<Uint8Array>
  private readonly body = new ReadableStream<Uint8Array>({ start: (controller) => void (this.controller = controller) })

  constructor(
    readonly params: any,
    private readonly resolve: (response: Response) => void,
    private readonly reject: (error: Error) => void,
  ) {}

  /** Only the head. */
  accept(type = 'text/event-stream'): void {
    this.resolve(new Response(this.body, { headers: { 'Content-Type': type } }))
  }
  begin(): void {
    this.accept()
    this.send(': here\n\n')
  }
  send(text: string): void {
    this.controller.enqueue(new TextEncoder().encode(text))
  }
  event(type: string, data: unknown, cursor: string): void {
    this.send(`id: ${cursor}\nevent: ${type}\ndata: ${JSON.stringify(data)}\n\n`)
  }
  end(): void {
    if (this.open) this.controller.close()
    this.open = false
  }
  fail(): void {
    if (this.open) this.controller.error(new TypeError('network error'))
    this.open = false
    this.reject(new TypeError('Failed to fetch'))
  }
  refuse(status: number, body: string, headers: Record<string, string> = {}): void {
    this.resolve(new Response(body, { status, headers }))
  }
}

/** A server that does what the test says, and nothing else; and the clock by which it is reached. */
export class FakeServer {
  readonly clock = new FakeClock()
  readonly sockets: FakeSocket[] = []
  readonly requests: Request[] = []
  readonly streams: FakeStream[] = []
  /** What the parts are given; `install` is for those that use the browser's own. */
  readonly env: Env

  constructor(random = 1) {
    const { clock, requests, streams } = this
    this.env = {
      setTimeout: clock.setTimeout,
      clearTimeout: clock.clearTimeout,
      now: () => clock.now,
      random: () => random,
      fetch: ((url: string, { body, signal }: { body: string; signal: AbortSignal }) =>
        new Promise((resolve, reject) => {
          if (url.endsWith('/events')) {
            const stream = new FakeStream(JSON.parse(body), resolve, reject)
            signal.addEventListener('abort', () => stream.fail())
            streams.push(stream)
            return
          }
          const { id, method, params } = JSON.parse(body)
          const respond = (status: number, text: string, headers = {}): void =>
            resolve(new Response(text, { status, headers }))
          signal.addEventListener('abort', () => reject(new Error('aborted')))
          requests.push({
            method,
            params,
            answer: (result, beside = {}) => respond(200, JSON.stringify({ jsonrpc: '2.0', id, result, ...beside })),
            refuse: respond,
            fail: () => reject(new TypeError('Failed to fetch')),
          })
        })) as unknown as typeof fetch,
    }
  }

  /** Puts all of it in the place of the browser's own, until the test is over. */
  install(): this {
    const { sockets, env } = this
    class Socket extends FakeSocket {
      constructor(url: string) {
        super(url)
        sockets.push(this)
      }
    }
    vi.stubGlobal('WebSocket', Socket)
    for (const name of ['setTimeout', 'clearTimeout', 'fetch'] as const) vi.stubGlobal(name, env[name])
    vi.spyOn(Date, 'now').mockImplementation(env.now)
    vi.spyOn(Math, 'random').mockImplementation(env.random)
    return this
  }

  get socket(): FakeSocket {
    const socket = this.sockets[this.sockets.length - 1]
    if (!socket) throw new Error('no socket was opened')
    return socket
  }
  get stream(): FakeStream {
    const stream = this.streams[this.streams.length - 1]
    if (!stream) throw new Error('no stream was asked for')
    return stream
  }
  request(method: string): Request {
    const request = this.requests.filter((request) => request.method === method).pop()
    if (!request) throw new Error(`no ${method} was posted`)
    return request
  }
}

export const AT = '2026-03-04T09:59:00.000Z'

export const fromDesk = (seq: number, body = `desk ${seq}`, more: Partial<Message> = {}): Message => ({
  conversation: 'desk',
  seq,
  id: `s${seq}`,
  from: { kind: 'operator', id: 'o-1', name: 'Ada' },
  body,
  at: AT,
  ...more,
})

export const own = (seq: number, id: string, body = `own ${id}`): Message =>
  fromDesk(seq, body, { id, from: { kind: 'visitor', id: 'v-1', name: '', self: true } })

export const settings: Settings = {
  title: 'Acme Outfitters',
  look: { style: '' },
  forms: { pre_chat: [], offline: [], rating: false },
  triggers: [],
}

export const helloOf = (messages: readonly Message[] = [], more: Partial<Hello> = {}): Hello => ({
  token: 'token-1',
  visitor: { id: 'v-1' },
  desk: { state: 'online', name: 'Acme' },
  talk: { state: 'quiet' },
  cursor: 'cursor-1',
  messages,
  unread: messages.filter(({ from }) => from.kind === 'operator').length,
  more: false,
  settings,
  limits: { message_chars: 4000 },
  ...more,
})
