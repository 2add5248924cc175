/** The texts of one language: the English ones come with what shows them, the others by themselves. */

import type { Section } from '../sections'
import { core } from '../texts/en.json'

export type Texts = typeof core

export const english: Texts = core

/** By section, in the order of the English ones; nothing of those that are not translated. */
export type Translation = readonly (readonly string[] | null)[]

export type Fill = (text: string, values: Readonly<Record<string, string | number>>) => string

export interface Language {
  /** What `Intl` and `lang` take. */
  readonly tag: string
  readonly words: <T extends Readonly<Record<string, string>>>(section: Section, english: T) => T
  /**
   * `{name}` stands for `values.name`. Of `one:…|few:…|…` it is the one for `values.count`, by
   * CLDR's plural categories; the last is for all others.
   */
  readonly fill: Fill
}

export function createLanguage(tag: string, translation?: Translation): Language {
  const rules = new Intl.PluralRules(tag)
  return {
    tag,
    words<T extends Readonly<Record<string, string>>>(section: Section, english: T): T {
      const list = translation?.[section]
      if (!list) return english
      return Object.fromEntries(Object.keys(english).map((key, index) => [key, list[index]])) as T
    },
    fill(text, values) {
      const forms = text.split('|')
      const category = `${rules.select(Number(values.count))}:`
      const form = forms.find((form) => form.startsWith(category))?.slice(category.length) ?? forms[forms.length - 1]!
      return form.replace(/\{(\w+)\}/g, (whole, name: string) => String(values[name] ?? whole))
    },
  }
}

/** Which of the languages that there are is the nearest; empty: English. */
export function nearest(wanted: string, there: readonly string[]): string {
  return there.find((one) => RegExp(`^${one}(?![a-z])`, 'i').test(wanted)) ?? ''
}

/**
 * What `Intl` takes: the language, with the wanted country if there is one. Pages may want anything,
 * and `Intl` throws at what is not well-formed.
 */
export const tagIn = (language: string, wanted: string): string =>
  RegExp(`^${language}(-[a-z]{2})?$`, 'i').test(wanted) ? wanted : language
