import { boot } from './boot'

let tries = 0

boot(
  document.currentScript as HTMLScriptElement,
  // Browsers remember a module that failed to load, so each further try has an address of its own.
  (base, dataset) =>
    import(`${base}widget/${PANEL_FILE}${tries++ ? `?${tries}` : ''}`).then(({ load }) => load(base, dataset)),
)
