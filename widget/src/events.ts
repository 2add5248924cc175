/**
 * The events as a stream: server-sent events, answered to a POST so that the token stays out of the
 * address. The server begins with a comment and sends one at least every 45 s, or every PING_MS if
 * the visitor looks on: a ping goes by another connection and says nothing of this one. Where it
 * ends the stream itself, it says before when to come back (`retry`, in milliseconds).
 */

import { CALL_MS, type CarrierEvents, PING_MS, type Place } from './carrier'
import type { Post } from './post'
import { unavailable } from './wire'

/** Nothing by then: a proxy collects the answer until its end, which never comes. */
const FIRST_MS = 5_000
const SILENCE_MS = 50_000

type Heard = (type: string, data: string, id: string | undefined) => void

/** Gives the function that takes the stream's text, in whatever pieces it comes. */
export function createParser(on: Heard, retry: (milliseconds: number) => void): (text: string) => void {
  let rest = ''
  let type = ''
  let id: string | undefined
  let data: string[] = []

  function line(text: string): void {
    if (!text) {
      if (type && data.length) on(type, data.join('\n'), id)
      type = ''
      id = undefined
      data = []
    }
    const [, name, value = ''] = /^(\w+)(?:: ?([^]*))?$/.exec(text) ?? []
    if (name === 'event') type = value
    else if (name === 'id') id = value
    else if (name === 'data') data.push(value)
    else if (name === 'retry') retry(Number(value) || 0)
  }

  return (text) => {
    const lines = (rest + text).split('\n')
    rest = lines.pop()!
    for (const each of lines) line(each.replace(/\r$/, ''))
  }
}

/** Rejects when the stream ends or breaks, or is refused; `came` is called for all that comes. */
export function hearEvents(
  post: Post,
  { attended }: Readonly<Place>,
  on: CarrierEvents,
  came: () => void,
): Promise<void> {
  let retry = 0
  const parse = createParser(
    (type, data, id) => on.event(type, JSON.parse(data), id),
    (milliseconds) => (retry = milliseconds),
  )
  const decoder = new TextDecoder()
  return post.stream('/events', FIRST_MS, async (body, within) => {
    const reader = body.getReader()
    for (;;) {
      const { done, value } = await reader.read()
      if (done) throw unavailable('the stream has ended', retry / 1000)
      within(attended ? PING_MS + CALL_MS : SILENCE_MS)
      came()
      parse(decoder.decode(value, { stream: true }))
      // A comment is no event, but says that all is well.
      on.event('', undefined)
    }
  })
}
