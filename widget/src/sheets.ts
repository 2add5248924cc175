/** Adds a style sheet. Constructed ones pass a `style-src` without `unsafe-inline`. */
export function addSheet(root: ShadowRoot, css: string): CSSStyleSheet {
  const sheet = new CSSStyleSheet()
  sheet.replaceSync(css)
  root.adoptedStyleSheets.push(sheet)
  return sheet
}
