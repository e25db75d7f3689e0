import { publicKeyFromRaw } from '@libp2p/crypto/keys'
import type { Ed25519PublicKey, PeerId } from '@libp2p/interface'
import { peerIdFromPublicKey, peerIdFromString } from '@libp2p/peer-id'

/**
 * One ed25519 key is both the libp2p peer and the Solana address: the peer id is the identity multihash of the
 * protobuf of the same 32 bytes (libp2p specs, peer-ids), so the two are the same fact in two spellings.
 */
export const PUBLIC_KEY_BYTES = 32

/** Base58 peer id of a 32-byte Solana public key. Throws a RangeError on another length. */
export function peerIdFromSolanaKey(publicKey: Uint8Array): string {
  if (publicKey.byteLength !== PUBLIC_KEY_BYTES) {
    throw new RangeError(`a public key has ${PUBLIC_KEY_BYTES} bytes, this has ${publicKey.byteLength}`)
  }
  return peerIdFromPublicKey(publicKeyFromRaw(publicKey) as Ed25519PublicKey).toString()
}

/** The 32-byte Solana public key of a peer. Throws a RangeError on anything but an ed25519 peer id. */
export function solanaKeyOf(peer: string): Uint8Array {
  const parsed = parsePeer(peer)
  if (parsed?.type !== 'Ed25519') throw new RangeError(`${JSON.stringify(peer)} is no ed25519 peer id`)
  return parsed.publicKey.raw
}

export function isPeer(text: string): boolean {
  return parsePeer(text)?.type === 'Ed25519'
}

function parsePeer(text: string): PeerId | undefined {
  try {
    return peerIdFromString(text)
  } catch {
    return undefined
  }
}
