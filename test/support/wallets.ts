import { generateKeyPairFromSeed } from '@libp2p/crypto/keys'
import type { Ed25519PrivateKey } from '@libp2p/interface'
import { type WalletConsent, walletStatement } from '../../protocols/auction/wallet.js'
import { toHex } from '../../protocols/bytes.js'

const keys = new Map<string, Ed25519PrivateKey>()

/** The same number, the same wallet. */
export async function makeWallet(number: number): Promise<Uint8Array> {
  const seed = new Uint8Array(32)
  new DataView(seed.buffer).setUint32(0, number)
  const key = await generateKeyPairFromSeed('Ed25519', seed)
  keys.set(toHex(key.publicKey.raw), key)
  return key.publicKey.raw
}

/** A wallet's consent to the orders of a peer; of `makeWallet` only. */
export async function consentOf(
  wallet: Uint8Array,
  market: Uint8Array,
  peer: string,
  walletUntilMs: number,
): Promise<WalletConsent> {
  const key = keys.get(toHex(wallet))
  if (key === undefined) throw new Error('a wallet without a key')
  const walletProof = new Uint8Array(await key.sign(walletStatement(market, peer, walletUntilMs)))
  return { walletProof, walletUntilMs }
}
