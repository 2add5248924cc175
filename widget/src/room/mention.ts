/** Where somebody is called by name in what others write. */

/** Its second group is the name, with an `@` where one was written; the first is what stands before. */
export function mentionOf(name: string): RegExp {
  const escaped = name.replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&')
  // Two letters are too often a word of some language.
  const at = name.length > 2 ? '@?' : '@'
  // Scripts without cases write words together, or join to them what others write apart.
  const edge = '\\p{Cased}\\p{N}_'
  return RegExp(`(^|[^${edge}])(${at}${escaped})(?![${edge}])`, 'iu')
}

/** The nodes of a text, and the names in it by `mark`. */
export const marked = (nodes: (Node | string)[], mention: RegExp, mark: (name: string) => Node): (Node | string)[] =>
  nodes.flatMap((node): (Node | string)[] =>
    typeof node === 'string' ? node.split(mention).map((text, index) => (index % 3 === 2 ? mark(text) : text)) : [node],
  )
