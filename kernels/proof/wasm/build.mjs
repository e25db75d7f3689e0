import { readFileSync, writeFileSync } from 'node:fs'
import createWabt from 'wabt'

/**
 * Assembles product.wat into product.ts: `node kernels/proof/wasm/build.mjs`. The result is kept in the repository, so
 * that nobody needs the assembler to install; a test assembles it again and compares.
 */
const folder = new URL('./', import.meta.url)

/** @returns {Promise<Uint8Array>} the module, without names */
export async function assemble() {
  const wabt = await createWabt()
  const source = readFileSync(new URL('product.wat', folder), 'utf8')
  const parsed = wabt.parseWat('product.wat', source, { simd: true })
  parsed.validate()
  const { buffer } = parsed.toBinary({ write_debug_names: false })
  parsed.destroy()
  return buffer
}

if (process.argv[1] === new URL(import.meta.url).pathname) {
  const base64 = Buffer.from(await assemble()).toString('base64')
  const lines = base64.match(/.{1,96}/g).map((line) => `  '${line}',`)
  writeFileSync(
    new URL('product.ts', folder),
    `/** Assembled from product.wat by build.mjs; not edited by hand. */\nexport const PRODUCT_WASM = [\n${lines.join('\n')}\n].join('')\n`,
  )
}
