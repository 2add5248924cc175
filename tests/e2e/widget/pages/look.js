// What a person sees of the widget: where its pieces are, and how they are drawn.
() => {
  const root = document.querySelector('parley-chat').shadowRoot
  const of = (selector) => {
    const element = root.querySelector(selector)
    const { x, y, width, height } = element.getBoundingClientRect()
    const { color, font, visibility, direction, textTransform } = getComputedStyle(element)
    return [x, y, width, height, color, font, visibility, direction, textTransform]
  }
  return ['.launcher', '.panel', '.field', '.send'].map(of)
}
