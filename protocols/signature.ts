import { publicKeyFromRaw } from '@libp2p/crypto/keys'

/**
 * Ed25519 (RFC 8032) over plain bytes: for the fixed layouts that the escrow program reads too (voucher, receipt).
 * Everything else is signed in an envelope. False for a key or a signature of another length; never throws.
 */
export async function verifySignature(
  publicKey: Uint8Array,
  message: Uint8Array,
  signature: Uint8Array,
): Promise<boolean> {
  if (publicKey.length !== 32 || signature.length !== 64) return false
  try {
    return await publicKeyFromRaw(publicKey).verify(message, signature)
  } catch {
    return false
  }
}
