import { equal, hash } from '../bytes.js'
import { isRefusal, type Refusal } from '../errors.js'
import { readRequirements } from '../inventory/rules.js'
import { depositFor, U64_MAX } from '../money.js'
import { type Bid, type Order, PricingRule } from './wire.js'

export const AUCTION_LIMITS = {
  /** Bytes of a sealed order, commitment or result; a result holds up to `maxBids` sealed bids of about 330 bytes. */
  maxBytes: 65_536,
  maxBids: 128,
  maxDurationS: 30 * 24 * 3600,
  maxWindowMs: 120_000,
  maxAddresses: 16,
  maxAddressChars: 256,
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
  if (phaseOf(order, facts.now) === 'closed') return { refused: 'CLOSED', detail: 'its auction is over' }
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
  const requirements = readRequirements(order.requirements)
  if (isRefusal(requirements)) return `requirements: ${requirements.detail}`
  return findUnpayable(order, BigInt(requirements.devices))
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

/** A revealed bid that passed `judgeBid`, and whether its author qualifies by requirements and standing. */
export interface Candidate {
  peer: string
  pricePerHour: bigint
  stake: bigint
  /** A reason to leave it out: a missed requirement, lost standing, a failed challenge. */
  excluded?: string | undefined
}

export interface Award {
  winner: string
  /** Atomic units per device-hour that the winner is paid. */
  pricePerHour: bigint
}

/**
 * The order in which bids win: cheapest first, then the higher stake, then the smaller peer id, so that everybody
 * who sees the bids gets the same list.
 */
export function rankBids(candidates: readonly Candidate[]): Candidate[] {
  return candidates
    .filter((candidate) => candidate.excluded === undefined)
    .sort(
      (a, b) =>
        compare(a.pricePerHour, b.pricePerHour) || compare(b.stake, a.stake) || compare(a.peer, b.peer),
    )
}

/** The cheapest qualified bid wins. Second price: the winner is paid the next bid's price, or the ceiling if alone. */
export function award(order: Order, candidates: readonly Candidate[]): Award | undefined {
  const ranked = rankBids(candidates)
  const [first] = ranked
  if (first === undefined) return undefined
  // The next bid of someone else: otherwise a bidder who got two bids in would set its own price.
  const second = ranked.find(({ peer }) => peer !== first.peer)
  const paid =
    order.pricing === PricingRule.SECOND_PRICE
      ? (second?.pricePerHour ?? order.ceilingPricePerHour)
      : first.pricePerHour
  return { winner: first.peer, pricePerHour: paid }
}

function compare<T extends bigint | string>(a: T, b: T): number {
  return a < b ? -1 : a > b ? 1 : 0
}
