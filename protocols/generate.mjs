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
  const generated = source.replace(/proto$/, 'ts')
  writeFileSync(generated, mend(readFileSync(generated, 'utf8')))
}

function mend(text) {
  // Node's own functions return Uint8Array over any buffer; the generated types would refuse every one of them.
  const typed = text.replaceAll('Uint8Array<ArrayBuffer>', 'Uint8Array')
  // The runtime's own writer corrupts some values; protocols/varint.ts says which.
  const mended = typed.replaceAll('w.uint64(', 'writeUint64(w, ')
  return mended === typed ? typed : `import { writeUint64 } from '../varint.js'\n${mended}`
}
