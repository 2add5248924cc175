/** Text from anywhere is shown as text; links, times and the reader's language. */

import { describe, expect, it } from 'vitest'
import { readableOn } from '../src/look'
import { linked } from '../src/panel/links'
import { createTimes } from '../src/panel/times'

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
    expect(times.clock(new Date(2026, 2, 4, 15, 5).toISOString())).toBe('15:05')
  })
})

describe('the colour on the accent', () => {
  it.each([
    ['#ffd84d', '#000'],
    ['#1a6b5c', '#fff'],
    ['#ffffff', '#000'],
    ['#000000', '#fff'],
  ])('is readable on %s', (accent, on) => expect(readableOn(accent)).toBe(on))
})
