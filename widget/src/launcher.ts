import { chat } from './texts/en.json'

/** The round button that opens and closes the panel; its picture is in the style sheet. */
export function createLauncher(): HTMLButtonElement {
  const button = document.createElement('button')
  button.type = 'button'
  button.className = 'launcher'
  button.setAttribute('part', 'launcher')
  button.setAttribute('aria-label', chat)
  button.setAttribute('aria-expanded', 'false')
  return button
}
