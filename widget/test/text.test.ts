/** Text from anywhere is shown as text; links, times and the reader's language. */

import { describe, expect, it } from 'vitest'
import { linked } from '../src/panel/links'
import { createLanguage, english, nearest } from '../src/panel/texts'
import { createTimes } from '../src/panel/times'
import { Section } from '../src/sections'

const shown = (text: string): HTMLElement => {
  const element = document.createElement('p')
  element.append(...linked(text))
  return element
}
const links = (text: string): (string | null)[] =>
  [...shown(text).querySelectorAll('a')].map((link) => link.getAttribute('href'))

describe('links', () => {
  it.each([
    ['see https://example.com/a?b=1&c=2#d.', ['https://example.com/a?b=1&c=2#d']],
    ['(https://example.com/a) and https://example.com/b_(c)', ['https://example.com/a', 'https://example.com/b_(c)']],
    ['mailto:ada@example.com!', ['mailto:ada@example.com']],
    ['javascript:alert(1) data:text/html,x vbscript:x file:///etc/passwd', []],
    ['HTTPS://EXAMPLE.COM', ['https://example.com/']],
    ['https://', []],
    ['<a href="https://example.com">x</a>', ['https://example.com/']],
  ])('are made of http, https and mailto alone: %s', (text, expected) => {
    expect(links(text)).toEqual(expected)
    expect(shown(text).textContent).toBe(text)
  })

  it('open elsewhere, and tell nothing about the page', () => {
    const link = shown('https://example.com').querySelector('a')!
    expect(link.target).toBe('_blank')
    expect(link.rel).toBe('noopener noreferrer nofollow')
  })

  it('never become elements of another kind', () => {
    expect(shown('<img src=x onerror=alert(1)> https://x.example/<b>').querySelectorAll(':not(a)')).toHaveLength(0)
  })
})

describe('times', () => {
  const times = createTimes('en-GB', () => new Date(2026, 2, 4, 12).getTime())
  it.each([
    [new Date(2026, 2, 4, 0, 1), 'Today'],
    [new Date(2026, 2, 3, 23, 59), 'Yesterday'],
    [new Date(2026, 2, 2, 12), '2 March 2026'],
    [new Date(2026, 2, 5, 12), '5 March 2026'],
  ])('name the day of %s', (at, name) => {
    expect(times.day(at.toISOString())).toBe(name)
  })
  it("are written in the visitor's way", () => {
    const at = new Date(2026, 2, 4, 15, 5).toISOString()
    expect(times.clock(at)).toBe('15:05')
    expect(times.moment(at)).toBe('Wednesday 15:05')
    expect(createTimes('de', () => Date.parse(at)).day(at)).toBe('Heute')
  })
})

describe('the texts', () => {
  const words = Object.keys(english)

  it('are the English ones where there is no other language', () => {
    expect(createLanguage('en').words(Section.Core, english)).toBe(english)
  })

  it('of another language stand in the order of the English ones', () => {
    const { words: translated } = createLanguage('de', `\n\n${words.map((word) => `de ${word}`).join('\n')}`)
    const core = translated(Section.Core, english)
    expect([core.send, core.emoji]).toEqual(['de send', 'de emoji'])
    expect(Object.keys(core)).toEqual(words)
  })

  it('of a section that a language does not have are the English ones', () => {
    const section = { hi: 'Hi' }
    expect(createLanguage('de', 'Chat\n\n\n\n').words(Section.Menu, section)).toBe(section)
  })

  it.each([
    ['en', 0, '0 new messages'],
    ['en', 1, '1 new message'],
    ['en', 12, '12 new messages'],
  ])('have a form for each number: %s, %d', (tag, count, text) => {
    expect(createLanguage(tag).fill(english.unread, count)).toBe(text)
  })

  it.each([
    [1, '1 wiadomość'],
    [3, '3 wiadomości'],
    [5, '5 wiadomości (many)'],
  ])('have as many forms as a language needs: %d', (count, text) => {
    const { fill } = createLanguage('pl')
    expect(fill('one:{count} wiadomość|few:{count} wiadomości|{count} wiadomości (many)', count)).toBe(text)
  })

  it('take what is put into them as it is', () => {
    const { fill } = createLanguage('en')
    expect(fill('{name} is typing', '$& {name} <b>')).toBe('$& {name} <b> is typing')
  })

  it.each([
    ['de', 'de'],
    ['de-AT', 'de'],
    ['DE_ch', 'de'],
    ['en-GB', ''],
    ['den', ''],
    ['', ''],
  ])('are those of the nearest language: %j', (wanted, found) => {
    expect(nearest(wanted, ['ar', 'de'])).toBe(found)
  })
})
