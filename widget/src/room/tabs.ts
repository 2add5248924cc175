/** The tabs of the panel: the desk and the room, each with what is unread in it (ARIA's pattern of tabs). */

import type { Tools } from '../panel/parts'

export interface Tabs {
  /** Which of the panels is shown, by its place in the row. */
  select(chosen: number): void
  /** What a tab is called, and how much is unread there. */
  label(tab: number, name: string, unread: number): void
}

/** Puts them before the first of the panels; `chose` is called with what the visitor chooses. */
export function createTabs({ h, fill, texts: core }: Tools, panels: readonly HTMLElement[], chose: (chosen: number) => void): Tabs {
  const tabs = panels.map((panel, index) => {
    const name = h('bdi')
    const mark = h('span', 'mark', { role: 'img' })
    const tab = h('button', 'tab', { type: 'button', role: 'tab', id: `tab${index}`, 'aria-controls': `panel${index}` }, name, mark)
    tab.onclick = () => chose(index)
    panel.id = `panel${index}`
    panel.setAttribute('role', 'tabpanel')
    panel.setAttribute('aria-labelledby', tab.id)
    return { tab, name, mark }
  })
  const row = h('div', 'tabs', { role: 'tablist' }, ...tabs.map(({ tab }) => tab))
  row.onkeydown = (event) => {
    if (!/^Arrow[LR]|^Home|^End/.test(event.key)) return
    event.preventDefault()
    // There are two.
    const other = tabs.findIndex(({ tab }) => tab.tabIndex < 0)
    chose(other)
    tabs[other]!.tab.focus()
  }
  panels[0]!.before(row)
  return {
    select(chosen) {
      tabs.forEach(({ tab }, index) => {
        tab.setAttribute('aria-selected', `${index === chosen}`)
        tab.tabIndex = index === chosen ? 0 : -1
        panels[index]!.hidden = index !== chosen
      })
    },
    label(index, text, unread) {
      const { name, mark } = tabs[index]!
      if (name.textContent !== text) name.textContent = text
      mark.hidden = !unread
      mark.textContent = `${unread}`
      mark.setAttribute('aria-label', fill(core.unread, { count: unread }))
    },
  }
}
