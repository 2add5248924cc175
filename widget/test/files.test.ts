/** Files of the visitor's, from the button, the pointer or the clipboard to the outbox. */

import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { mount } from '../src/parts/files'
import { Bench, HOSTILE } from './bench'
import { settle } from './fakes'

/** A request whose fate is the test's. */
class FakeRequest {
  static all: FakeRequest[] = []
  readonly upload: { onprogress?: (event: { loaded: number }) => void } = {}
  onloadend: (() => void) | undefined
  status = 0
  url = ''
  aborted = false
  file: File | undefined
  constructor() {
    FakeRequest.all.push(this)
  }
  open(method: string, url: string): void {
    expect(method).toBe('PUT')
    this.url = url
  }
  send(file: File): void {
    this.file = file
  }
  abort(): void {
    this.aborted = true
    this.onloadend!()
  }
  /** With no status, the connection breaks. */
  async end(status = 0): Promise<void> {
    this.status = status
    this.onloadend!()
    await settle()
  }
}

const file = (name = 'a.png', type = 'image/png', size = 100): File => new File([new Uint8Array(size)], name, { type })
const last = (): FakeRequest => FakeRequest.all[FakeRequest.all.length - 1]!

function start(upload: { max_bytes?: number; types?: string[] } = {}, change = {}): Bench {
  const bench = new Bench(change, { upload: { max_bytes: 1_000, types: [], ...upload } })
  let promised = 0
  bench.call.mockImplementation(async () => {
    promised++
    return { url: `https://chat.example/upload/${promised}`, attachment: `token ${promised}` }
  })
  return bench.mount(mount)
}
async function choose(bench: Bench, ...files: File[]): Promise<void> {
  const input = bench.query<HTMLInputElement>('input[type=file]')
  Object.defineProperty(input, 'files', { value: files, configurable: true })
  input.dispatchEvent(new Event('change'))
  await settle()
}
/** jsdom has neither of these events. */
async function dispatch(target: Element, name: string, data: object): Promise<Event> {
  const event = Object.assign(new Event(name, { bubbles: true, cancelable: true }), data)
  target.dispatchEvent(event)
  await settle()
  return event
}
const drag = (target: Element, name: string, files: File[], types = ['Files']): Promise<Event> =>
  dispatch(target, name, { dataTransfer: { types, files } })
const paste = (bench: Bench, files: File[], ...types: string[]): Promise<Event> =>
  dispatch(bench.field, 'paste', { clipboardData: { types, files } })

/** Per row its name, what stands below, and whether it shows progress and offers to retry. */
const rows = (bench: Bench): unknown[][] =>
  [...bench.root.querySelectorAll('.file')].map((row) => [
    row.querySelector('bdi')!.textContent,
    row.querySelector('span')!.textContent,
    !row.querySelector('progress')!.hidden,
    !row.querySelector<HTMLElement>('.retry')!.hidden,
  ])

beforeEach(() => {
  FakeRequest.all = []
  vi.stubGlobal('XMLHttpRequest', FakeRequest)
})
afterEach(() => {
  vi.unstubAllGlobals()
})

describe('a file', () => {
  it('renders', async () => {
    const bench = start()
    await choose(bench, file())
    expect(rows(bench)).toEqual([['a.png', '', true, false]])
    const bar = bench.query<HTMLProgressElement>('progress')
    expect([bar.value, bar.max, bar.getAttribute('aria-label')]).toEqual([0, 1, 'a.png'])
    expect(bench.query('.file').parentElement!.getAttribute('aria-live')).toBe('polite')
  })
  it('is accessible', async () => {
    const bench = start()
    await choose(bench, file(), file('b.png', 'image/png', 2_000))
    expect(await bench.faults()).toEqual([])
    await drag(bench.view.element, 'dragenter', [file()])
    expect(await bench.faults()).toEqual([])
  })
  it('is announced, sent, and said once it is there', async () => {
    const bench = start()
    const one = file('a.png', 'image/png', 200)
    await choose(bench, one)
    expect(bench.call).toHaveBeenCalledExactlyOnceWith('upload', { name: 'a.png', type: 'image/png', size: 200 })
    expect([last().url, last().file]).toEqual(['https://chat.example/upload/1', one])
    last().upload.onprogress!({ loaded: 50 })
    expect(bench.query<HTMLProgressElement>('progress').value).toBe(0.25)
    expect(bench.say).not.toHaveBeenCalled()
    await last().end(204)
    expect(bench.say).toHaveBeenCalledExactlyOnceWith('', {
      attachment: 'token 1',
      file: { url: '', name: 'a.png', type: 'image/png', size: 200 },
    })
    expect(rows(bench)).toEqual([])
  })
  it('is there if the server has it already', async () => {
    const bench = start()
    await choose(bench, file())
    await last().end(409)
    expect(bench.say).toHaveBeenCalledTimes(1)
  })
  it('waits for the one before it', async () => {
    const bench = start()
    await choose(bench, file('a.png'), file('b.png'))
    await choose(bench, file('c.png'))
    expect(FakeRequest.all).toHaveLength(1)
    await last().end(204)
    expect(last().file!.name).toBe('b.png')
    await last().end(500)
    expect(FakeRequest.all).toHaveLength(3)
    expect(bench.call).toHaveBeenCalledTimes(3)
    expect(last().file!.name).toBe('c.png')
  })
  it('can be cancelled, before and while it is sent', async () => {
    const bench = start()
    await choose(bench, file('a.png'), file('b.png'), file('c.png'))
    await bench.click('Cancel: b.png')
    expect(last().aborted).toBe(false)
    await bench.click('Cancel: a.png')
    expect(FakeRequest.all[0]!.aborted).toBe(true)
    expect(bench.root.activeElement).toBe(bench.field)
    await settle()
    expect(last().file!.name).toBe('c.png')
    await last().end(204)
    expect(bench.say).toHaveBeenCalledTimes(1)
    expect(rows(bench)).toEqual([])
  })
  it('is not sent if it was cancelled while it was announced', async () => {
    const bench = start()
    let answer!: (value: unknown) => void
    bench.call.mockImplementationOnce(() => new Promise((resolve) => (answer = resolve)))
    await choose(bench, file())
    await bench.click('Cancel: a.png')
    answer({ url: 'https://chat.example/upload/1', attachment: 'token' })
    await settle()
    expect(FakeRequest.all).toHaveLength(0)
  })
  it('has a name, also if it was pasted without', async () => {
    const bench = start()
    await paste(bench, [file('', 'image/png')], 'Files')
    expect(bench.call).toHaveBeenCalledExactlyOnceWith('upload', { name: 'image.png', type: 'image/png', size: 100 })
  })
  it('shows its name as text', async () => {
    const bench = start()
    await choose(bench, file(HOSTILE))
    expect(rows(bench)).toEqual([[HOSTILE, '', true, false]])
    expect(bench.count('img')).toBe(0)
  })
})

describe('what is not taken', () => {
  it('is said before anybody is asked: too large', async () => {
    const bench = start({ max_bytes: 1_500_000 })
    await choose(bench, file('a.png', 'image/png', 1_500_001))
    expect(rows(bench)).toEqual([['a.png', 'Too large: at most 1.5 MB', false, false]])
    expect(bench.call).not.toHaveBeenCalled()
    await bench.click('Cancel: a.png')
    expect(rows(bench)).toEqual([])
  })
  it.each([
    ['a.png', 'image/png', true],
    ['a.PDF', '', true],
    ['a.zip', 'application/zip', true],
    ['a.txt', 'text/plain', false],
    ['image', '', false],
    ['a.pdf.exe', 'application/x-msdownload', false],
  ])('is said before anybody is asked: %s of type %j, taken: %s', async (name, type, taken) => {
    const bench = start({ types: ['image/*', '.pdf', 'Application/ZIP'] })
    await choose(bench, file(name, type))
    expect(rows(bench)).toEqual([[name, taken ? '' : 'This kind of file is not accepted', taken, false]])
    expect(bench.call).toHaveBeenCalledTimes(taken ? 1 : 0)
    expect(bench.query<HTMLInputElement>('input[type=file]').accept).toBe('image/*,.pdf,Application/ZIP')
  })
  it.each([
    ['too_long', 0, 'Too large: at most 0.001 MB', false],
    ['invalid', 0, 'This kind of file is not accepted', false],
    ['forbidden', 0, 'This kind of file is not accepted', false],
    ['rate_limited', 180, 'Not possible right now', true],
    ['unavailable', 600, 'Not possible right now', true],
    ['unavailable', 0, 'Not sent', true],
  ])('is said as the server says it: %s, %i s', async (reason, retryAfter, text, again) => {
    const bench = start()
    bench.refuse(reason, retryAfter)
    await choose(bench, file())
    expect(rows(bench)).toEqual([['a.png', text, false, again]])
    expect(FakeRequest.all).toHaveLength(0)
  })
  it.each([
    [413, 'Too large: at most 0.001 MB', false],
    [503, 'Not possible right now', true],
  ])('is said as the server says it: %i', async (status, text, again) => {
    const bench = start()
    await choose(bench, file())
    await last().end(status)
    expect(rows(bench)).toEqual([['a.png', text, false, again]])
  })
})

describe('a file that broke off', () => {
  it('is sent again by itself at once, but only once, then by the button', async () => {
    const bench = start()
    await choose(bench, file())
    await last().end()
    expect(FakeRequest.all).toHaveLength(2)
    expect(last().url).toBe('https://chat.example/upload/2')
    expect(rows(bench)).toEqual([['a.png', '', true, false]])
    await last().end()
    expect(rows(bench)).toEqual([['a.png', 'Not sent', false, true]])
    await bench.click('Retry')
    expect(bench.root.activeElement).toBe(bench.button('Cancel: a.png'))
    await last().end(204)
    expect(bench.say).toHaveBeenCalledTimes(1)
  })
  it('waits for the connection if that is lost too', async () => {
    const bench = start()
    await choose(bench, file())
    bench.set({ link: 'lost' })
    await last().end()
    expect(rows(bench)).toEqual([['a.png', 'Waiting for the connection', false, true]])
    bench.set({ atEnd: false })
    await settle()
    expect(FakeRequest.all).toHaveLength(1)
    bench.set({ link: 'live' })
    await settle()
    expect(FakeRequest.all).toHaveLength(2)
  })
  it.each([
    ['the connection', (bench: Bench) => (bench.set({ link: 'lost' }), bench.set({ link: 'live' }))],
    ['the network', () => window.dispatchEvent(new Event('online'))],
  ])('is sent again when %s is back', async (_, back) => {
    const bench = start()
    await choose(bench, file())
    await last().end()
    await last().end()
    back(bench)
    await settle()
    expect(FakeRequest.all).toHaveLength(3)
    await last().end(204)
    expect(bench.say).toHaveBeenCalledTimes(1)
  })
  it('is not asked for in vain without end', async () => {
    const bench = start()
    bench.refuse('unavailable')
    await choose(bench, file())
    bench.set({ atEnd: false })
    await settle()
    expect(bench.call).toHaveBeenCalledTimes(1)
    bench.set({ link: 'lost' })
    bench.set({ link: 'live' })
    await settle()
    expect(bench.call).toHaveBeenCalledTimes(2)
  })
  it('can be chosen without a connection, and is sent when there is one', async () => {
    const bench = start({}, { link: 'lost' })
    bench.refuse('unavailable')
    await choose(bench, file())
    expect(rows(bench)).toEqual([['a.png', 'Waiting for the connection', false, true]])
    bench.set({ link: 'live' })
    await settle()
    await last().end(204)
    expect(bench.say).toHaveBeenCalledTimes(1)
  })
  it('is noticed, if nothing is taken any more', async () => {
    const bench = start()
    await choose(bench, file())
    await bench.clock.pass(29_000)
    last().upload.onprogress!({ loaded: 10 })
    await bench.clock.pass(29_000)
    expect(last().aborted).toBe(false)
    await bench.clock.pass(2_000)
    expect(FakeRequest.all.map(({ aborted }) => aborted)).toEqual([true, false])
  })
})

describe('the ways in', () => {
  it('the button opens the chooser, for several', async () => {
    const bench = start()
    const click = vi.fn()
    const input = bench.query<HTMLInputElement>('input[type=file]')
    input.click = click
    await bench.click('Attach a file')
    expect(click).toHaveBeenCalled()
    expect(input.multiple).toBe(true)
  })
  it('what is dropped onto the panel, with a hint before', async () => {
    const bench = start()
    const hint = bench.query('.drop')
    await drag(bench.view.element, 'dragenter', [])
    expect(hint.hidden).toBe(false)
    expect((await drag(hint, 'dragover', [])).defaultPrevented).toBe(true)
    await drag(hint, 'dragleave', [])
    expect(hint.hidden).toBe(true)
    await drag(bench.view.element, 'dragenter', [])
    expect((await drag(hint, 'drop', [file('a.png'), file('b.png')])).defaultPrevented).toBe(true)
    expect(hint.hidden).toBe(true)
    expect(rows(bench).map(([name]) => name)).toEqual(['a.png', 'b.png'])
  })
  it('no hint for a text that is dragged', async () => {
    const bench = start()
    await drag(bench.view.element, 'dragenter', [], ['text/plain'])
    expect(bench.query('.drop').hidden).toBe(true)
  })
  it('what is pasted, but texts stay texts', async () => {
    const bench = start()
    expect((await paste(bench, [], 'text/plain')).defaultPrevented).toBe(false)
    // As office programs do it.
    expect((await paste(bench, [file()], 'text/plain', 'text/html', 'Files')).defaultPrevented).toBe(false)
    expect(rows(bench)).toEqual([])
    // As browsers do it for a picture, and file managers for a file.
    expect((await paste(bench, [file()], 'text/html', 'Files')).defaultPrevented).toBe(true)
    expect((await paste(bench, [file()], 'text/plain', 'Files')).defaultPrevented).toBe(true)
    expect(rows(bench)).toHaveLength(2)
  })
  it('are closed while something else stands in place of the field', async () => {
    const bench = start()
    bench.query('.writing').hidden = true
    await drag(bench.view.element, 'dragenter', [file()])
    expect(bench.query('.drop').hidden).toBe(true)
    await paste(bench, [file()], 'Files')
    expect(rows(bench)).toEqual([])
  })
  it('are closed once the site takes no files any more', async () => {
    const bench = start()
    bench.set({ settings: { ...bench.state.settings!, upload: null } })
    expect(bench.button('Attach a file').hidden).toBe(true)
    await drag(bench.view.element, 'dragenter', [file()])
    expect(bench.query('.drop').hidden).toBe(true)
    expect((await paste(bench, [file()], 'Files')).defaultPrevented).toBe(false)
  })
})
