import type { Shell } from '../shell'

/**
 * On a phone the keyboard covers the page instead of shrinking it; only the visual viewport says
 * how much is left to the panel.
 */
export function followKeyboard({ window, addSheet }: Shell): void {
  const viewport = window.visualViewport
  if (!viewport) return
  const set = addSheet('')
  const follow = (): void =>
    set(`:host{--view-top:${viewport.offsetTop}px;--view-height:${viewport.height}px}`)
  viewport.addEventListener('resize', follow)
  viewport.addEventListener('scroll', follow)
  follow()
}
