// Two steps: the loader can name its parts only once their hashes are known.
import { readFile, rm } from 'node:fs/promises'
import { basename } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build, transform } from 'esbuild'

const here = (path) => fileURLToPath(new URL(path, import.meta.url))
const out = here('../rpc/static')

const minifiedCss = {
  name: 'minified-css',
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /\.css\?inline$/ }, ({ path, resolveDir }) => ({
      path: fileURLToPath(new URL(path.replace('?inline', ''), `file://${resolveDir}/`)),
    }))
    onLoad({ filter: /\.css$/ }, async ({ path }) => {
      const { code } = await transform(await readFile(path, 'utf8'), { loader: 'css', minify: true })
      // In custom properties and lists of arguments esbuild leaves spaces; no string of ours has any.
      return { contents: code.trim().replace(/([:,]) /g, '$1'), loader: 'text' }
    })
  },
}

const shared = {
  absWorkingDir: here('.'),
  bundle: true,
  minify: true,
  charset: 'utf8',
  target: 'es2021',
  legalComments: 'none',
  logLevel: 'warning',
  metafile: true,
  plugins: [minifiedCss],
}

await rm(`${out}/widget`, { recursive: true, force: true })
await rm(`${out}/widget.js`, { force: true })

const { metafile } = await build({
  ...shared,
  entryPoints: { panel: 'src/panel/panel.ts', requests: 'src/requests.ts' },
  entryNames: '[name]-[hash]',
  format: 'esm',
  outdir: `${out}/widget`,
})
const files = Object.keys(metafile.outputs).map((path) => basename(path))
const parts = Object.fromEntries(files.map((file) => [file.split('-')[0], file]))

await build({
  ...shared,
  entryPoints: { widget: 'src/loader.ts' },
  format: 'iife',
  outdir: out,
  define: { PART_FILES: JSON.stringify(parts) },
})
