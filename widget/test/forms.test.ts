/** What the site asks: before the talk, beside it while nobody is there, and after it. */

import { describe, expect, it } from 'vitest'
import { due } from '../src/panel/parts'
import { mount } from '../src/parts/forms'
import type { Field } from '../src/wire'
import { Bench, HOSTILE } from './bench'
import { AT, fromDesk, own, settle } from './fakes'

const field = (name: string, more: Partial<Field> = {}): Field => ({
  name,
  label: `Your ${name}`,
  kind: 'text',
  required: false,
  options: [],
  ...more,
})
const EMAIL = field('email', { kind: 'email', required: true })
const ALL = [
  field('name', { required: true }),
  EMAIL,
  field('phone', { kind: 'tel' }),
  field('topic', { kind: 'select', options: ['Sales', 'Support'] }),
  field('why', { kind: 'textarea' }),
]
const forms = { pre_chat: ALL, offline: [EMAIL], rating: true }

const asking = (change = {}, more = {}): Bench => new Bench(change, { forms: { ...forms, ...more } })
const beforeTalk = (change = {}, more = {}): Bench => asking(change, { offline: [], ...more }).mount(mount)
const control = (bench: Bench, label: string): HTMLInputElement =>
  [...bench.root.querySelectorAll('label')]
    .find(({ textContent }) => textContent!.startsWith(label))!
    .querySelector<HTMLInputElement>('input, select, textarea')!
const type = (bench: Bench, label: string, value: string): void => {
  control(bench, label).value = value
}
const composer = (bench: Bench): boolean => !bench.query('.writing').hidden
const active = (bench: Bench): Element | null => bench.root.activeElement
const said = (bench: Bench): string => bench.query('form [role=status]').textContent!

describe('the form before the talk', () => {
  it('renders', () => {
    const bench = beforeTalk()
    const labels = [...bench.root.querySelectorAll('.form label')].map((label) => label.firstChild!.textContent)
    expect(labels).toEqual(ALL.map(({ label }) => label))
    const controls = [...bench.root.querySelectorAll<HTMLInputElement>('.form .field')]
    expect(controls.map((one) => [one.type, one.getAttribute('autocomplete')])).toEqual([
      ['text', 'name'],
      ['email', 'email'],
      ['tel', 'tel'],
      ['select-one', 'on'],
      ['textarea', 'on'],
    ])
    expect(controls.map(({ required }) => required)).toEqual([true, true, false, false, false])
    expect([...bench.root.querySelectorAll('option')].map(({ value }) => value)).toEqual(['', 'Sales', 'Support'])
  })
  it('is accessible', async () => {
    const bench = beforeTalk()
    expect(await bench.faults()).toEqual([])
    await bench.click('Continue')
    expect(await bench.faults()).toEqual([])
  })
  it('stands in place of the composer', () => {
    expect(composer(beforeTalk())).toBe(false)
  })
  it('takes the focus that the field had, and has got', () => {
    const bench = asking()
    bench.view.focus()
    bench.mount(mount)
    expect(active(bench)).toBe(control(bench, 'Your name'))
    bench.set({ open: false })
    bench.open()
    expect(active(bench)).toBe(control(bench, 'Your name'))
  })
  it('does not take the focus where the panel is open without it', () => {
    expect(active(beforeTalk())).toBe(null)
  })
  it('says what is missing or wrong, at the field, and goes to the first', async () => {
    const bench = beforeTalk()
    type(bench, 'Your email', 'nobody')
    await bench.click('Continue')
    expect(bench.call).not.toHaveBeenCalled()
    const wrong = [...bench.root.querySelectorAll('[aria-invalid=true]')]
    expect(wrong).toEqual([control(bench, 'Your name'), control(bench, 'Your email')])
    expect(active(bench)).toBe(wrong[0])
    for (const one of wrong) expect(bench.query(`#${one.getAttribute('aria-describedby')}`)).toBeTruthy()
    type(bench, 'Your name', 'Zoe')
    await bench.click('Continue')
    expect([...bench.root.querySelectorAll('[aria-invalid=true]')]).toEqual([control(bench, 'Your email')])
  })
  it('sends what is known by name and what is the site’s own; then comes the field', async () => {
    const bench = beforeTalk()
    type(bench, 'Your name', ' Zoe ')
    type(bench, 'Your email', 'zoe@example.com')
    type(bench, 'Your topic', 'Sales')
    await bench.click('Continue')
    expect(bench.call).toHaveBeenCalledExactlyOnceWith('profile', {
      name: 'Zoe',
      email: 'zoe@example.com',
      fields: { topic: 'Sales' },
    })
    expect(bench.count('.form')).toBe(0)
    expect(composer(bench)).toBe(true)
    expect(active(bench)).toBe(bench.field)
  })
  it('is asked once in a browser, and again of somebody else', async () => {
    const bench = beforeTalk({}, { pre_chat: [field('name')] })
    await bench.click('Continue')
    const again = asking({}, { offline: [], pre_chat: [field('name')] })
    for (const [key, value] of bench.kept) again.kept.set(key, value)
    again.mount(mount)
    expect(again.count('.form')).toBe(0)
    again.set({ visitor: 'v-2' })
    expect(again.count('.form')).toBe(1)
  })
  it.each([
    ['has written', { messages: [own(1, 'a')] }],
    ['is writing', { waiting: [{ id: 'a', body: 'x', at: AT }] }],
  ])('is not for who %s', (_, change) => {
    const bench = beforeTalk(change)
    expect(bench.count('.form')).toBe(0)
    expect(composer(bench)).toBe(true)
  })
  it('stays for who was written to', () => {
    expect(beforeTalk({ messages: [fromDesk(1)] }).count('.form')).toBe(1)
  })
  it('keeps what was typed without a connection, says so, and sends it later', async () => {
    const bench = beforeTalk({ link: 'lost' }, { pre_chat: [EMAIL] })
    type(bench, 'Your email', 'zoe@example.com')
    bench.refuse('unavailable')
    await bench.click('Continue')
    expect(said(bench)).toBe('Waiting for the connection')
    expect(control(bench, 'Your email').value).toBe('zoe@example.com')
    expect(composer(bench)).toBe(false)
    bench.set({ link: 'live' })
    await settle()
    expect(bench.call).toHaveBeenCalledTimes(2)
    expect(composer(bench)).toBe(true)
  })
  it('says that it was not sent where the server refuses it', async () => {
    const bench = beforeTalk({}, { pre_chat: [field('name')] })
    bench.refuse('rate_limited', 3)
    await bench.click('Continue')
    expect(said(bench)).toBe('Not sent')
    await bench.click('Continue')
    expect(composer(bench)).toBe(true)
  })
  it('does not open again what was closed meanwhile', async () => {
    const bench = beforeTalk({ link: 'lost' }, { pre_chat: [field('name')] })
    bench.refuse('unavailable')
    await bench.click('Continue')
    ;(active(bench) as HTMLElement).blur()
    bench.set({ open: false })
    bench.set({ link: 'live' })
    await settle()
    expect(composer(bench)).toBe(true)
    expect(bench.state.open).toBe(false)
  })
  it.each(['remove', 'elements', 'onsubmit', '__proto__', HOSTILE, 'a\nb'])('takes a field of the name %j', async (name) => {
    const bench = beforeTalk({}, { pre_chat: [field(name, { label: HOSTILE })] })
    control(bench, HOSTILE).value = HOSTILE
    await bench.click('Continue')
    const [, params] = bench.call.mock.lastCall as [string, { fields: object }]
    expect(Object.entries(params.fields)).toEqual([[name, HOSTILE]])
    expect(composer(bench)).toBe(true)
  })
  it('shows labels and options as text', async () => {
    const bench = beforeTalk({}, {
      pre_chat: [field('topic', { label: HOSTILE, kind: 'select', options: [HOSTILE, '</select>'] })],
    })
    expect(bench.count('img')).toBe(0)
    expect(control(bench, HOSTILE).textContent).toBe(`${HOSTILE}</select>`)
    expect(await bench.faults()).toEqual([])
  })
})

describe('the form while nobody is there', () => {
  const away = { desk: { state: 'offline' } } as const

  it('renders', () => {
    const bench = asking({ ...away, messages: [own(1, 'a')] }).mount(mount)
    expect(control(bench, 'Your email').type).toBe('email')
    expect(composer(bench)).toBe(true)
  })
  it('is accessible', async () => {
    expect(await asking({ ...away, messages: [own(1, 'a')] }).mount(mount).faults()).toEqual([])
  })
  it('goes once it is answered', async () => {
    const bench = asking({ ...away, messages: [own(1, 'a')] }).mount(mount)
    type(bench, 'Your email', 'zoe@example.com')
    await bench.click('Continue')
    bench.set({ atEnd: true })
    expect(bench.count('.form')).toBe(0)
    expect(active(bench)).toBe(bench.field)
  })
  it('asks for nothing that was answered before the talk', async () => {
    const bench = asking(away, { offline: [EMAIL, field('phone')], pre_chat: [EMAIL] }).mount(mount)
    type(bench, 'Your email', 'zoe@example.com')
    await bench.click('Continue')
    expect(composer(bench)).toBe(true)
    expect([...bench.root.querySelectorAll('.form label')].map((label) => label.textContent)).toEqual(['Your phone'])
  })
  it('comes and goes with the desk, but not from under the fingers', () => {
    const bench = asking({ messages: [own(1, 'a')] }).mount(mount)
    expect(bench.count('.form')).toBe(0)
    bench.set(away)
    control(bench, 'Your email').focus()
    bench.set({ desk: { state: 'online' } })
    expect(bench.count('.form')).toBe(1)
    bench.field.focus()
    bench.set({ desk: { state: 'online' } })
    expect(bench.count('.form')).toBe(0)
  })
})

describe('the rating', () => {
  it('is fetched for who has written, whether the panel is open or not', () => {
    for (const open of [true, false]) {
      const { state } = new Bench({ open, messages: [own(1, 'a')] })
      expect(due(state)).toContain('forms')
      expect(due({ ...state, messages: [] })).not.toContain('forms')
    }
  })
  const talk = { messages: [own(1, 'a'), fromDesk(2)] }
  /** A talk that has just ended. */
  const ended = (rating = true): Bench => {
    const bench = new Bench({ ...talk, talk: { state: 'taken' } }, { forms: { pre_chat: [], offline: [], rating } })
    bench.mount(mount).set({ talk: { state: 'quiet' } })
    return bench
  }
  const star = (bench: Bench, score: number): HTMLInputElement => bench.query(`[type=radio][value="${score}"]`)

  it('renders', () => {
    const bench = ended()
    const stars = [...bench.root.querySelectorAll<HTMLInputElement>('[type=radio]')]
    expect(stars.map((one) => one.getAttribute('aria-label'))).toEqual(['1', '2', '3', '4', '5'])
    expect(new Set(stars.map(({ name }) => name)).size).toBe(1)
    expect(bench.query('legend').textContent).toBe('How was this conversation?')
  })
  it('is accessible', async () => {
    const bench = ended()
    star(bench, 3).click()
    expect(await bench.faults()).toEqual([])
    await bench.click('Send rating')
    expect(await bench.faults()).toEqual([])
  })
  it('is sent with a comment, and thanked for', async () => {
    const bench = ended()
    star(bench, 4).click()
    bench.query<HTMLTextAreaElement>('.rating textarea').value = ' Quick '
    await bench.click('Send rating')
    expect(bench.call).toHaveBeenCalledExactlyOnceWith('rate', { score: 4, comment: 'Quick' })
    expect(bench.query('.rating').textContent).toBe('Thank you!')
    expect(active(bench)).toBe(bench.field)
  })
  it('needs a star', async () => {
    const bench = ended()
    await bench.click('Send rating')
    expect(bench.call).not.toHaveBeenCalled()
  })
  it('stays until it is sent', async () => {
    const bench = ended()
    bench.set({ link: 'lost' })
    bench.refuse('unavailable')
    star(bench, 1).click()
    await bench.click('Send rating')
    expect(said(bench)).toBe('Waiting for the connection')
    bench.set({ link: 'live' })
    await settle()
    expect(bench.query('.rating').textContent).toBe('Thank you!')
  })
  it('is asked after a reload too, but not once it was dismissed', async () => {
    const before = ended()
    const bench = new Bench(talk)
    for (const [key, value] of before.kept) bench.kept.set(key, value)
    bench.mount(mount)
    expect(bench.count('.rating')).toBe(1)
    await bench.click('Close')
    expect(bench.count('.rating')).toBe(0)
    expect(active(bench)).toBe(bench.field)
    const later = new Bench(talk)
    for (const [key, value] of bench.kept) later.kept.set(key, value)
    expect(later.mount(mount).count('.rating')).toBe(0)
  })
  it('is asked in a browser that keeps nothing too', () => {
    const bench = new Bench(talk)
    bench.mount(mount)
    bench.kept.set = (key, value) => {
      Map.prototype.set.call(bench.kept, key, value)
      bench.dispatch({ type: 'forgetful' })
      return bench.kept
    }
    bench.set({ talk: { state: 'taken' } })
    bench.set({ talk: { state: 'quiet' } })
    expect(bench.count('.rating')).toBe(1)
  })
  it('is not asked of another visitor', () => {
    const before = ended()
    const bench = new Bench({ ...talk, visitor: 'v-2' })
    for (const [key, value] of before.kept) bench.kept.set(key, value)
    expect(bench.mount(mount).count('.rating')).toBe(0)
  })
  it('goes when the visitor writes again, and comes after the next talk', () => {
    const bench = ended()
    bench.set({ waiting: [{ id: 'b', body: 'One more', at: AT }] })
    expect(bench.count('.rating')).toBe(0)
    bench.set({ waiting: [], talk: { state: 'waiting' } })
    bench.set({ talk: { state: 'quiet' } })
    expect(bench.count('.rating')).toBe(0)
    bench.set({ talk: { state: 'taken' } })
    bench.set({ talk: { state: 'quiet' } })
    expect(bench.count('.rating')).toBe(1)
  })
  it('is not asked where the site does not want it, nor of who had no talk', () => {
    expect(ended(false).count('.rating')).toBe(0)
    expect(new Bench(talk).mount(mount).count('.rating')).toBe(0)
  })
})
