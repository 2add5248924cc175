type Elements = HTMLElementTagNameMap & Pick<SVGElementTagNameMap, 'svg' | 'path'>

/**
 * An element whose `name` is its class and its part, with attributes and children. Texts become
 * text nodes; nothing is ever parsed.
 */
export function h<K extends keyof Elements>(
  tag: K,
  name = '',
  attributes: Record<string, string> = {},
  ...children: (Node | string)[]
): Elements[K] {
  const space = tag === 'svg' || tag === 'path' ? '2000/svg' : '1999/xhtml'
  const element = document.createElementNS(`http://www.w3.org/${space}`, tag) as Elements[K]
  const all = name ? { class: name, part: name, ...attributes } : attributes
  for (const [key, value] of Object.entries(all)) element.setAttribute(key, value)
  element.append(...children)
  return element
}

/** A picture of one path on a field of 24 by 24, hidden from assistive technology. */
export const icon = (name: string, path: string): SVGElement =>
  h('svg', name, { viewBox: '0 0 24 24', 'aria-hidden': 'true' }, h('path', '', { d: path }))

/** The picture of what opens a menu. */
export const DOTS = 'M12 5v.01M12 12v.01M12 19v.01'
