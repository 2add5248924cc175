/** The loader: everything that a page carries before its visitor shows interest. */

import { createApi } from './api'
import type { Env } from './carrier'
import { createLauncher } from './launcher'
import css from './launcher.css?inline'
import { createLook } from './look'
import { readMark } from './marks'
import { readOptions } from './options'
import { readPage, watchPage } from './page'
import { addSheet } from './sheets'
import type { FetchPart, Listener, Panel, Shell } from './shell'
import { openKeep } from './storage'
import { type TransportEvents, createTransport } from './transport'
import { type Desk, type Hello, frame, isOwn } from './wire'

/** They pass, so nobody who was not there needs them. */
const PASSING = ['typing', 'desk', 'member']

export function boot(
  window: Window & typeof globalThis,
  script: HTMLScriptElement | null,
  env: Env,
  fetchPart: FetchPart,
): void {
  const { document, navigator } = window
  if (!script?.dataset.site) {
    console.warn('Parley: the script tag needs data-site, the key of the site')
    return
  }
  const api = createApi(window, () => {
    if (consent) return
    consent = true
    whenReady(show)
  })
  if (!api) return

  const options = readOptions(script, navigator)
  const rpc = `${options.base}rpc`
  const prefix = `parley:${options.site}:`
  const local = openKeep(() => window.localStorage, prefix)
  const tab = openKeep(() => window.sessionStorage, prefix)

  const host = document.createElement('parley-chat')
  const root = host.attachShadow({ mode: 'open' })
  const button = createLauncher()
  addSheet(root, css)
  const look = createLook(host, root, options.position)

  let consent = !options.consentRequired
  let started = false
  let hello: Hello | undefined
  let live = false
  let listener: Listener | undefined
  let backlog: [type: string, data: unknown][] = []
  let panel: Promise<Panel> | undefined
  let identity: object | undefined
  let identified = false
  let reported = ''

  const events: TransportEvents = {
    greeting() {
      const page = readPage(window, tab)
      reported = JSON.stringify(page)
      return {
        site: options.site,
        page: { ...page, referrer: document.referrer },
        name: options.name || undefined,
        locale: options.locale,
        time_zone: Intl.DateTimeFormat().resolvedOptions().timeZone,
      }
    },
    hello(result) {
      const first = !hello
      hello = result
      backlog = []
      listener?.hello(result)
      if (first) api.emit('ready')
      api.emit('desk', result.desk)
      identified = false
      const { messages, visitor, settings } = result
      look(settings.look)
      // So that the next page shows its button in the right colour at once.
      local.set('accent', settings.look?.accent ?? '')
      const read = readMark(local, 'read', visitor.id)
      if (messages.some((message) => !isOwn(message) && message.seq > read)) summon()
    },
    event(type, data) {
      if (type === 'desk') {
        api.emit('desk', data)
        if (hello) hello = { ...hello, desk: data as Desk }
      }
      if (listener) listener.event(type, data)
      else if (!PASSING.includes(type)) {
        backlog.push([type, data])
        summon()
      }
    },
    live(now) {
      live = now
      listener?.live(now)
      // A server that restarted has forgotten the page.
      if (!now) reported = ''
      else {
        report()
        identify()
      }
    },
    token: (token) => local.set('token', token),
    refused({ reason, message }) {
      host.remove()
      console.warn(
        `Parley: ${rpc} refuses site "${options.site}" on ${window.location.origin}: ${message} (${reason}). ` +
          "Check data-site and the site's origins.",
      )
    },
  }

  const transport = createTransport(env, rpc, local.get('token'), events, () =>
    fetchPart(options.base, 'requests').then(({ createRequests }) => createRequests()),
  )

  const shell: Shell = {
    window,
    env,
    options,
    host,
    root,
    addSheet: (css) => addSheet(root, css),
    button,
    transport,
    local,
    tab,
    emit(name, data) {
      api.emit(name, data)
      // That the widget has been opened is news, once.
      if (name === 'open') report()
    },
    attach(next) {
      listener = next
      if (hello) next.hello(hello)
      for (const [type, data] of backlog) next.event(type, data)
      backlog = []
      next.live(live)
    },
  }

  /** Fetches the panel, once; a failed fetch may be tried again. */
  function summon(): Promise<Panel> {
    panel ??= fetchPart(options.base, 'panel').then(
      (part) => part.mount(shell),
      (error) => {
        panel = undefined
        console.warn(`Parley: the chat could not be loaded from ${options.base}`)
        throw error
      },
    )
    panel.catch(() => {})
    return panel
  }

  function start(): void {
    if (started || !consent) return
    started = true
    watchPage(window, report)
    transport.start()
  }

  const act = (how: (panel: Panel) => void) => (): void => {
    start()
    summon().then(how, () => {})
  }

  function report(): void {
    const page = readPage(window, tab)
    const text = JSON.stringify(page)
    if (!live || text === reported) return
    reported = text
    transport.call('page', page).catch(() => {
      reported = ''
    })
  }

  function identify(): void {
    if (!identity || !live || identified) return
    identified = true
    transport.call('identify', identity).catch(({ reason, message }) => {
      if (reason === 'unavailable') identified = false
      else console.info(`Parley: identify was not taken: ${message}`)
    })
  }

  const leave = ({ persisted }: PageTransitionEvent): void => {
    const token = local.get('token')
    if (token && started) navigator.sendBeacon?.(rpc, frame(0, 'bye', { token }))
    // An open socket would keep the page out of the back and forward cache.
    if (persisted) transport.stop()
  }

  function show(): void {
    host.dataset.theme = options.theme
    look({ accent: local.get('accent') })
    root.append(button)
    for (const interest of ['pointerenter', 'focus']) button.addEventListener(interest, () => void summon())
    button.addEventListener('click', act((panel) => panel.toggle()))
    document.body.append(host)

    window.addEventListener('pagehide', leave)
    window.addEventListener('pageshow', ({ persisted }) => {
      if (persisted && started) transport.start()
    })
    for (const change of ['online', 'offline']) window.addEventListener(change, transport.wake)
    document.addEventListener('visibilitychange', () => {
      if (document.visibilityState === 'visible') transport.wake()
    })

    // Who has opened the widget in this tab wants its answers on the next page too.
    const used = tab.get('open') || local.keys('out:').length
    if (!options.held || used) start()
    if (local.keys('out:').length) void summon()
    if (tab.get('open') === 'yes') summon().then((panel) => panel.open(false), () => {})
    api!.serve({
      open: act((panel) => panel.open(true)),
      close: () => void panel?.then((panel) => panel.close()),
      toggle: act((panel) => panel.toggle()),
      say: (body) => act((panel) => panel.say(String(body)))(),
      identify(details) {
        identity = details as object
        identified = false
        identify()
      },
    })
  }

  const whenReady = (run: () => void): void => {
    if (document.body) run()
    else document.addEventListener('DOMContentLoaded', run)
  }
  if (consent) whenReady(show)
}
