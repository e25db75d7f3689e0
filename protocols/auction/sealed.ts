import type { Ed25519PrivateKey } from '@libp2p/interface'
import { equal } from '../bytes.js'
import { type EnvelopeRefusal, open, seal } from '../envelope.js'
import { isRefusal, type Refusal } from '../errors.js'
import { isPeer } from '../peer.js'
import { AUCTION_LIMITS, commitmentOf, orderIdOf } from './rules.js'
import { Announcement, Bid, type Order, type Result } from './wire.js'

/**
 * What of an auction is signed. Orders, commitments and results are announcements of one domain, for everyone; a bid goes
 * to the renter alone, in a domain of its own, so that it can never be shown as an announcement, nor the other way round.
 */
const ANNOUNCEMENT = 'auction'
const BID = 'auction/bid'

/** Bytes of a sealed bid, which has about 330. */
export const MAX_BID_BYTES = 1_024

export interface OpenedAnnouncement {
  peer: string
  announcement: Announcement
  /** The bytes that were signed: an order is named by their hash. */
  payload: Uint8Array
}

/** An order with its name and its author, and the signed bytes that show it to others. */
export interface SignedOrder {
  order: Order
  orderId: Uint8Array
  /** Base58 peer id of the renter that signed it. */
  peer: string
  envelope: Uint8Array
}

export async function sealAnnouncement(
  announcement: Announcement,
  key: Ed25519PrivateKey,
): Promise<{ envelope: Uint8Array; payload: Uint8Array }> {
  const payload = Announcement.encode(announcement)
  return { envelope: await seal({ word: ANNOUNCEMENT, payload, key }), payload }
}

/** Opens an order, commitment or result, whoever handed it over. Never throws on what came from outside. */
export async function openAnnouncement(
  envelope: Uint8Array,
): Promise<OpenedAnnouncement | EnvelopeRefusal | Refusal<'MALFORMED'>> {
  const opened = await open({ word: ANNOUNCEMENT, bytes: envelope, maxBytes: AUCTION_LIMITS.maxBytes })
  if (isRefusal(opened)) return opened
  try {
    const announcement = Announcement.decode(opened.payload)
    return { peer: opened.peer, announcement, payload: opened.payload }
  } catch {
    return { refused: 'MALFORMED', detail: 'the envelope does not hold an announcement' }
  }
}

/** The order inside an opened announcement, with its name; undefined when it is something else. */
export function orderOf(opened: OpenedAnnouncement, envelope: Uint8Array): SignedOrder | undefined {
  const { order } = opened.announcement
  if (order === undefined) return undefined
  return { order, orderId: orderIdOf(opened.payload), peer: opened.peer, envelope }
}

/** The result inside an opened announcement; undefined when it is something else, or not of this order. */
export function resultOf(opened: OpenedAnnouncement, order: SignedOrder): Result | undefined {
  const { result } = opened.announcement
  if (result === undefined || opened.peer !== order.peer) return undefined
  return isReadableResult(result) && equal(result.orderId, order.orderId) ? result : undefined
}

/** A result that can be read; whether it is believed depends on the order that it belongs to. */
export function isReadableResult(result: Result): boolean {
  const { orderId, bids, winner } = result
  return orderId.length === 32 && bids.length <= AUCTION_LIMITS.maxBids && (winner === '' || isPeer(winner))
}

export interface SealedBid {
  envelope: Uint8Array
  /** What to publish before it is revealed, 32 bytes. */
  commitment: Uint8Array
}

export async function sealBid(
  bid: Bid,
  author: { peer: string; privateKey: Ed25519PrivateKey },
): Promise<SealedBid> {
  const payload = Bid.encode(bid)
  const envelope = await seal({ word: BID, payload, key: author.privateKey })
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
  const opened = await open({ word: BID, bytes: envelope, maxBytes: MAX_BID_BYTES })
  if (isRefusal(opened)) return opened
  try {
    return { peer: opened.peer, bid: Bid.decode(opened.payload), payload: opened.payload }
  } catch {
    return { refused: 'MALFORMED', detail: 'the envelope does not hold a bid' }
  }
}
