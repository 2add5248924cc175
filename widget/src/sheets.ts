/**
 * Adds a style sheet and gives the function that replaces its text. Constructed sheets pass a
 * `style-src` without `unsafe-inline`; Safari before 16.4 has none and gets an element.
 */
export function addSheet(root: ShadowRoot, css: string): (css: string) => void {
  const sheet = root.adoptedStyleSheets ? new CSSStyleSheet() : document.createElement('style')
  const set = (text: string): void => {
    if ('replaceSync' in sheet) sheet.replaceSync(text)
    else sheet.textContent = text
  }
  if ('replaceSync' in sheet) root.adoptedStyleSheets = [...root.adoptedStyleSheets, sheet]
  else root.append(sheet)
  set(css)
  return set
}
