/** The function `parley(…)`, as pages call it. */

import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { type Api, createApi } from '../src/api'

const consent = vi.fn()
const carry = vi.fn()
const parley = (...call: unknown[]): void => window.parley!(...call)
const later = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 0))

/** As the documentation has it, in a page that calls before the script has loaded. */
function queue(): void {
  window.parley = function () {
    ;(window.parley!.q = window.parley!.q || []).push(arguments)
  }
}
const create = (): Api => createApi(consent)!

beforeEach(() => void vi.clearAllMocks())
afterEach(() => void delete window.parley)

describe('calls', () => {
  it('are carried out in their order, those first that were made before', async () => {
    queue()
    parley('identify', { id: '42' })
    parley('open')
    const api = create()
    await later()
    parley('say', 'Hello')
    expect(carry).not.toHaveBeenCalled()
    api.serve(carry)
    parley('close')
    expect(carry.mock.calls).toEqual([['identify', { id: '42' }], ['open', undefined], ['say', 'Hello'], ['close', undefined]])
  })
  it('may be made by a function that the page took aside', async () => {
    const api = create()
    const { parley: aside } = window
    api.serve(carry)
    aside!('toggle')
    expect(carry).toHaveBeenCalledWith('toggle', undefined)
  })
  it('may be a consent, queued or not', async () => {
    queue()
    parley('consent')
    create()
    await later()
    parley('consent')
    expect(consent).toHaveBeenCalledTimes(2)
  })
  it('are those of the first copy of the script', () => {
    create()
    const first = window.parley
    expect(createApi(consent)).toBeUndefined()
    expect(window.parley).toBe(first)
  })
})

describe('events', () => {
  it('are told to who listened before the script had loaded', async () => {
    queue()
    const heard = vi.fn()
    parley('on', 'unread', heard)
    const api = create()
    await later()
    api.emit('unread', 1)
    api.emit('desk', { state: 'online' })
    await later()
    expect(heard.mock.calls).toEqual([[1]])
  })
  it('are told to who comes late, if they still hold', async () => {
    const api = create()
    api.emit('ready')
    api.emit('desk', { state: 'busy' })
    api.emit('desk', { state: 'online' })
    api.emit('message', { seq: 1 }, true)
    const heard: unknown[] = []
    for (const name of ['ready', 'desk', 'message', 'unread']) parley('on', name, (data: unknown) => heard.push([name, data]))
    await later()
    expect(heard).toEqual([
      ['ready', undefined],
      ['desk', { state: 'online' }],
    ])
  })
  it('reach every listener, and none of them while the page is in the middle of something', async () => {
    const api = create()
    const heard: number[] = []
    parley('on', 'open', () => heard.push(1))
    parley('on', 'open', () => heard.push(2))
    api.emit('open', undefined, true)
    expect(heard).toEqual([])
    await later()
    expect(heard).toEqual([1, 2])
  })
})
