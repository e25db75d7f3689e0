import { hash } from '../bytes.js'
import type { Refusal } from '../errors.js'
import { verifySignature } from '../signature.js'
import { AUCTION_LIMITS } from './rules.js'
import type { Order } from './wire.js'

const DAY_MS = 24 * 3_600_000

export const CONSENT = {
  /** Nobody can take a consent back, so none is good for longer. */
  maxMs: 90 * DAY_MS,
  /** What a renter that holds the wallet's key gives itself; it is renewed when half of it is over. */
  ownMs: DAY_MS,
} as const

/** A wallet's word that the orders of one node may name it, as it travels in each of them. */
export interface WalletConsent {
  /** The wallet's signature over `walletStatement`, 64 bytes. */
  walletProof: Uint8Array
  /** Unix milliseconds. */
  walletUntilMs: number
}

/**
 * What a wallet signs for each node whose orders may name it (32 bytes, so no transaction), and until when: the orders of a
 * renter are counted against its wallet, and without it anybody could use up what a rich wallet is good for.
 */
export function walletStatement(market: Uint8Array, peer: string, untilMs: number): Uint8Array {
  const until = new Uint8Array(8)
  new DataView(until.buffer).setBigUint64(0, BigInt(untilMs))
  return hash('nightshift/wallet/2', market, new TextEncoder().encode(peer), until)
}

export type ConsentRefusal = 'CONSENT_MISSING' | 'CONSENT_EXPIRED' | 'CONSENT_TOO_LONG' | 'CONSENT_FORGED'

/** Whether the wallet that an order names has agreed to the orders of this peer, its author, and does so still. */
export async function judgeConsent(
  order: Order,
  peer: string,
  now: number,
): Promise<Refusal<ConsentRefusal> | undefined> {
  const { market, wallet, walletProof, walletUntilMs } = order
  const { maxSkewMs } = AUCTION_LIMITS
  if (walletProof === undefined || walletUntilMs === undefined || !Number.isSafeInteger(walletUntilMs)) {
    return { refused: 'CONSENT_MISSING', detail: 'the wallet has not agreed to the orders of this node' }
  }
  if (walletUntilMs <= now - maxSkewMs) {
    const ended = new Date(walletUntilMs).toISOString()
    return {
      refused: 'CONSENT_EXPIRED',
      detail: `the wallet's consent to the orders of this node ended at ${ended}`,
    }
  }
  if (walletUntilMs - now > CONSENT.maxMs + maxSkewMs) {
    return { refused: 'CONSENT_TOO_LONG', detail: "the wallet's consent is for more than 90 days" }
  }
  const statement = walletStatement(market, peer, walletUntilMs)
  if (await verifySignature(wallet, statement, walletProof)) return undefined
  return { refused: 'CONSENT_FORGED', detail: "the consent is not signed by the wallet's key" }
}
