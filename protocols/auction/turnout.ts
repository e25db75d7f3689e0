import { hash } from '../bytes.js'

/**
 * Who bids. Every commitment goes to every member of a shard, so an auction in which all of them bid costs the square of
 * their number: at 100 members 10,000 deliveries of 2 ms of processor time each, at 10,000 members none would ever end.
 * Therefore each provider draws a lot for each order, and nobody has to ask anybody.
 */

/**
 * Bids that an order gets for each provider that it asks for, on average, where more could bid. The best of 16 random
 * prices lies among the cheapest 6 % of all, and in one auction of nine million nobody is drawn.
 */
export const BIDDERS = 16

/**
 * The lot of one provider for one order: a number from 0 to 1. It comes from a secret that the provider made for itself
 * (32 bytes) and tells nobody, so a renter that tries names of orders until its friends are drawn, and their rivals are
 * not, has nothing to try them on. A provider that draws until it wins gains nothing that it could not have by
 * bidding without a lot: more bids to make, and no better place among them.
 */
export function lotOf(orderId: Uint8Array, secret: Uint8Array): number {
  const lot = hash('nightshift/turnout/2', secret, orderId)
  return new DataView(lot.buffer, lot.byteOffset).getUint32(0) / 2 ** 32
}

/**
 * Whether the provider bids, where so many providers (itself included) seem to qualify and to be free. Every new order
 * draws anew: a renter that found nobody asks again. Of orders at the same time each draws others, so that one device,
 * which can be promised once, is not awaited everywhere.
 */
export function isDrawn(orderId: Uint8Array, secret: Uint8Array, qualified: number, count = 1): boolean {
  return lotOf(orderId, secret) * Math.max(qualified, 1) < BIDDERS * count
}
