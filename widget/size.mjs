// The byte budget of package.json, in bytes gzipped; over it, the build fails. `--quiet` prints
// only what is over.
import { readFileSync, readdirSync } from 'node:fs'
import { execFileSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'

const out = new URL('../rpc/static/', import.meta.url)
const { budget } = JSON.parse(readFileSync(new URL('package.json', import.meta.url), 'utf8'))
// As the command does it: Node.js' own zlib makes a few bytes less or more of it.
const gzipped = (file) => execFileSync('gzip', ['-9nc', fileURLToPath(new URL(file, out))]).length
const sum = (sizes) => sizes.reduce((total, bytes) => total + bytes, 0)

const loader = gzipped('widget.js')
const parts = readdirSync(new URL('widget/', out)).map((name) => [name, gzipped(`widget/${name}`)])
const isLanguage = ([name]) => name.startsWith('texts_')
const languages = parts.filter(isLanguage).map(([, bytes]) => bytes)
const isPanel = ([name]) => name.startsWith('panel-')
const panel = parts.filter(isPanel).map(([, bytes]) => bytes)

const all = loader + sum(parts.map(([, bytes]) => bytes))

const measured = [
  ['loader', loader, budget.loader],
  ['desk chat', loader + sum(panel), budget['desk chat']],
  ...parts.filter((part) => !isPanel(part)).map(([name, bytes]) => [name, bytes, budget.part]),
  // All that one browser can ever fetch: a page is in one language.
  ['everything', all - sum(languages) + Math.max(...languages), budget.everything],
  ['all languages', all, budget['all languages']],
]
for (const [name, bytes, most] of measured) {
  if (!process.argv.includes('--quiet')) console.log(`${name}: ${bytes} of ${most}`)
  if (bytes <= most) continue
  console.error(`${name} is ${bytes - most} bytes over its budget`)
  process.exitCode = 1
}
