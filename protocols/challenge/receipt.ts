/**
 * The receipt of a matmul proof: what a provider signs with its node key when it commits to a root. Fixed
 * little-endian layout, because the escrow program reads it too (`slash_fraud`):
 *
 * | offset | bytes | field |
 * |---|---|---|
 * | 0 | 32 | domain tag, ASCII, zero-padded |
 * | 32 | 32 | market account |
 * | 64 | 32 | lease account, zeros outside a lease |
 * | 96 | 32 | provider's node key |
 * | 128 | 32 | asker's node key |
 * | 160 | 32 | seed |
 * | 192 | 4 | n, u32 |
 * | 196 | 4 | rounds, u32 |
 * | 200 | 32 | root |
 * | 232 | 8 | started, Unix milliseconds, u64, provider's clock |
 * | 240 | 8 | ended, Unix milliseconds, u64, provider's clock |
 */
export interface Receipt {
  market: Uint8Array
  lease: Uint8Array
  provider: Uint8Array
  asker: Uint8Array
  seed: Uint8Array
  params: { n: number; rounds: number }
  root: Uint8Array
  startedMs: number
  endedMs: number
}

export const RECEIPT_BYTES = 248
export const RECEIPT_DOMAIN = 'nightshift/receipt/1'

const U32_MAX = 2 ** 32 - 1

const DOMAIN = new Uint8Array(32)
DOMAIN.set(new TextEncoder().encode(RECEIPT_DOMAIN))

/** Throws a RangeError that names the field that does not fit the layout. */
export function encodeReceipt(receipt: Receipt): Uint8Array {
  const bytes = new Uint8Array(RECEIPT_BYTES)
  const view = new DataView(bytes.buffer)
  bytes.set(DOMAIN, 0)
  bytes.set(key(receipt.market, 'market'), 32)
  bytes.set(key(receipt.lease, 'lease'), 64)
  bytes.set(key(receipt.provider, 'provider'), 96)
  bytes.set(key(receipt.asker, 'asker'), 128)
  bytes.set(key(receipt.seed, 'seed'), 160)
  view.setUint32(192, whole(receipt.params.n, 'n', U32_MAX), true)
  view.setUint32(196, whole(receipt.params.rounds, 'rounds', U32_MAX), true)
  bytes.set(key(receipt.root, 'root'), 200)
  view.setBigUint64(
    232,
    BigInt(whole(Math.floor(receipt.startedMs), 'startedMs', Number.MAX_SAFE_INTEGER)),
    true,
  )
  view.setBigUint64(240, BigInt(whole(Math.floor(receipt.endedMs), 'endedMs', Number.MAX_SAFE_INTEGER)), true)
  return bytes
}

/** Strict: undefined for anything that `encodeReceipt` would not have written. */
export function decodeReceipt(bytes: Uint8Array): Receipt | undefined {
  if (bytes.length !== RECEIPT_BYTES) return undefined
  if (DOMAIN.some((byte, index) => bytes[index] !== byte)) return undefined
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const startedMs = Number(view.getBigUint64(232, true))
  const endedMs = Number(view.getBigUint64(240, true))
  if (!Number.isSafeInteger(startedMs) || !Number.isSafeInteger(endedMs)) return undefined
  return {
    market: bytes.slice(32, 64),
    lease: bytes.slice(64, 96),
    provider: bytes.slice(96, 128),
    asker: bytes.slice(128, 160),
    seed: bytes.slice(160, 192),
    params: { n: view.getUint32(192, true), rounds: view.getUint32(196, true) },
    root: bytes.slice(200, 232),
    startedMs,
    endedMs,
  }
}

/** Node's own writers wrap or truncate what does not fit; a receipt would then say something that nobody meant. */
function whole(value: number, name: string, max: number): number {
  if (Number.isInteger(value) && value >= 0 && value <= max) return value
  throw new RangeError(`${name} must be a whole number from 0 to ${max}, got ${value}`)
}

function key(bytes: Uint8Array, name: string): Uint8Array {
  if (bytes.length !== 32) throw new RangeError(`${name} must have 32 bytes, got ${bytes.length}`)
  return bytes
}
