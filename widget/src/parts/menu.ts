/** The header's menu, and what calls a visitor back who looks elsewhere. */

import type { MountPart } from '../panel/parts'
import { unread } from '../panel/state'
import { Section } from '../sections'
import { menu as english } from '../texts/en.json'
import type { Message } from '../wire'
import css from './menu.css?inline'

const TICK = 'M5 13l4 4L19 7'
const DOWN = 'M12 4v11m-5-5l5 5 5-5M5 20h14'
/** Between two sounds; one that the browser holds back for longer is not made at all. */
const SOUND_MS = 1_000

export const mount: MountPart = ({ h, icon, env, keep, root, tag, words, texts: { you, operator }, state, dispatch, call, leads, open, addStyles }) => {
  const texts = words(Section.Menu, english)
  let close: (() => void) | undefined
  let audio: AudioContext | undefined
  let rang = 0
  let note: Notification | undefined
  /** The page's own title, and what stands there instead. */
  let title: string
  let shown: string
  let badge = 0

  addStyles(css)

  const muted = (): boolean => !!keep.get('mute')
  const away = (): boolean => document.hidden || !document.hasFocus()
  const nameOf = ({ from: { self, name } }: Message): string => (self ? you : name || operator)

  /** Browsers on Android have the constructor, and refuse its use. */
  const notifies = (): boolean =>
    'Notification' in window && Notification.permission !== 'denied' && !/Android/.test(navigator.userAgent)
  const notifying = (): boolean => notifies() && Notification.permission === 'granted' && !!keep.get('notify')

  async function ring(): Promise<void> {
    const at = (rang = env.now())
    try {
      audio ??= new AudioContext()
      // Before the visitor's first click this waits for it, and then nobody knows what sounds there.
      await audio.resume()
      if (env.now() - at > SOUND_MS) return
      const { currentTime } = audio
      const tone = audio.createOscillator()
      const volume = audio.createGain()
      tone.frequency.value = 880
      volume.gain.value = 0.1
      volume.gain.setTargetAtTime(0, currentTime, 0.1)
      tone.connect(volume).connect(audio.destination)
      // One that runs on keeps the device awake.
      tone.onended = () => audio!.suspend()
      tone.start()
      tone.stop(currentTime + 0.6)
    } catch {
      // The browser has none.
    }
  }

  function follow(): void {
    if (!state().open) close?.()
    const count = leads() ? unread(state()) : 0
    // A title that the page has set meanwhile is its own, and is left.
    if (document.title !== shown) title = document.title
    shown = count && away() ? `(${count}) ${title}`.trim() : title
    if (document.title !== shown) document.title = shown
    if (!count) note?.close()
    if (leads() && count !== badge) navigator.setAppBadge?.((badge = count)).catch(() => {})
  }

  async function save(): Promise<void> {
    const all: Message[] = []
    try {
      for (let page: any = { more: true }; page.more; all.unshift(...page.messages))
        page = await call('history', { before: all[0]?.seq, limit: 100 })
      download(all)
    } catch {
      dispatch({ type: 'aside', kind: 'system', body: texts.failed, at: new Date(env.now()).toISOString() })
    }
  }

  function download(messages: readonly Message[]): void {
    const lines = messages.map((message) => {
      const { from, at, body, attachment: file } = message
      const text = file && !body.includes(file.url) ? `${body}\n${file.name} ${file.url}` : body
      // Nothing that is said may look as if somebody else had said it.
      return `[${new Date(at).toLocaleString(tag)}] ${from.kind === 'system' ? '' : `${nameOf(message)}: `}${text.trim().replace(/\s*[\n\x85\u2028\u2029]/g, '\n    ') || '—'}\n`
    })
    const href = URL.createObjectURL(new Blob(lines, { type: 'text/plain' }))
    // Swedes write dates as the names of files want them.
    const name = `${state().title} ${new Date(env.now()).toLocaleDateString('sv')}`
    h('a', '', { href, download: `${name.replace(/[^\p{L}\p{M}\p{N}-]+/gu, ' ').trim()}.txt` }).click()
    env.setTimeout(() => URL.revokeObjectURL(href), 60_000)
  }

  /** `on` tells whether it is ticked; absent for what is done once. */
  function item(text: string, act: () => unknown, on?: () => boolean): HTMLElement {
    const role = on ? 'menuitemcheckbox' : 'menuitem'
    const button = h('button', 'choice', { type: 'button', tabindex: '-1', role }, icon('', on ? TICK : DOWN), text)
    const tick = (): void => {
      if (on) button.ariaChecked = `${on()}`
    }
    button.onclick = async () => {
      await act()
      tick()
    }
    tick()
    return button
  }
  const toggle = (key: string, on: boolean): void => keep.set(key, on ? '' : 'yes')

  for (const change of ['focus', 'blur']) addEventListener(change, follow)

  return {
    render: follow,
    heard(message) {
      const { from, at } = message
      // Another tab may have told of it before it handed over.
      if (from.self || from.kind === 'system' || !leads() || (state().open && !away()) || at <= keep.get('rung')) return
      keep.set('rung', at)
      if (!muted() && env.now() - rang >= SOUND_MS) void ring()
      if (!document.hidden || !notifying()) return
      // It has a sound of its own, and so have we.
      note = new Notification(nameOf(message), { body: message.body, tag: state().visitor, silent: true })
      note.onclick = () => {
        focus()
        open()
      }
    },
    show(button) {
      if (close) return close()
      const items = [
        item(texts.sound, () => toggle('mute', muted()), () => !muted()),
        item(texts.notify, () => {
          toggle('notify', notifying())
          return Notification.requestPermission()
        }, notifying),
        item(texts.save, () => {
          close!()
          void save()
        }),
      ]
      if (!notifies()) items.splice(1, 1)
      const menu = h('div', 'choices', { role: 'menu', 'aria-label': button.ariaLabel! }, ...items)
      const outside = (event: Event): void => {
        const path = event.composedPath()
        if (!path.includes(menu) && !path.includes(button)) close!()
      }
      menu.onkeydown = (event) => {
        const { key } = event
        const at = items.indexOf(root.activeElement as HTMLElement)
        const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: -1 }[key]
        if (key === 'Escape' || key === 'Tab') close!()
        // From the button the focus goes on by itself.
        if (key === 'Tab') return
        event.stopPropagation()
        if (to === undefined) return
        event.preventDefault()
        items[(to + items.length) % items.length]!.focus()
      }
      close = () => {
        close = undefined
        removeEventListener('pointerdown', outside, true)
        if (menu.contains(root.activeElement)) button.focus()
        menu.remove()
        button.ariaExpanded = 'false'
      }
      addEventListener('pointerdown', outside, true)
      button.after(menu)
      button.ariaExpanded = 'true'
      items[0]!.focus()
    },
  }
}
