import en from '../texts/en.json'

export type Texts = typeof en

export const english: Texts = en

/** `{name}` in the text stands for `values.name`. */
export const fill = (text: string, values: Record<string, string | number>): string =>
  text.replace(/\{(\w+)\}/g, (whole, name: string) => String(values[name] ?? whole))
