/** A box of buttons over the panel, in lines of six: a menu, or a field of emoji. */

import type { Tools } from '../panel/parts'

export const COLUMNS = 6
/** Pixels at the top that stay free: on phones what closes the panel is there. */
const HEADER = 72

export interface Popup {
  /**
   * Opens it by a button, whose name and kind it takes. `cells` has the buttons line by line; one
   * that has a line for itself is in each of its cells.
   */
  open(button: HTMLElement, back: HTMLElement, cells: readonly HTMLElement[]): void
  /** With the focus back to where it belongs. */
  close(): void
}

export function createPopup({ h, slots: { panel } }: Tools): Popup {
  let box: HTMLElement | undefined
  let origin: HTMLElement

  function close(): void {
    if (!box?.isConnected) return
    box.remove()
    origin.focus()
  }

  return {
    close,
    open(button, back, cells) {
      origin = back
      const made = (box = h('div', 'popup', { role: button.ariaHasPopup!, 'aria-label': button.ariaLabel! }, ...cells))
      // What is clicked outside is its too: see the style sheet.
      made.onclick = ({ target }) => {
        if (target === made) close()
      }
      made.onkeydown = (event) => {
        const { key, target } = event
        const at = cells.indexOf(target as HTMLElement)
        const ahead = panel.dir === 'rtl' ? -1 : 1
        const step = {
          ArrowUp: -COLUMNS,
          ArrowDown: COLUMNS,
          ArrowRight: ahead,
          ArrowLeft: -ahead,
          Home: -at,
          End: cells.length - 1 - at,
        }[key]
        // Escape is not the panel's now.
        event.stopPropagation()
        if (step !== undefined) {
          event.preventDefault()
          cells[at + step]?.focus()
        } else if (key === 'Escape' || key === 'Tab') close()
      }
      panel.append(made)
      const above = button.getBoundingClientRect().top - panel.getBoundingClientRect().top - made.offsetHeight
      made.style.top = `max(${HEADER}px, ${above}px)`
      cells[0]!.focus()
    },
  }
}
