/** The texts of one language: the English ones come with what shows them, the others by themselves. */

import type { Section } from '../sections'
import { core } from '../texts/en.json'

export type Texts = typeof core

export const english: Texts = core

/**
 * Of one language, in the order of the English ones: a line each, and an empty line between sections;
 * a section that is not translated is empty. `translations.mjs` makes it.
 */
export type Translation = string

export type Fill = (text: string, value: string | number) => string

export interface Language {
  /** What `Intl` and `lang` take. */
  readonly tag: string
  readonly words: <T extends Readonly<Record<string, string>>>(section: Section, english: T) => T
  /**
   * The placeholder, `{name}`, stands for the value. Of `one:…|few:…|…` it is the one for the value,
   * by CLDR's plural categories; the last is for all others.
   */
  readonly fill: Fill
}

export function createLanguage(tag: string, translation?: Translation): Language {
  const rules = new Intl.PluralRules(tag)
  const sections = translation?.split('\n\n')
  return {
    tag,
    words<T extends Readonly<Record<string, string>>>(section: Section, english: T): T {
      const list = sections?.[section]?.split('\n')
      if (!list?.[0]) return english
      return Object.fromEntries(Object.keys(english).map((key, index) => [key, list[index]])) as T
    },
    fill(text, value) {
      const forms = text.split('|')
      const category = `${rules.select(Number(value))}:`
      const form = forms.find((form) => form.startsWith(category))?.slice(category.length) ?? forms[forms.length - 1]!
      return form.replace(/\{\w*\}/, () => `${value}`)
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
