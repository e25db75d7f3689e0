import { hash } from '../bytes.js'

/**
 * Who bids. Every commitment goes to every member of a shard, so an auction in which all of them bid costs the square of
 * their number: at 100 members 10,000 deliveries of 2 ms of processor time each, at 10,000 members none would ever end.
 * Therefore a lot is drawn for each order and provider, from their names alone, so that nobody has to ask anybody.
 */

/**
 * Bids that an order gets for each provider that it asks for, on average, where more could bid. The best of 16 random
 * prices lies among the cheapest 6 % of all, and in one auction of nine million nobody is drawn.
 */
export const BIDDERS = 16

/**
 * The lot of one provider (base58 peer id) for one order: a number from 0 to 1. The provider cannot choose it; a renter
 * that makes order after order until a friend is drawn could, and gains a bidder that it could as well have allowed
 * alone.
 */
export function lotOf(orderId: Uint8Array, peer: string): number {
  const lot = hash('nightshift/turnout/1', orderId, new TextEncoder().encode(peer))
  return new DataView(lot.buffer, lot.byteOffset).getUint32(0) / 2 ** 32
}

/**
 * Whether the provider bids, where so many providers (itself included) seem to qualify and to be free. Every new order
 * draws anew: a renter that found nobody asks again. Of orders at the same time each draws others, so that one device,
 * which can be promised once, is not awaited everywhere.
 */
export function isDrawn(orderId: Uint8Array, peer: string, qualified: number, count = 1): boolean {
  return lotOf(orderId, peer) * Math.max(qualified, 1) < BIDDERS * count
}
