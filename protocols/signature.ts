import { publicKeyFromRaw } from '@libp2p/crypto/keys'
import { equal } from './bytes.js'

/**
 * Ed25519 (RFC 8032) over plain bytes: for the fixed layouts that the escrow program reads too (voucher, receipt).
 * Everything else is signed in an envelope. False for a key or a signature of another length; never throws.
 *
 * As strict as the chain's precompile, or a renter could pay with vouchers that are good here and void there.
 */
export async function verifySignature(
  publicKey: Uint8Array,
  message: Uint8Array,
  signature: Uint8Array,
): Promise<boolean> {
  if (publicKey.length !== 32 || signature.length !== 64) return false
  if (hasSmallOrder(publicKey) || hasSmallOrder(signature.subarray(0, 32))) return false
  try {
    return await publicKeyFromRaw(publicKey).verify(message, signature)
  } catch {
    return false
  }
}

/** The y of all points of order 8 or less, with those encodings that are not reduced: libsodium's `ge25519_has_small_order`. */
const SMALL_ORDER = [
  '0000000000000000000000000000000000000000000000000000000000000000',
  '0100000000000000000000000000000000000000000000000000000000000000',
  '26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05',
  'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a',
  'ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
  'edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
  'eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
].map((hex) => Uint8Array.from(hex.match(/../g) ?? [], (byte) => Number.parseInt(byte, 16)))

/**
 * A key of small order signs anything for everybody; the OpenSSL of Node 20 takes it (that of Node 24 does not), the chain
 * does not. `point` has 32 bytes.
 */
export function hasSmallOrder(point: Uint8Array): boolean {
  // Not `slice`: of a Buffer that is the same memory, and what is only looked at must not change.
  const y = Uint8Array.from(point)
  y[31] = (y[31] ?? 0) & 0x7f
  return SMALL_ORDER.some((small) => equal(y, small))
}
