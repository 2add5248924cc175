import { addSheet } from '../sheets'

/**
 * On a phone the keyboard covers the page instead of shrinking it; only the visual viewport says
 * how much is left to the panel.
 */
export function followKeyboard(root: ShadowRoot): void {
  const viewport = window.visualViewport
  if (!viewport) return
  const sheet = addSheet(root, '')
  const follow = (): void =>
    sheet.replaceSync(`:host{--view-top:${viewport.offsetTop}px;--view-height:${viewport.height}px}`)
  viewport.addEventListener('resize', follow)
  viewport.addEventListener('scroll', follow)
  follow()
}
