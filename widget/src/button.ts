import { chat } from './texts/en.json'

/** The round button that opens and closes the panel; its picture is in the style sheet. */
export const createButton = (): HTMLButtonElement =>
  Object.assign(document.createElement('button'), {
    className: 'launcher',
    part: 'launcher',
    ariaLabel: chat,
    ariaExpanded: 'false',
  })
