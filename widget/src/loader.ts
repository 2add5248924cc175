import { boot } from './boot'

let tries = 0

boot(
  window,
  document.currentScript as HTMLScriptElement | null,
  {
    fetch: (input, init) => fetch(input, init),
    WebSocket,
    setTimeout: (run, milliseconds) => window.setTimeout(run, milliseconds),
    clearTimeout: (timer) => window.clearTimeout(timer),
    now: () => Date.now(),
    random: Math.random,
  },
  // Browsers remember a module that failed to load, so each further try has an address of its own.
  (base, name) => import(`${base}widget/${PART_FILES[name]}${tries ? `?${tries}` : ''}`).catch((error) => {
    tries++
    throw error
  }),
)
