import type { Env } from './carrier'

export const browserEnv: Env = {
  fetch: (input, init) => fetch(input, init),
  setTimeout: (run, milliseconds) => window.setTimeout(run, milliseconds),
  clearTimeout: (timer) => window.clearTimeout(timer),
  now: () => Date.now(),
  random: () => Math.random(),
}
