import { equal, hash } from '../bytes.js'
import { isRefusal, type Refusal } from '../errors.js'
import { readRequirements } from '../inventory/rules.js'
import type { Requirements } from '../inventory/wire.js'
import { depositFor, U64_MAX } from '../money.js'
import { isPeer } from '../peer.js'
import { MAX_HOST_CHARS, MAX_HOSTS } from './hosts.js'
import type { Bid, Order, Result, RevealedBid, Scoring, Winner } from './wire.js'

export const AUCTION_LIMITS = {
  /** Bytes of a sealed order, commitment or result; a result holds up to `maxBids` sealed bids of about 330 bytes. */
  maxBytes: 65_536,
  /** Of those an order, which has at most 8 KiB of requirements and 4 KiB of addresses, as a record of the hash table. */
  maxOrderBytes: 16_384,
  /** And a commitment, which has some 250. */
  maxCommitmentBytes: 1_024,
  maxBids: 128,
  maxDurationS: 30 * 24 * 3600,
  maxWindowMs: 120_000,
  maxAddresses: 16,
  maxAddressChars: 256,
  /** Providers for one order. */
  maxCount: 16,
  /** Sum of the weights of a scoring rule. */
  maxWeights: 10_000,
  /** A sender's clock may be off by this much. */
  maxSkewMs: 10_000,
} as const

export type OrderRefusal = 'MALFORMED' | 'FOREIGN_MARKET' | 'CLOSED' | 'FROM_THE_FUTURE'

/**
 * The name of an order: a hash of its author (base58 peer id) and of the very bytes that it signed. Without the author,
 * whoever signs a copy would have the same name for it, and where the copy came first the original would be ignored.
 */
export function orderIdOf(peer: string, payload: Uint8Array): Uint8Array {
  return hash('nightshift/order/1', new TextEncoder().encode(peer), payload)
}

/** What a provider publishes before it reveals: binds it to one bid, tells nobody the price. */
export function commitmentOf(peer: string, bidPayload: Uint8Array): Uint8Array {
  return hash('nightshift/commitment/1', new TextEncoder().encode(peer), bidPayload)
}

/** Whoever leaves soon after it came makes an auction and two transactions for little work. */
const LEAST_STAY_MS = 30_000

/**
 * Whether a provider that will be gone at `untilMs` may bid: for the whole duration, unless the order takes one that
 * says so before; then for some time at least, and for twice its notice.
 */
export function mayBidUntil(
  order: Order,
  { noticeS: accepted }: Pick<Requirements, 'noticeS'>,
  { untilMs, noticeS = 0 }: { untilMs?: number | undefined; noticeS?: number | undefined },
): boolean {
  if (untilMs === undefined) return true
  const stayMs = untilMs - windowsOf(order).revealUntil
  if (accepted === undefined) return stayMs >= order.durationS * 1_000
  return stayMs >= Math.min(order.durationS * 1_000, Math.max(LEAST_STAY_MS, 2_000 * noticeS))
}

export type Phase = 'committing' | 'revealing' | 'closed'

/** When bids may be committed to and revealed, in Unix milliseconds. */
export function windowsOf(order: Order): { commitUntil: number; revealUntil: number } {
  const commitUntil = order.timeMs + order.commitMs
  return { commitUntil, revealUntil: commitUntil + order.revealMs }
}

export function phaseOf(order: Order, now: number): Phase {
  const { commitUntil, revealUntil } = windowsOf(order)
  if (now < commitUntil) return 'committing'
  return now < revealUntil ? 'revealing' : 'closed'
}

/**
 * By how much the clock of a node that receives an order now is taken to be ahead of its author's (negative: behind), in
 * milliseconds: subtract it before asking for the phase. An order that comes before it was made, or after its
 * commitments are closed, says more about the clocks than about the way that it took, as far as clocks may differ at all.
 */
export function shiftOf(order: Order, now: number): number {
  const late = now - order.timeMs
  const { maxSkewMs } = AUCTION_LIMITS
  if (late >= 0 && late < order.commitMs) return 0
  return Math.max(-maxSkewMs, Math.min(maxSkewMs, late))
}

/** Whether an order may be believed and passed on. */
export function judgeOrder(
  order: Order,
  facts: { now: number; market: Uint8Array },
): Refusal<OrderRefusal> | undefined {
  const malformed = findMalformedOrder(order)
  if (malformed !== undefined) return { refused: 'MALFORMED', detail: malformed }
  if (!equal(order.market, facts.market)) {
    return { refused: 'FOREIGN_MARKET', detail: 'the order names another market' }
  }
  if (order.timeMs - facts.now > AUCTION_LIMITS.maxSkewMs) {
    return { refused: 'FROM_THE_FUTURE', detail: `its clock is ${order.timeMs - facts.now} ms ahead of ours` }
  }
  if (phaseOf(order, facts.now - shiftOf(order, facts.now)) === 'closed')
    return { refused: 'CLOSED', detail: 'its auction is over' }
  return undefined
}

function findMalformedOrder(order: Order): string | undefined {
  const limits = AUCTION_LIMITS
  if (!Number.isSafeInteger(order.timeMs)) return `time ${order.timeMs}`
  if (order.market.length !== 32) return `market has ${order.market.length} bytes, not 32`
  if (order.wallet.length !== 32) return `wallet has ${order.wallet.length} bytes, not 32`
  if (order.nonce.length !== 16) return `nonce has ${order.nonce.length} bytes, not 16`
  if (order.jobHash.length !== 32) return `job hash has ${order.jobHash.length} bytes, not 32`
  if (order.ceilingPricePerHour <= 0n || order.ceilingPricePerHour > U64_MAX) {
    return `ceiling price ${order.ceilingPricePerHour}`
  }
  const times = [order.durationS, order.sliceMs, order.commitMs, order.revealMs]
  if (!times.every((time) => Number.isSafeInteger(time) && time > 0)) return `a time of ${times.join(', ')}`
  if (order.durationS > limits.maxDurationS) return `duration ${order.durationS} s`
  if (order.sliceMs < 100 || order.sliceMs > order.durationS * 1000) return `slice ${order.sliceMs} ms`
  if (order.commitMs + order.revealMs > limits.maxWindowMs) return 'windows longer than two minutes'
  if (order.addresses.length > limits.maxAddresses) return `${order.addresses.length} addresses`
  const far = order.addresses.find((address) => address.length > limits.maxAddressChars)
  if (far !== undefined) return `an address of ${far.length} characters`
  const asked = findMalformedChoice(order)
  if (asked !== undefined) return asked
  const requirements = readRequirements(order.requirements)
  if (isRefusal(requirements)) return `requirements: ${requirements.detail}`
  return findUnpayable(order, BigInt(requirements.devices))
}

/** What the order says about how many win, and by what. */
function findMalformedChoice({ scoring, count = 1, enough = count }: Order): string | undefined {
  const { maxCount, maxBids } = AUCTION_LIMITS
  if (!Number.isInteger(count) || count < 1 || count > maxCount) return `a count of ${count}`
  if (!Number.isInteger(enough) || enough < count || enough > maxBids) {
    return `${enough} bids are enough for ${count}`
  }
  return scoring === undefined ? undefined : findMalformedScoring(scoring)
}

/** Where the price counts for nothing, everybody would bid the ceiling. */
function findMalformedScoring(scoring: Scoring): string | undefined {
  const { price, stake, reliability, speed, latency, exploration } = scoring
  const weights = [price, stake, reliability, speed, latency, exploration]
  const sum = weights.reduce((all, weight) => all + weight, 0)
  const isSound = weights.every((weight) => Number.isSafeInteger(weight) && weight >= 0)
  if (!isSound || price < 1 || sum > AUCTION_LIMITS.maxWeights) return `weights of ${weights.join(', ')}`
  return undefined
}

/** A deposit that no token account can hold would come out of the chain's arithmetic as something else. */
function findUnpayable(order: Order, devices: bigint): string | undefined {
  const deposit = depositFor(order.ceilingPricePerHour * devices, order.durationS)
  return deposit > U64_MAX ? `a deposit of ${deposit}` : undefined
}

export type BidRefusal =
  | 'UNKNOWN_ORDER'
  | 'TOO_EARLY'
  | 'TOO_LATE'
  | 'NO_COMMITMENT'
  | 'COMMITMENT_DIFFERS'
  | 'ALREADY_REVEALED'
  | 'PRICE_OUT_OF_RANGE'
  | 'ABOVE_CEILING'
  | 'MALFORMED'

/** Whether the renter takes a revealed bid of an order of its own. `commitment` is what this peer published in time, if anything. */
export function judgeBid(
  order: Order,
  bid: Bid,
  facts: {
    now: number
    peer: string
    payload: Uint8Array
    commitment: Uint8Array | undefined
    revealed: boolean
  },
): Refusal<Exclude<BidRefusal, 'UNKNOWN_ORDER'>> | undefined {
  if (bid.salt.length !== 32 || bid.payout.length !== 32) {
    return { refused: 'MALFORMED', detail: 'salt and payout have 32 bytes' }
  }
  const phase = phaseOf(order, facts.now)
  if (phase === 'committing') {
    return { refused: 'TOO_EARLY', detail: `${windowsOf(order).commitUntil - facts.now} ms too early` }
  }
  if (phase === 'closed') return { refused: 'TOO_LATE', detail: 'the reveal window is over' }
  if (facts.commitment === undefined) {
    return { refused: 'NO_COMMITMENT', detail: 'no commitment of this peer arrived in time' }
  }
  if (!equal(commitmentOf(facts.peer, facts.payload), facts.commitment)) {
    return { refused: 'COMMITMENT_DIFFERS', detail: 'the bid is not the one that was committed to' }
  }
  if (facts.revealed) return { refused: 'ALREADY_REVEALED', detail: 'one bid per provider and order' }
  if (bid.pricePerHour <= 0n || bid.pricePerHour > U64_MAX) {
    return { refused: 'PRICE_OUT_OF_RANGE', detail: `price ${bid.pricePerHour}` }
  }
  if (bid.pricePerHour > order.ceilingPricePerHour) {
    return { refused: 'ABOVE_CEILING', detail: `${bid.pricePerHour} > ${order.ceilingPricePerHour}` }
  }
  return undefined
}

/** What no honest renter publishes as the result of an auction; whether it is right is the audit's question. */
export function findMalformedResult(result: Result): string | undefined {
  const { orderId, bids, winner, pricePerHour, winners, withheld } = result
  const { maxBids, maxCount } = AUCTION_LIMITS
  if (orderId.length !== 32) return `a name of ${orderId.length} bytes`
  if (bids.length > maxBids) return `${bids.length} bids`
  if (withheld.length > maxBids) return `${withheld.length} withheld bids`
  if (winners.length > maxCount) return `${winners.length} winners`
  const peers = [...winners.map(({ peer }) => peer), ...withheld]
  if (winner !== '') peers.push(winner)
  const stranger = peers.find((peer) => !isPeer(peer))
  if (stranger !== undefined) return 'a name that is no peer id'
  const [first] = winners
  const agrees = first === undefined || (first.peer === winner && first.pricePerHour === pricePerHour)
  if (!agrees) return 'its winner is not the first of its winners'
  if (new Set(winners.map(({ peer }) => peer)).size < winners.length) return 'one winner twice'
  return bids.map(findMalformedBid).find((found) => found !== undefined)
}

function findMalformedBid({ owner, hosts }: RevealedBid): string | undefined {
  if (owner.length !== 0 && owner.length !== 32) return `an owner of ${owner.length} bytes`
  if (hosts.length > MAX_HOSTS) return `${hosts.length} hosts`
  const long = hosts.find((host) => host.length > MAX_HOST_CHARS)
  return long === undefined ? undefined : `a host of ${long.length} characters`
}

/** Everybody whom a result names a winner, the best first, and what each is paid. */
export function winnersOf(result: Result): Winner[] {
  if (result.winners.length > 0) return result.winners
  return result.winner === '' ? [] : [{ peer: result.winner, pricePerHour: result.pricePerHour }]
}

/** What this peer is paid per device-hour by a result; undefined when it is no winner. */
export function prizeOf(result: Result, peer: string): bigint | undefined {
  return winnersOf(result).find((winner) => winner.peer === peer)?.pricePerHour
}
