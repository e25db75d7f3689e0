/**
 * What a provider signs in the memory phase: the second root, bound to the receipt of the first. Fixed little-endian
 * layout as the receipt's:
 *
 * | offset | bytes | field |
 * |---|---|---|
 * | 0 | 32 | domain tag, ASCII, zero-padded |
 * | 32 | 32 | SHA-256 of the first receipt |
 * | 64 | 32 | nonce |
 * | 96 | 32 | second root |
 */
export interface RecallReceipt {
  receiptHash: Uint8Array
  nonce: Uint8Array
  root: Uint8Array
}

export const RECALL_BYTES = 128
export const RECALL_DOMAIN = 'nightshift/recall/1'

const DOMAIN = new Uint8Array(32)
DOMAIN.set(new TextEncoder().encode(RECALL_DOMAIN))

/** Throws a RangeError that names the field that has not 32 bytes. */
export function encodeRecall({ receiptHash, nonce, root }: RecallReceipt): Uint8Array {
  const bytes = new Uint8Array(RECALL_BYTES)
  bytes.set(DOMAIN, 0)
  for (const [at, [name, value]] of Object.entries({ receiptHash, nonce, root }).entries()) {
    if (value.length !== 32) throw new RangeError(`${name} must have 32 bytes, got ${value.length}`)
    bytes.set(value, 32 * (at + 1))
  }
  return bytes
}

/** Strict: undefined for anything that `encodeRecall` would not have written. */
export function decodeRecall(bytes: Uint8Array): RecallReceipt | undefined {
  if (bytes.length !== RECALL_BYTES) return undefined
  if (DOMAIN.some((byte, index) => bytes[index] !== byte)) return undefined
  return { receiptHash: bytes.slice(32, 64), nonce: bytes.slice(64, 96), root: bytes.slice(96, 128) }
}
