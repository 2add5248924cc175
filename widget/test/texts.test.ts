/// <reference types="vite/types/importMeta.d.ts" />
/** The texts of every language, against the English ones. */

import { describe, expect, it } from 'vitest'
import { createLanguage, nearest, tagIn } from '../src/panel/texts'
import { Section } from '../src/sections'
import { carried, moduleOf, unnamed } from '../translations.mjs'

type Texts = Record<string, string | Record<string, string>>
const files = import.meta.glob<{ default: Texts }>('../src/texts/*.json', { eager: true })
const all = Object.entries(files).map(([path, { default: texts }]): [string, Texts] => [/(\w+)\.json$/.exec(path)![1]!, texts])
const english = files['../src/texts/en.json']!.default

/** By `section.key`. */
const flat = (texts: Texts): Map<string, string> =>
  new Map(
    Object.entries(texts).flatMap(([section, keys]): [string, string][] =>
      typeof keys === 'string' ? [[section, keys]] : Object.entries(keys).map(([key, text]) => [`${section}.${key}`, text]),
    ),
  )
const placeholders = (text: string): string[] => [...new Set(text.match(/\{\w*\}/g) ?? [])].sort()
const FORM = /^(zero|one|two|few|many|other):/

it('has the ten languages', () => {
  expect(all.map(([language]) => language)).toEqual(['ar', 'de', 'en', 'es', 'fr', 'he', 'ja', 'pt', 'ru', 'zh'])
})

it('has the sections in the order in which they are looked up', () => {
  const named = Object.values(Section).filter((name) => typeof name === 'string')
  expect(named.map((name) => name.toLowerCase())).toEqual(Object.keys(english).map((name) => name.replace('chat', 'button')))
})

describe.each(all)('%s', (language, texts) => {
  const own = flat(texts)

  it('has every text, and no other', () => {
    expect([...own.keys()].sort()).toEqual([...flat(english).keys()].sort())
  })
  it('has nothing empty, and no space too many', () => {
    expect([...own.values()].filter((text) => !text || text !== text.trim() || / {2}/.test(text))).toEqual([])
  })
  it('has the placeholders of the English ones', () => {
    for (const [key, text] of flat(english)) {
      const forms = own.get(key)!.split('|')
      const last = placeholders(forms[forms.length - 1]!)
      expect([key, last]).toEqual([key, placeholders(text)])
      // One or two need no number.
      for (const form of forms) expect(last).toEqual(expect.arrayContaining(placeholders(form)))
    }
  })
  it('has at most one placeholder in a text', () => {
    for (const [key, text] of own) for (const form of text.split('|')) expect([key, placeholders(form).length < 2]).toEqual([key, true])
  })
  it('has plural forms that the language has, and last the one for all others', () => {
    const { pluralCategories } = new Intl.PluralRules(language).resolvedOptions()
    for (const [key, text] of own) {
      const forms = text.split('|')
      const categories = forms.map((form) => FORM.exec(form)?.[1])
      expect([key, categories.pop()]).toEqual([key, undefined])
      expect(pluralCategories).toEqual(expect.arrayContaining(categories))
      expect(new Set(categories).size).toBe(categories.length)
    }
  })
})

it.each([
  ['de', ['1 neue Nachricht', '2 neue Nachrichten', '11 neue Nachrichten']],
  ['ar', ['رسالة جديدة', 'رسالتان جديدتان', '11 رسالة جديدة', '3 رسائل جديدة', '103 رسائل جديدة', '100 رسالة جديدة']],
  ['ru', ['1 новое сообщение', '2 новых сообщения', '11 новых сообщений', '21 новое сообщение', '5 новых сообщений']],
  ['ja', ['新着メッセージ1件', '新着メッセージ2件']],
])('%s counts as its speakers do', (language, expected) => {
  const { core } = files[`../src/texts/${language}.json`]!.default as { core: { unread: string } }
  const { fill } = createLanguage(language)
  const counts = language === 'ar' ? [1, 2, 11, 3, 103, 100] : [1, 2, 11, 21, 5]
  expect(expected).toEqual(counts.slice(0, expected.length).map((count) => fill(core.unread, count)))
})

it.each(all)('%s is carried as it is written', async (language, texts) => {
  const code = moduleOf(carried(texts, english))
  const { default: text } = await import(/* @vite-ignore */ `data:text/javascript,${encodeURIComponent(code)}`)
  const { words } = createLanguage(language, text)
  const { chat, ...sections } = texts
  expect(words(Section.Button, { chat: 'Chat' })).toEqual({ chat })
  for (const [index, written] of Object.values(sections).entries())
    expect(Object.values(words(index + 1, written as Record<string, string>))).toEqual(Object.values(written).map(unnamed))
})

it('of a language that lacks a text the section is carried empty', () => {
  expect(carried({ chat: 'Plausch', two: { a: 'Ah', b: 'Be' } }, { chat: 'Chat', one: { a: 'A' }, two: { a: 'A', b: 'B' } })).toBe(
    'Plausch\n\n\n\nAh\nBe',
  )
})

const THERE = ['ar', 'de', 'es', 'fr', 'he', 'ja', 'pt', 'ru', 'zh']

it.each([
  ['pt-BR', 'pt'],
  ['pt_PT', 'pt'],
  ['DE', 'de'],
  ['zh-Hant-TW', 'zh'],
  ['en-GB', ''],
  ['nl', ''],
  ['arn', ''],
  ['fra', ''],
  ['', ''],
])('the nearest to %j is %j', (wanted, language) => {
  expect(nearest(wanted, THERE)).toBe(language)
})

it.each([
  ['de', 'de-AT', 'de-AT'],
  ['pt', 'pt_BR', 'pt'],
  ['zh', 'zh-Hant-TW', 'zh'],
  ['en', 'en-GB', 'en-GB'],
  ['en', 'nl-NL', 'en'],
  ['en', '', 'en'],
  ['en', 'en_US.UTF-8', 'en'],
  ['de', 'de-x', 'de'],
])('in %s, wanted as %j, dates and numbers are those of %s', (language, wanted, tag) => {
  expect(tagIn(language, wanted)).toBe(tag)
  expect(() => new Intl.PluralRules(tag)).not.toThrow()
})
