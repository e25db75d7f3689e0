import { type EnvelopeRefusal, type NodeKey, open, seal } from '../envelope.js'
import { isRefusal, type Refusal } from '../errors.js'
import { commitmentOf } from './rules.js'
import { Bid } from './wire.js'

/**
 * A bid goes to the renter alone, in an envelope of its own domain: what was signed as a bid can never be shown as an
 * announcement, and the other way round.
 */
const WORD = 'auction/bid'

/** Bytes of a sealed bid: a quarter of what a reveal may have. */
export const MAX_BID_BYTES = 1_024

export interface SealedBid {
  envelope: Uint8Array
  /** What to publish before it is revealed, 32 bytes. */
  commitment: Uint8Array
}

export async function sealBid(bid: Bid, author: { peer: string; privateKey: NodeKey }): Promise<SealedBid> {
  const payload = Bid.encode(bid)
  const envelope = await seal({ word: WORD, payload, key: author.privateKey })
  return { envelope, commitment: commitmentOf(author.peer, payload) }
}

export interface OpenedBid {
  /** Base58 peer id of the bidder. */
  peer: string
  bid: Bid
  /** What the bidder's commitment was made over. */
  payload: Uint8Array
}

/** Never throws on what came from outside. */
export async function openBid(
  envelope: Uint8Array,
): Promise<OpenedBid | EnvelopeRefusal | Refusal<'MALFORMED'>> {
  const opened = await open({ word: WORD, bytes: envelope, maxBytes: MAX_BID_BYTES })
  if (isRefusal(opened)) return opened
  try {
    return { peer: opened.peer, bid: Bid.decode(opened.payload), payload: opened.payload }
  } catch {
    return { refused: 'MALFORMED', detail: 'the envelope does not hold a bid' }
  }
}
