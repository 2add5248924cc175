// How the texts of a language are carried: one string, a line a text, an empty line between sections.

/** No text has more than one placeholder, so which it is need not be said. */
export const unnamed = (text) => text.replace(/\{\w+\}/g, '{}')

/** In the order of the English ones and their sections. A section that lacks a text is left empty, and so in English. */
export function carried(texts, english) {
  const { chat, ...sections } = english
  const lists = Object.entries(sections).map(([section, keys]) => {
    const list = Object.keys(keys).map((key) => texts[section]?.[key])
    return list.every(Boolean) ? unnamed(list.join('\n')) : ''
  })
  return [texts.chat ?? chat, ...lists].join('\n\n')
}

/** The code of the part. */
export const moduleOf = (text) => `export default\`${text.replace(/[\\`]|\$\{/g, '\\$&')}\``
