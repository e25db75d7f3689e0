import { execFileSync } from 'node:child_process'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** Regenerates every `wire.ts` from the `wire.proto` beside it: `npm run generate`. */
const root = fileURLToPath(new URL('.', import.meta.url))
const schemas = readdirSync(root, { recursive: true, encoding: 'utf8' }).filter((path) =>
  path.endsWith('wire.proto'),
)
for (const schema of schemas) {
  const source = join(root, schema)
  execFileSync('npx', ['protons', '--strict', source], { stdio: 'inherit' })
  // Node's own functions return Uint8Array over any buffer; the generated types would refuse every one of them.
  const generated = source.replace(/proto$/, 'ts')
  writeFileSync(
    generated,
    readFileSync(generated, 'utf8').replaceAll('Uint8Array<ArrayBuffer>', 'Uint8Array'),
  )
}
