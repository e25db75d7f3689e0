import { NightshiftError } from '../errors.js'

/**
 * A voucher: "for this lease the provider has earned `amount` so far", signed by the renter's session key. Cumulative, so only
 * the best one counts. Fixed 88 bytes, little-endian; the escrow program reads the same bytes (`chain/program/src/voucher.rs`,
 * shared vectors in `test/vectors/voucher.json`):
 *
 * | offset | bytes | field |
 * |---|---|---|
 * | 0 | 24 | domain: 0xff, "nightshift voucher v1", two zero bytes |
 * | 24 | 32 | lease address |
 * | 56 | 8 | serial of the lease: a lease opened again at the same address has another one |
 * | 64 | 8 | cumulative amount in atomic units |
 * | 72 | 8 | sequence, grows with every voucher |
 * | 80 | 1 | flags: 1 = FINAL, the renter agrees that the lease be closed with this voucher |
 * | 81 | 7 | zero |
 */
export interface Voucher {
  /** Address of the lease account, 32 bytes. */
  readonly lease: Uint8Array
  readonly serial: bigint
  /** Cumulative, in atomic units of the market's token. */
  readonly amount: bigint
  readonly sequence: bigint
  readonly final: boolean
}

export const VOUCHER_BYTES = 88

/** The first byte, 0xff, begins no message that Solana or libp2p has anybody sign. */
export const VOUCHER_DOMAIN: Uint8Array = Uint8Array.from([
  0xff,
  ...new TextEncoder().encode('nightshift voucher v1'),
  0,
  0,
])

const LEASE = 24
const SERIAL = 56
const AMOUNT = 64
const SEQUENCE = 72
const FLAGS = 80
const FINAL = 1
const MAX_U64 = 2n ** 64n - 1n

/** The bytes to sign. Throws VOUCHER_OUT_OF_RANGE when a field does not fit into its place. */
export function encodeVoucher(voucher: Voucher): Uint8Array {
  if (voucher.lease.length !== 32) {
    throw outOfRange('lease', `${voucher.lease.length} bytes`, 'an address of 32 bytes')
  }
  for (const field of ['serial', 'amount', 'sequence'] as const) {
    const value = voucher[field]
    if (value < 0n || value > MAX_U64) throw outOfRange(field, String(value), 'an unsigned 64-bit integer')
  }
  const bytes = new Uint8Array(VOUCHER_BYTES)
  const view = new DataView(bytes.buffer)
  bytes.set(VOUCHER_DOMAIN)
  bytes.set(voucher.lease, LEASE)
  view.setBigUint64(SERIAL, voucher.serial, true)
  view.setBigUint64(AMOUNT, voucher.amount, true)
  view.setBigUint64(SEQUENCE, voucher.sequence, true)
  bytes[FLAGS] = voucher.final ? FINAL : 0
  return bytes
}

/** Reads a voucher strictly: whatever the escrow program would refuse throws VOUCHER_MALFORMED. */
export function decodeVoucher(bytes: Uint8Array): Voucher {
  if (bytes.length !== VOUCHER_BYTES) throw malformed(`${bytes.length} bytes instead of ${VOUCHER_BYTES}`)
  if (VOUCHER_DOMAIN.some((byte, index) => bytes[index] !== byte)) throw malformed('another domain')
  const flags = bytes[FLAGS]!
  if ((flags & ~FINAL) !== 0) throw malformed(`unknown flags ${flags}`)
  if (bytes.subarray(FLAGS + 1).some((byte) => byte !== 0)) throw malformed('reserved bytes are not zero')
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  return {
    lease: bytes.slice(LEASE, SERIAL),
    serial: view.getBigUint64(SERIAL, true),
    amount: view.getBigUint64(AMOUNT, true),
    sequence: view.getBigUint64(SEQUENCE, true),
    final: flags === FINAL,
  }
}

function outOfRange(field: string, got: string, wanted: string): NightshiftError {
  return new NightshiftError('VOUCHER_OUT_OF_RANGE', `${field} of a voucher is ${got}, not ${wanted}`, {
    advice: `Give ${wanted} as ${field}.`,
    context: { field, got },
  })
}

function malformed(why: string): NightshiftError {
  return new NightshiftError('VOUCHER_MALFORMED', `these bytes are no voucher: ${why}`, {
    advice: 'Refuse it and ask the renter for a voucher of this version.',
    context: { why },
  })
}
