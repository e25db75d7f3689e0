import { createPrivateKey, createPublicKey, type KeyObject, sign, verify } from 'node:crypto'
import { PublicKey } from '@solana/web3.js'
import { NightshiftError } from '../../protocols/errors.js'
import { hasSmallOrder } from '../../protocols/signature.js'

/** Whoever signs messages with an ed25519 key: a key in memory, a libp2p node key, or a wallet that asks its owner. */
export interface Signer {
  readonly publicKey: PublicKey
  /** 64 bytes, ed25519 (RFC 8032). */
  sign(message: Uint8Array): Uint8Array | Promise<Uint8Array>
}

/** A signer whose key is in memory, and so answers at once. */
export interface KeySigner extends Signer {
  sign(message: Uint8Array): Uint8Array
}

// RFC 8410: what precedes the 32 raw bytes in PKCS #8 and in SubjectPublicKeyInfo.
const PRIVATE_PREFIX = Buffer.from('302e020100300506032b657004220420', 'hex')
const PUBLIC_PREFIX = Buffer.from('302a300506032b6570032100', 'hex')

/** A signer from a secret key as Solana and libp2p keep it: 32 bytes of seed, then 32 bytes of public key. */
export function createSigner(secretKey: Uint8Array): KeySigner {
  if (secretKey.length !== 64) {
    throw new NightshiftError('KEY_MALFORMED', `a secret key has 64 bytes, not ${secretKey.length}`, {
      advice: 'Pass the seed followed by the public key, as Solana key files hold them.',
    })
  }
  const key = createPrivateKey({
    key: Buffer.concat([PRIVATE_PREFIX, secretKey.subarray(0, 32)]),
    format: 'der',
    type: 'pkcs8',
  })
  const derived = createPublicKey(key).export({ format: 'der', type: 'spki' }).subarray(PUBLIC_PREFIX.length)
  if (!derived.equals(secretKey.subarray(32))) {
    throw new NightshiftError('KEY_MALFORMED', 'the two halves of the secret key do not belong together', {
      advice: 'Check the key file; it may be damaged.',
    })
  }
  return {
    publicKey: new PublicKey(derived),
    sign: (message) => new Uint8Array(sign(null, message, key)),
  }
}

/** A check of many signatures by one key, e.g. of a lease's vouchers: the key is parsed once. As strict as the chain's. */
export function createVerifier(
  publicKey: Uint8Array,
): (message: Uint8Array, signature: Uint8Array) => boolean {
  let key: KeyObject
  try {
    key = createPublicKey({ key: Buffer.concat([PUBLIC_PREFIX, publicKey]), format: 'der', type: 'spki' })
  } catch {
    return () => false
  }
  if (hasSmallOrder(publicKey)) return () => false
  return (message, signature) =>
    signature.length === 64 &&
    !hasSmallOrder(signature.subarray(0, 32)) &&
    verify(null, message, key, signature)
}
