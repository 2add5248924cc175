/** The tabs of the panel: the desk and rooms, each with what is unread in it (ARIA's pattern of tabs). */

import type { Tools } from '../panel/parts'

/** Each tab goes by a name of its own; the desk's is empty. */
export interface Tabs {
  add(name: string, panel: HTMLElement): void
  remove(name: string): void
  /** Which of the panels is shown. */
  select(name: string): void
  /** What a tab is called, and how much is unread there. */
  label(name: string, title: string, unread: number): void
}

/** Puts them before the desk's panel, as soon as there is another; `chose` is called with what the visitor chooses. */
export function createTabs({ h, fill, view, texts: core }: Tools, desk: HTMLElement, chose: (name: string) => void): Tabs {
  const row = h('div', 'tabs', { role: 'tablist' })
  const tabs = new Map<string, { panel: HTMLElement; tab: HTMLElement; title: HTMLElement; mark: HTMLElement }>()
  let made = 0

  function add(name: string, panel: HTMLElement): void {
    const title = h('bdi')
    const mark = h('span', 'mark', { role: 'img' })
    const tab = h('button', 'tab', { type: 'button', role: 'tab', id: `tab${made}`, 'aria-controls': `panel${made}` }, title, mark)
    tab.onclick = () => chose(name)
    panel.id = `panel${made++}`
    panel.setAttribute('role', 'tabpanel')
    panel.setAttribute('aria-labelledby', tab.id)
    row.append(tab)
    if (name) desk.after(panel)
    tabs.set(name, { panel, tab, title, mark })
    row.hidden = tabs.size < 2
  }
  row.onkeydown = (event) => {
    const names = [...tabs.keys()]
    const last = names.length - 1
    const at = names.findIndex((name) => !tabs.get(name)!.tab.tabIndex)
    const step = view.element.dir === 'rtl' ? -1 : 1
    const to = { ArrowRight: at + step, ArrowLeft: at - step, Home: 0, End: last }[event.key]
    if (to === undefined) return
    event.preventDefault()
    const name = names[to < 0 ? last : to > last ? 0 : to]!
    chose(name)
    tabs.get(name)!.tab.focus()
  }
  desk.before(row)
  add('', desk)
  return {
    add,
    remove(name) {
      const { tab, panel } = tabs.get(name)!
      tab.remove()
      panel.remove()
      tabs.delete(name)
      row.hidden = tabs.size < 2
    },
    select(chosen) {
      for (const [name, { tab, panel }] of tabs) {
        tab.setAttribute('aria-selected', `${name === chosen}`)
        tab.tabIndex = name === chosen ? 0 : -1
        panel.hidden = name !== chosen
      }
    },
    label(name, text, unread) {
      const { title, mark } = tabs.get(name)!
      if (title.textContent !== text) title.textContent = text
      mark.hidden = !unread
      mark.textContent = `${unread}`
      mark.setAttribute('aria-label', fill(core.unread, unread))
    },
  }
}
