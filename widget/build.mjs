// Three steps: the panel can name its parts only once their hash is known, and the loader the panel.
import { createHash } from 'node:crypto'
import { copyFile, mkdir, readFile, readdir, rm, writeFile } from 'node:fs/promises'
import { basename, extname, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build, transform } from 'esbuild'
import { minify } from 'terser'
import { carried, moduleOf, unnamed } from './translations.mjs'

const here = (path) => fileURLToPath(new URL(path, import.meta.url))
const out = here('../rpc/static')

/** Names by which only our own parts speak to each other: shortened in all of them alike. */
const INTERNAL = [
  'above addStyles asides atEnd attend backlog behind beside carry claim clock compose confirmed createHistory createOutbox createTalk',
  'dispatch dress dressed elsewhere emit entered env fetchPart heard hello hrefOf instead interest keep keepPrefix kept leads leave',
  'linkTo linked listen live marks mentions moment place quote render report serve slots tell texts times toDesk toEnd unable wake words',
].flatMap((line) => line.split(' '))
const mangleCache = {}

const minifiedCss = {
  name: 'minified-css',
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /\.css\?inline$/ }, ({ path, resolveDir }) => ({
      path: resolve(resolveDir, path.replace('?inline', '')),
    }))
    onLoad({ filter: /\.css$/ }, async ({ path }) => {
      const { code } = await transform(await readFile(path, 'utf8'), { loader: 'css', minify: true })
      // In custom properties and lists of arguments esbuild leaves spaces; no string of ours has any.
      return { contents: code.trim().replace(/([:,]) /g, '$1'), loader: 'text' }
    })
  },
}

/** The English texts, which the parts bring along. */
const englishTexts = {
  name: 'english-texts',
  setup({ onLoad }) {
    onLoad({ filter: /texts.en\.json$/ }, async ({ path }) => ({ contents: unnamed(await readFile(path, 'utf8')), loader: 'json' }))
  },
}

function fail(message) {
  throw new Error(message)
}

/** The code of a bundle for each entry, by the entries' names. */
async function bundle(entryPoints, format, define) {
  const { outputFiles, mangleCache: mangled } = await build({
    absWorkingDir: here('.'),
    bundle: true,
    minify: true,
    charset: 'utf8',
    target: 'es2021',
    legalComments: 'none',
    logLevel: 'warning',
    plugins: [minifiedCss, englishTexts],
    mangleProps: new RegExp(`^(${INTERNAL.join('|')})$`),
    mangleCache,
    write: false,
    entryPoints,
    outdir: out,
    format,
    define,
  })
  Object.assign(mangleCache, mangled)
  const codes = outputFiles.map(async ({ path, text }) => {
    // A little smaller than esbuild alone makes it.
    const { code } = await minify(text, {
      module: format === 'esm',
      ecma: 2020,
      compress: {
        passes: 9,
        unsafe: true,
        unsafe_arrows: true,
        pure_getters: true,
        keep_fargs: false,
        hoist_funs: true,
        lhs_constants: false,
      },
    })
    return [basename(path, '.js'), code]
  })
  return Object.fromEntries(await Promise.all(codes))
}

/**
 * Writes bundles under names that change whenever one of them does; gives what is in all of these:
 * a hash for each would be most of what the panel has to know of its parts.
 */
async function writeParts(codes) {
  const hash = createHash('sha256').update(JSON.stringify(Object.entries(codes).sort())).digest('hex').slice(0, 8)
  await mkdir(`${out}/widget`, { recursive: true })
  for (const [name, code] of Object.entries(codes)) await writeFile(`${out}/widget/${name}-${hash}.js`, code)
  return hash
}

/** A shortened name that the wire, a text or the browser has too would no longer be found there. */
async function refuseForeignNames() {
  const files = ['src/wire.ts', 'src/texts/en.json', ...['dom', 'es5'].map((lib) => `node_modules/typescript/lib/lib.${lib}.d.ts`)]
  for (const file of files) {
    const text = await readFile(here(file), 'utf8')
    const taken = INTERNAL.find((name) => new RegExp(`^\\s*(readonly )?"?${name}"?[?]?[:(<]`, 'm').test(text))
    if (taken) fail(`INTERNAL has ${taken}, which is a name of ${file}`)
  }
}

const names = (files) => files.map((file) => basename(file, extname(file)))
const languages = names(await readdir(here('src/texts'))).filter((language) => language !== 'en')
const entries = {
  requests: 'src/requests.ts',
  ...Object.fromEntries(names(await readdir(here('src/parts'))).map((name) => [name, `src/parts/${name}.ts`])),
}
const readTexts = async (language) => JSON.parse(await readFile(here(`src/texts/${language}.json`), 'utf8'))
const english = await readTexts('en')
const translate = async (language) => [`texts_${language}`, moduleOf(carried(await readTexts(language), english))]

const buildLoader = (panel) =>
  bundle({ widget: 'src/loader.ts' }, 'iife', { PANEL_FILE: JSON.stringify(`panel-${panel}.js`) })

await refuseForeignNames()
await rm(out, { recursive: true, force: true })
// So that the shortest of the shortened names are its own.
await buildLoader('')
const translations = Object.fromEntries(await Promise.all(languages.map(translate)))
const parts = await writeParts({ ...(await bundle(entries, 'esm', {})), ...translations })
const panel = await bundle({ panel: 'src/panel/panel.ts' }, 'esm', {
  PARTS_HASH: JSON.stringify(parts),
  LANGUAGES: JSON.stringify(languages),
})
const { widget } = await buildLoader(await writeParts(panel))
await writeFile(`${out}/widget.js`, widget)
await copyFile(here('types/parley.d.ts'), `${out}/widget.d.ts`)
