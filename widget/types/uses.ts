/** What the published types allow and forbid; only ever type checked. */

import type { Desk, Message } from '../src/wire'
import type { ParleyDesk, ParleyIdentity, ParleyMessage } from './parley'

// As the documentation has it.
window.parley =
  window.parley ||
  function () {
    ;(parley.q = parley.q || []).push(arguments)
  }

parley('open')
parley('close')
parley('toggle')
parley('consent')
parley('say', 'Hello')
parley('identify', { id: '42' })
parley('identify', { id: '42', name: 'Bo', email: 'bo@example.org', hash: 'c0ffee' })
window.parley?.('open')

parley('on', 'ready', () => {})
parley('on', 'open', () => {})
parley('on', 'close', () => {})
parley('on', 'unread', (count) => count.toFixed())
parley('on', 'desk', ({ state, name, queue }) => [state === 'online', name?.trim(), queue?.toFixed()])
parley('on', 'message', ({ from, body, reactions }) => [from.self, body.trim(), reactions?.[0]?.emoji])

const element = document.querySelector('parley-chat')
element?.style.setProperty('--parley-accent', 'teal')
element?.shadowRoot.querySelector('button')?.click()

// @ts-expect-error There is no such command.
parley('opened')
// @ts-expect-error It takes nothing.
parley('open', false)
// @ts-expect-error What is to be said?
parley('say')
// @ts-expect-error A text, and nothing else.
parley('say', 7)
// @ts-expect-error Who?
parley('identify', { name: 'Bo' })
// @ts-expect-error The hash is made of the secret, by the site's server.
parley('identify', { id: '42', secret: 'never' })
// @ts-expect-error There is no such event.
parley('on', 'opened', () => {})
// @ts-expect-error The callback is missing.
parley('on', 'open')
// @ts-expect-error It is a number.
parley('on', 'unread', (count: string) => count)
// @ts-expect-error Messages are not the listener's to change.
parley('on', 'message', (message) => (message.body = ''))

/** What the widget passes on is what is promised. */
export const passed: [ParleyMessage, ParleyDesk] = [{} as Message, {} as Desk]
export const promised: [Message, Desk] = [{} as ParleyMessage, {} as ParleyDesk]
export const identity: ParleyIdentity = { id: '42' }
