/** Files of the visitor's: chosen, dropped or pasted, sent one after the other, said once they are there. */

import type { MountPart } from '../panel/parts'
import { Section } from '../sections'
import { files as english } from '../texts/en.json'
import type { Failure } from '../wire'
import css from './files.css?inline'

const CLIP = 'M20 11.5l-8 8a5 5 0 0 1-7-7L13 4.5a3.5 3.5 0 0 1 5 5l-8 8a2 2 0 0 1-3-3l7-7'
const CROSS = 'M7 7l10 10m0-10L7 17'
/** If nothing is taken for so long, the connection is dead. */
const SILENCE_MS = 30_000

export const mount: MountPart = ({ h, icon, texts, words, fill, tag, env, root, slots, state, call, say, open, addStyles }) => {
  const own = words(Section.Files, english)
  const { panel, above, beside } = slots
  /** What is to be sent as soon as there is a connection. */
  const broken = new Set<() => void>()
  let turn = Promise.resolve()
  let live = false

  function add(file: File): void {
    const { max_bytes, types } = state().settings!.upload!
    const { type, size } = file
    // What is pasted may have none.
    const name = file.name || type.replace('/', '.')
    const bar = h('progress', '', { 'aria-label': name, value: '0' })
    const why = h('span')
    const retry = h('button', 'retry', { type: 'button' }, texts.retry)
    const cancel = h('button', 'plain', { type: 'button', 'aria-label': fill(own.cancel, name) }, icon('', CROSS))
    const about = h('div', '', { class: 'who' }, h('div', '', { class: 'title' }, h('bdi', '', {}, name)), bar, why)
    const row = h('div', 'file', { class: 'file notice' }, about, retry, cancel)
    let request: XMLHttpRequest | undefined
    let breaks = 0

    function show(word = '', again = false): void {
      why.textContent = word
      bar.hidden = !!word
      retry.hidden = !again
    }
    function fail(reason?: string, retryAfter = 0): void {
      const most = { style: 'unit', unit: 'megabyte', maximumSignificantDigits: 2 } as const
      if (reason === 'too_long') show(fill(own.large, new Intl.NumberFormat(tag, most).format(max_bytes / 1e6)))
      else if (reason === 'invalid' || reason === 'forbidden') show(own.refused)
      else if (retryAfter) show(own.later, true)
      else {
        show(live ? texts.failed : texts.held, true)
        broken.add(start)
      }
    }
    function remove(): void {
      // Whoever is in the row goes on in the field.
      if (row.contains(root.activeElement)) open()
      row.remove()
      request?.abort()
    }
    /** Gives the status; 0 if the connection broke. */
    const put = (url: string): Promise<number> =>
      new Promise((resolve) => {
        const put = (request = new XMLHttpRequest())
        let silence: number
        const wait = (): void => {
          env.clearTimeout(silence)
          silence = env.setTimeout(() => put.abort(), SILENCE_MS)
        }
        put.upload.onprogress = ({ loaded }) => {
          bar.value = loaded / size
          wait()
        }
        put.onloadend = () => {
          env.clearTimeout(silence)
          resolve(put.status)
        }
        put.open('PUT', url)
        put.send(file)
        wait()
      })
    async function run(): Promise<void> {
      try {
        if (!row.isConnected) return
        const { url, attachment } = (await call('upload', { name, type, size })) as { url: string; attachment: string }
        const status = row.isConnected && (await put(url))
        if (!row.isConnected) return
        // 409: it has come already, and only the answer was lost.
        if (status === 204 || status === 409) {
          remove()
          say('', { attachment, file: { url: '', name, type, size } })
        } else if (status === 413 || status === 503) fail(status === 413 ? 'too_long' : '', 1)
        else {
          fail()
          // Its connection alone was cut; after that it waits for the network.
          if (live && !breaks++) start()
        }
      } catch (error) {
        const { reason, retryAfter } = error as Failure
        fail(reason, retryAfter)
      }
    }
    function start(): void {
      broken.delete(start)
      bar.value = 0
      show()
      turn = turn.then(run)
    }
    retry.onclick = () => {
      cancel.focus()
      start()
    }
    cancel.onclick = remove

    list.append(row)
    const fits = (one: string): boolean =>
      one[0] === '.' ? name.toLowerCase().endsWith(one) : type.startsWith(one.replace('*', ''))
    if (size > max_bytes) fail('too_long')
    else if (types[0] && !types.some((one) => fits(one.toLowerCase()))) fail('invalid')
    else start()
  }
  function take(files: FileList | null, event?: Event): void {
    event?.preventDefault()
    for (const file of files ?? []) add(file)
  }

  function resume(): void {
    for (const start of broken) start()
  }

  const list = h('div', '', { 'aria-live': 'polite' })
  const input = h('input', '', { type: 'file', multiple: '', hidden: '' })
  const attach = h('button', 'plain', { type: 'button', 'aria-label': own.attach }, icon('', CLIP))
  const drop = h('div', 'drop', { hidden: '' }, own.drop)
  /** The site takes none, or asks for something else first. */
  const closed = (): boolean => !!attach.closest('[hidden]')
  attach.onclick = () => input.click()
  input.onchange = () => {
    take(input.files)
    input.value = ''
  }
  panel.addEventListener('dragenter', ({ dataTransfer }) => {
    drop.hidden = closed() || !dataTransfer!.types.includes('Files')
  })
  drop.ondragleave = () => (drop.hidden = true)
  drop.ondragover = (event) => event.preventDefault()
  drop.ondrop = (event) => {
    drop.hidden = true
    take(event.dataTransfer!.files, event)
  }
  panel.addEventListener('paste', (event) => {
    const { files, types } = event.clipboardData!
    // Office programs give a picture of a text along with it.
    const picture = types.includes('text/plain') && types.includes('text/html')
    if (files[0] && !picture && !closed()) take(files, event)
  })

  addEventListener('online', resume)
  addStyles(css)
  panel.append(drop)
  above.className = 'above'
  above.append(list)
  beside.append(input, attach)
  return {
    render({ link, settings }) {
      const upload = settings!.upload
      attach.hidden = !upload
      input.accept = upload ? upload.types.join() : ''
      const before = live
      live = link === 'live'
      if (live && !before) resume()
    },
  }
}
