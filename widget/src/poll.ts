/** The events by asking for them; the server answers once there is one, or after `wait` seconds. */

import { CALL_MS, type CarrierEvents, type Place } from './carrier'
import type { Post } from './post'
import type { Polled } from './wire'

export async function poll(post: Post, place: Readonly<Place>, on: CarrierEvents, wait: number): Promise<void> {
  const { cursor, events } = (await post.call(
    'poll',
    { cursor: place.cursor, wait },
    wait * 1000 + CALL_MS,
  )) as Polled
  for (const { type, data } of events) on.event(type, data)
  // After a `reset` among the events nobody listens, and the new cursor comes from `hello`.
  on.event('', undefined, cursor)
}
