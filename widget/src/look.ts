/** The site's look, as far as its settings say; a page's own custom properties come before it. */

import { addSheet } from './sheets'
import type { Settings } from './wire'

/** Black or white, whichever is easier to read on the colour: WCAG's luminance with a gamma of 2. */
export function readableOn(hex: string): string {
  const [red, green, blue] = [1, 3, 5].map((at) => (parseInt(hex.slice(at, at + 2), 16) / 255) ** 2)
  return 0.2126 * red! + 0.7152 * green! + 0.0722 * blue! > 0.18 ? '#000' : '#fff'
}

export function createLook(host: HTMLElement, root: ShadowRoot, position: string): (look: Settings['look']) => void {
  const set = addSheet(root, '')
  return ({ accent = '', position: wanted = '' } = {}) => {
    host.dataset.position = position || wanted
    const valid = /^#[\da-f]{6}$/i.test(accent)
    set(valid ? `:host{--site-accent:${accent};--site-on-accent:${readableOn(accent)}}` : '')
  }
}
