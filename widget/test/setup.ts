/** What jsdom lacks and every browser has. */

class QuietObserver {
  observe(): void {}
  unobserve(): void {}
  disconnect(): void {}
}
globalThis.ResizeObserver ??= QuietObserver

CSSStyleSheet.prototype.replaceSync ??= function () {}
const sheets = new WeakMap<ShadowRoot, CSSStyleSheet[]>()
Object.defineProperty(ShadowRoot.prototype, 'adoptedStyleSheets', {
  get(this: ShadowRoot) {
    if (!sheets.has(this)) sheets.set(this, [])
    return sheets.get(this)
  },
})

Element.prototype.scrollIntoView ??= () => {}
navigator.sendBeacon ??= () => true

// Node's own would reach every other test, and none of a test's own pages.
Reflect.deleteProperty(globalThis, 'BroadcastChannel')
