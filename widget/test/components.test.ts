import axe from 'axe-core'
import { beforeEach, describe, expect, it, vi } from 'vitest'
import { createLauncher } from '../src/launcher'
import { createBadge } from '../src/panel/badge'
import { createComposer } from '../src/panel/composer'
import { createHeader } from '../src/panel/header'
import { createLog } from '../src/panel/log'
import { createNotice } from '../src/panel/notice'
import { type State, initial } from '../src/panel/state'
import { english } from '../src/panel/texts'
import { createTimes } from '../src/panel/times'
import { createView } from '../src/panel/view'
import { AT, fromDesk, own } from './fakes'

const state: State = {
  ...initial,
  visitor: 'v-1',
  title: 'Acme Outfitters',
  desk: { state: 'online' },
  link: 'live',
  open: true,
  more: true,
  messages: [
    own(1, 'a', 'Is anybody there?'),
    fromDesk(2, 'Yes: https://example.com'),
    fromDesk(3, 'Ada has left', { from: { kind: 'system', id: '', name: '' } }),
  ],
  waiting: [
    { id: 'b', body: 'waits', at: AT },
    { id: 'c', body: 'failed', at: AT, failed: 'too_long' },
  ],
  typing: 'Ada',
}

const actions = {
  times: createTimes('en', () => Date.parse(AT)),
  retry: vi.fn(),
  earlier: vi.fn(),
  atEnd: vi.fn(),
  send: vi.fn(),
  changed: vi.fn(),
}
const log = () => createLog({ ...actions, texts: english })
const composer = () => createComposer(english, actions)

function show<Shown extends { element: HTMLElement; render: (state: State) => void }>(component: Shown): Shown {
  document.body.append(component.element)
  component.render(state)
  return component
}

/** Colours are looked at in a browser; jsdom has none. */
async function faults(): Promise<string[]> {
  const { violations } = await axe.run(document.body, {
    rules: { 'color-contrast': { enabled: false }, region: { enabled: false } },
  })
  return violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(' ')}`)
}

const query = (selector: string): HTMLElement => document.querySelector<HTMLElement>(selector)!
const type = (text: string): void => {
  const field = query('textarea') as HTMLTextAreaElement
  field.value = text
  field.dispatchEvent(new Event('input'))
}
const press = (init: KeyboardEventInit): boolean =>
  query('textarea').dispatchEvent(new KeyboardEvent('keydown', { cancelable: true, ...init }))

beforeEach(() => {
  document.body.replaceChildren()
  vi.clearAllMocks()
})

describe('the button', () => {
  const showButton = (shown: State): HTMLButtonElement => {
    const button = createLauncher()
    document.body.append(button)
    createBadge(english, button)(shown)
    return button
  }

  it('renders', () => {
    const button = showButton({ ...state, open: false })
    expect(button.getAttribute('aria-label')).toBe('Chat')
    expect(button.getAttribute('aria-expanded')).toBe('false')
    expect(query('.badge').textContent).toBe('1')
    expect(query('#unread').textContent).toBe('Unread messages: 1')
  })
  it('is accessible', async () => {
    showButton({ ...state, open: false })
    expect(await faults()).toEqual([])
  })
  it('says that the panel is open, and then no number', () => {
    expect(showButton(state).getAttribute('aria-expanded')).toBe('true')
    expect(query('.badge').hidden).toBe(true)
  })
})

describe('the header', () => {
  it('renders', () => {
    show(createHeader(english))
    expect(query('.title').textContent).toBe('Acme Outfitters')
    expect(query('.state').textContent).toBe('Online now')
  })
  it('is accessible', async () => {
    show(createHeader(english))
    expect(await faults()).toEqual([])
  })
})

describe('the notice', () => {
  it('renders', () => {
    const notice = show(createNotice(english))
    expect(notice.element.hidden).toBe(true)
    notice.render({ ...state, desk: { state: 'offline' } })
    expect(notice.element.textContent).toMatch(/Leave a message/)
    notice.render({ ...state, link: 'lost' })
    expect(notice.element.textContent).toMatch(/No connection/)
  })
  it('is accessible', async () => {
    show(createNotice(english)).render({ ...state, link: 'lost' })
    expect(await faults()).toEqual([])
  })
})

describe('the log', () => {
  it('renders', () => {
    show(log())
    const bodies = [...document.querySelectorAll('[role=log] .bubble, [role=log] .line')]
    expect(bodies.map(({ textContent }) => textContent)).toEqual([
      'Is anybody there?',
      'Yes: https://example.com',
      'Notice: Ada has left',
      'waits',
      'failed',
    ])
    expect(query('.typing').textContent).toBe('Ada is typing')
  })
  it('is accessible', async () => {
    show(log())
    expect(await faults()).toEqual([])
  })
  it('keeps the node of a message that gets stored, so that it is announced once', () => {
    const component = show(log())
    const find = () => [...document.querySelectorAll('.row')].find((row) => row.textContent?.includes('waits'))
    const node = find()
    component.render({ ...state, waiting: [], messages: [...state.messages, own(4, 'b', 'waits')] })
    expect(find()).toBe(node)
    expect([...document.querySelectorAll('.bubble')].map(({ textContent }) => textContent)).not.toContain('failed')
  })
  it('keeps the order when earlier messages come', () => {
    const component = show(log())
    component.render({ ...state, messages: [fromDesk(0, 'first of all'), ...state.messages] })
    expect(query('[role=log] .bubble').textContent).toBe('first of all')
  })
  it('offers to retry what failed, and to fetch what is earlier', () => {
    show(log())
    query('.retry').click()
    expect(actions.retry).toHaveBeenCalledWith('c')
    query('.earlier').click()
    expect(actions.earlier).toHaveBeenCalled()
  })
  it('greets where the log begins', () => {
    show(log()).render({ ...state, more: false, greeting: 'Ahoy!' })
    expect(query('.greeting').textContent).toBe('Ahoy!')
  })
})

describe('the composer', () => {
  it('renders', () => {
    show(composer())
    expect(query('textarea').getAttribute('aria-label')).toBe('Message')
    expect(query('.send').getAttribute('aria-label')).toBe('Send')
  })
  it('is accessible', async () => {
    show(composer())
    type('x'.repeat(4001))
    expect(await faults()).toEqual([])
  })
  it('sends on Enter, and empties the field', () => {
    show(composer())
    type('  hello\nthere ')
    press({ key: 'Enter' })
    expect(actions.send).toHaveBeenCalledExactlyOnceWith('hello\nthere')
    press({ key: 'Enter' })
    expect(actions.send).toHaveBeenCalledTimes(1)
  })
  it.each([
    ['Shift and Enter', { key: 'Enter', shiftKey: true }],
    ["the input method's Enter", { key: 'Enter', isComposing: true }],
    ["the input method's Enter in Safari", { key: 'Enter', keyCode: 229 }],
  ])('does not send on %s', (_name, keys) => {
    show(composer())
    type('hello')
    expect(press(keys)).toBe(true)
    expect(actions.send).not.toHaveBeenCalled()
  })
  it('counts characters near the limit as the server does, and sends none over it', () => {
    show(composer())
    type('🙂'.repeat(3_990))
    expect(query('.count').textContent).toBe('10 left')
    type('🙂'.repeat(4_002))
    expect(query('.count').textContent).toBe('2 too many')
    press({ key: 'Enter' })
    query('.send').click()
    expect(actions.send).not.toHaveBeenCalled()
  })
})

describe('the panel', () => {
  it('renders', () => {
    const view = show(createView(english, actions))
    expect(view.element.getAttribute('role')).toBe('dialog')
    expect(view.element.hidden).toBe(false)
  })
  it('is accessible', async () => {
    show(createView(english, actions))
    expect(await faults()).toEqual([])
  })
})
