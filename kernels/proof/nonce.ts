import { FOLD, MEMORY_MODULUS } from '../../protocols/challenge/params.js'
import { sha256 } from './sha256.js'

/** What the nonce of the memory phase decides. */
export interface FoldKey {
  /** Added to every residue before it is squared, 0 … 2038. */
  readonly shift: number
  /** One for each of the 256 columns of a fold, 1 … 16. */
  readonly weights: Uint8Array
}

const DOMAIN = new TextEncoder().encode('NS/mem/1')
const NONCE_AT = 8
const COUNTER_AT = NONCE_AT + 32
const HASHES = FOLD / 32

/** Weights and shift: SHA-256("NS/mem/1" ‖ nonce ‖ u32(counter)), one byte a weight; the ninth hash gives the shift. */
export function expandNonce(nonce: Uint8Array): FoldKey {
  const message = new Uint8Array(COUNTER_AT + 4)
  message.set(DOMAIN, 0)
  message.set(nonce, NONCE_AT)
  const view = new DataView(message.buffer)
  const hash = (counter: number) => {
    view.setUint32(COUNTER_AT, counter, true)
    return sha256(message)
  }
  const weights = new Uint8Array(FOLD)
  for (let counter = 0; counter < HASHES; counter++) weights.set(hash(counter), counter * 32)
  const last = hash(HASHES)
  return {
    shift: (last[0]! | (last[1]! << 8)) % MEMORY_MODULUS,
    weights: weights.map((byte) => 1 + (byte & 15)),
  }
}
