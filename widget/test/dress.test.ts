/** What messages have beside their text, in a whole page. */

import { beforeEach, describe, expect, it, vi } from 'vitest'
import type { Message } from '../src/wire'
import { AT, fromDesk, own } from './fakes'
import { FakePage } from './page'

vi.mock('../src/panel/parts', async (actual) => ({
  ...(await actual<object>()),
  fetchPart: (await import('./parts')).fetchPart,
}))

const FILES = 'https://files.example/'
const ada = { kind: 'operator', id: 'o-1', name: 'Ada' } as const
const me = { kind: 'visitor', id: 'v-1', name: 'Visitor', self: true } as const
const file = { url: `${FILES}a%20b.pdf?x=1`, name: 'a b.pdf', type: 'application/pdf', size: 12_345 }
const EVIL = '<img src=x onerror=alert(1)>'

let page: FakePage

beforeEach(() => {
  localStorage.clear()
  page = new FakePage()
})

const show = (...messages: Message[]): Promise<void> => page.open(messages, { unread: 0 })

describe('a message', () => {
  it('shows what it answers, its file and its reactions', async () => {
    await show(
      own(1, 'a', 'x'.repeat(4000)),
      fromDesk(2, 'Good morning', { reply_to: 1, reactions: [{ emoji: '👍', from: [ada, me] }, { emoji: '<i>', from: [me] }] }),
      fromDesk(3, file.url, { attachment: file }),
      fromDesk(4, 'look at this', { attachment: { url: `${FILES}raw`, name: '' }, reply_to: 99 }),
    )
    expect(page.texts('.reaction')).toEqual(['👍 2', '<i> 1'])
    expect(page.find('.reaction').getAttribute('aria-label')).toBe('👍 Ada, You')
    expect(page.texts('.quote')).toEqual([expect.stringMatching(/You: x{99}$/)])
    expect(page.texts('.card')).toEqual([expect.stringMatching(/^a b.pdf.*13/), `${FILES}raw`])
    expect(page.texts('.bubble.theirs:not(.card)')).toEqual(['Good morning', 'look at this'])
  })

  it('is accessible', async () => {
    await show(own(1, 'a'), fromDesk(2, 'b', { reply_to: 1, attachment: file, reactions: [{ emoji: '👍', from: [ada] }] }))
    expect(await page.faults()).toEqual([])
  })

  it('quotes nothing of what was removed', async () => {
    await show(fromDesk(5, '', { retracted: true }), fromDesk(6, 'why?', { reply_to: 5 }))
    expect(page.texts('.quote')).toEqual([expect.stringMatching(/Ada: This message was removed$/)])
  })

  it('asks nobody for its file before a click', async () => {
    await show(fromDesk(1, file.url, { attachment: { ...file, type: 'image/png' } }))
    const card = page.find<HTMLAnchorElement>('.card')
    expect([card.href, card.target, card.rel]).toEqual([file.url, '_blank', 'noopener noreferrer nofollow'])
    const loading = 'img, picture, video, audio, iframe, object, embed, link, script, [src], [srcset], [style], [ping]'
    expect(page.texts(`[role=log] :is(${loading})`)).toEqual([])
  })

  it('shows a picture that our own server keeps', async () => {
    const url = 'https://chat.example/in/files/a.png'
    await show(fromDesk(1, url, { attachment: { url, name: 'a.png', type: 'image/png' } }))
    const picture = page.find<HTMLImageElement>('[role=log] img')
    expect([picture.src, picture.alt]).toEqual([url, 'a.png'])
  })

  it.each(['javascript:alert(1)', 'data:text/html,x', 'file:///etc/passwd', '//evil.example/x', ' https://evil.example', 'https://', 'blob:https://a/b', ''])(
    'has no link to a file at %j',
    async (url) => {
      await show(fromDesk(1, url || 'x', { attachment: { url, name: EVIL }, reply_to: 9 }))
      expect(page.texts('[role=log] :is(img, a.card, a:not([href^=https]))')).toEqual([])
    },
  )

  it('has names, quotes and emoji as text only', async () => {
    const from = { ...ada, name: EVIL }
    const attachment = { url: `https://a.example/"${EVIL}`, name: EVIL }
    await show(
      fromDesk(1, EVIL, { from }),
      fromDesk(2, EVIL, { from, reply_to: 1, reactions: [{ emoji: EVIL, from: [from] }], attachment, edited: AT }),
    )
    expect(page.texts('[role=log] img')).toEqual([])
    expect(page.find('.quote').textContent).toContain(`${EVIL}: ${EVIL}`)
    expect(page.texts('.card')).toEqual([EVIL])
  })
})
