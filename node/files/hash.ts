import { createHash } from 'node:crypto'
import type { Sha256 } from '../../protocols/job/content.js'

/** The processor's own SHA-256, some four times as fast as that in plain JavaScript. */
export const nativeSha256: Sha256 = (...parts) => {
  const hash = createHash('sha256')
  for (const part of parts) hash.update(part)
  return new Uint8Array(hash.digest())
}
