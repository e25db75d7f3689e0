import { hash } from '../bytes.js'
import { verifySignature } from '../signature.js'
import type { Order } from './wire.js'

/**
 * What a wallet signs once for each node whose orders may name it (32 bytes, so no transaction): the orders of a renter
 * are counted against its wallet, and without it anybody could use up the number that a rich wallet is good for.
 */
export function walletStatement(market: Uint8Array, peer: string): Uint8Array {
  return hash('nightshift/wallet/1', market, new TextEncoder().encode(peer))
}

/** Whether the wallet that an order names has agreed to the orders of this peer, its author. */
export async function isOwnWallet(order: Order, peer: string): Promise<boolean> {
  const { market, wallet, walletProof } = order
  return walletProof !== undefined && verifySignature(wallet, walletStatement(market, peer), walletProof)
}
