export interface Options {
  readonly site: string
  /** Where `widget.js` lies; its parts and `rpc` lie beside it. Ends with a slash. */
  readonly base: string
  readonly name: string
  readonly locale: string
  readonly theme: string
  readonly position: string
  readonly consentRequired: boolean
  /** Nothing is sent before the visitor opens the widget. */
  readonly held: boolean
}

export function readOptions(script: HTMLScriptElement, navigator: Navigator): Options {
  const { site = '', name = '', locale, theme = 'auto', position = '', consent, presence } = script.dataset
  return {
    site,
    base: script.src.replace(/[^/]*([?#].*)?$/, ''),
    name,
    locale: locale || navigator.language,
    theme,
    position,
    consentRequired: consent === 'required',
    held:
      presence === 'open' ||
      (navigator as { globalPrivacyControl?: boolean }).globalPrivacyControl === true,
  }
}
