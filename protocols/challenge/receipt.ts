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

const DOMAIN = new Uint8Array(32)
DOMAIN.set(new TextEncoder().encode(RECEIPT_DOMAIN))

export function encodeReceipt(receipt: Receipt): Uint8Array {
  const bytes = new Uint8Array(RECEIPT_BYTES)
  const view = new DataView(bytes.buffer)
  bytes.set(DOMAIN, 0)
  bytes.set(key(receipt.market, 'market'), 32)
  bytes.set(key(receipt.lease, 'lease'), 64)
  bytes.set(key(receipt.provider, 'provider'), 96)
  bytes.set(key(receipt.asker, 'asker'), 128)
  bytes.set(key(receipt.seed, 'seed'), 160)
  view.setUint32(192, receipt.params.n, true)
  view.setUint32(196, receipt.params.rounds, true)
  bytes.set(key(receipt.root, 'root'), 200)
  view.setBigUint64(232, BigInt(Math.floor(receipt.startedMs)), true)
  view.setBigUint64(240, BigInt(Math.floor(receipt.endedMs)), true)
  return bytes
}

/** Strict: undefined for anything that `encodeReceipt` would not have written. */
export function decodeReceipt(bytes: Uint8Array): Receipt | undefined {
  if (bytes.length !== RECEIPT_BYTES) return undefined
  if (DOMAIN.some((byte, index) => bytes[index] !== byte)) return undefined
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  return {
    market: bytes.slice(32, 64),
    lease: bytes.slice(64, 96),
    provider: bytes.slice(96, 128),
    asker: bytes.slice(128, 160),
    seed: bytes.slice(160, 192),
    params: { n: view.getUint32(192, true), rounds: view.getUint32(196, true) },
    root: bytes.slice(200, 232),
    startedMs: Number(view.getBigUint64(232, true)),
    endedMs: Number(view.getBigUint64(240, true)),
  }
}

function key(bytes: Uint8Array, name: string): Uint8Array {
  if (bytes.length !== 32) throw new RangeError(`${name} must have 32 bytes, got ${bytes.length}`)
  return bytes
}
