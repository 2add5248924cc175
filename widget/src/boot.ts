/** The loader: everything that a page carries before its visitor shows interest. */

import { type Carry, createApi } from './api'
import { createButton } from './button'
import css from './button.css?inline'
import { type Link, type LinkEvents, createFirst } from './first'
import type { Place } from './carrier'
import { readPage, watchPage } from './page'
import type { Load, Panel } from './shell'
import { openKeep, openness } from './storage'
import { type Tabs, joinTabs } from './tabs'
import { type Hello, frame } from './wire'

const AGAIN_MS = 3_000

export function boot({ dataset, src }: HTMLScriptElement, load: Load): void {
  const { site, name, position, target } = dataset
  const api = createApi(() => {
    if (consent) return
    consent = true
    whenReady()
  })
  if (!api) return
  const { emit } = api

  /** Where `widget.js` lies; its parts and `rpc` lie beside it. */
  const base = new URL('.', src).href
  const rpc = `${base}rpc`
  const prefix = `parley:${site}:`
  const keep = openKeep(prefix)
  const host = document.createElement('parley-chat')
  const root = host.attachShadow({ mode: 'open' })
  const button = createButton()
  const sheet = new CSSStyleSheet()
  sheet.replaceSync(css)
  root.adoptedStyleSheets.push(sheet)

  let consent = dataset.consent !== 'required'
  const place: Place = { token: '', cursor: '' }
  let leads = false
  let live = false
  let hello: Hello | undefined
  let listener: Panel | undefined
  let backlog: [type: string, data: unknown][] = []
  let panel: Promise<Panel> | undefined
  let tabs: Tabs | undefined
  let identity: object | undefined
  /** The page as this connection has told it. */
  let told = ''

  function report(): void {
    const page = readPage(keep)
    if (!live || told === (told = JSON.stringify(page))) return
    link.tell('page', page)
  }
  function identify(): void {
    if (live && identity) link.tell('identify', identity)
  }

  const events: LinkEvents = {
    greeting() {
      const page = readPage(keep)
      told = JSON.stringify(page)
      return [
        'hello',
        {
          token: place.token || undefined,
          site,
          name,
          locale: dataset.locale || navigator.language,
          page: { ...page, referrer: document.referrer },
          // Browsers take long over their first `Intl`, so not where it can be helped.
          time_zone: window.Temporal?.Now.timeZoneId() ?? Intl.DateTimeFormat().resolvedOptions().timeZone,
        },
      ]
    },
    hello(result) {
      const { desk, settings, unread } = result
      events.token(result.token)
      place.cursor = result.cursor
      if (!hello) emit('ready')
      emit('desk', desk)
      hello = result
      backlog = []
      listener?.hello(result)
      // By the object model, which no policy for styles forbids.
      host.style.cssText = settings.look.style
      // So that the next page shows its button in the right colours at once.
      keep.set('look', settings.look.style)
      if (unread) summon()
      // The panel knows what else they ask for.
      for (const { seconds = 0 } of settings.triggers) setTimeout(summon, seconds * 1000)
    },
    event(type, data, at) {
      if (type === 'desk') emit(type, data)
      if (listener) listener.event(type, data)
      else backlog.push([type, data])
      // Only what stands in the log moves it.
      if (at && at !== place.cursor) {
        place.cursor = at
        summon()
      }
    },
    live(now) {
      live = now
      listener?.live(now, leads)
      if (!now) told = ''
      report()
      // A server that restarted has forgotten it.
      identify()
    },
    token(fresh) {
      place.token = fresh
      keep.set('token', fresh)
    },
    refused(message) {
      host.remove()
      console.warn('Parley:', message)
    },
    unable: summon,
  }
  let link: Link = createFirst(rpc, events)

  /** Carried out as soon as the panel is there, however long the network is away. */
  function summon(name?: string, detail?: unknown): void {
    panel ??= load(base, dataset).then((mount) => {
      const made = mount({
        base,
        dataset,
        root,
        button,
        keep,
        place,
        events,
        link,
        claim: () => tabs!.claim(true),
        hello,
        backlog,
        emit,
        report,
      })
      listener = link = made
      made.live(live, leads)
      return made
    })
    panel.then(
      ({ carry }) => carry(name, detail),
      (error) => {
        panel = undefined
        console.warn('Parley:', error)
        if (name) setTimeout(summon, AGAIN_MS, name, detail)
      },
    )
  }
  const act: Carry = (name, detail) => {
    start()
    summon(name, detail)
  }

  function reopen(): void {
    if (position === 'inline' || openness(keep) > 0) act('open', false)
  }

  function start(): void {
    if (tabs || !consent) return
    tabs = joinTabs(
      prefix,
      // Two tabs that both know of no visitor yet would become two.
      () => !document.hidden && keep.get('token'),
      (now) => {
        leads = now
        place.token = keep.get('token') || place.token
        if (!now) return link.stop()
        link.start()
        // What another tab, or the page before, has left.
        if (keep.get('waiting')) summon()
        reopen()
      },
    )
    const { claim, leave } = tabs
    watchPage(() => {
      if (!document.hidden) claim()
      link.wake()
    }, report)
    addEventListener('focus', () => claim(), true)
    addEventListener('storage', reopen)
    addEventListener('pagehide', () => {
      if (leads) navigator.sendBeacon?.(rpc, frame(0, 'bye', { token: place.token }))
      // An open socket would keep the page out of the back and forward cache.
      leave()
    })
    claim()
  }

  function show(): void {
    host.style.cssText = keep.get('look')
    host.dataset.position = position
    root.append(button)
    // Not to the body, which some routers replace.
    const parent = document.querySelector(target!) ?? document.documentElement
    parent.append(host)
    button.onpointerenter = button.onfocus = () => tabs && summon()
    // By what the visitor sees, who may click while the panel is on its way.
    button.onclick = () => act(button.ariaExpanded === 'true' ? 'close' : 'open')

    const held = dataset.presence === 'open' || (navigator as any).globalPrivacyControl
    // Who has used the widget wants its answers on the next page too.
    if (!held || keep.get('waiting') || openness(keep)) start()
    api!.serve((name, detail) => {
      if (name === 'identify') {
        identity = detail
        identify()
      } else if (panel || name !== 'close') act(name, detail)
    })
  }

  function whenReady(): void {
    if (document.body) show()
    else addEventListener('DOMContentLoaded', show)
  }
  if (consent) whenReady()
}
