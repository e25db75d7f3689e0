import { isRefusal, type Refusal } from '../errors.js'
import { readRequirements } from '../inventory/rules.js'
import { depositFor } from '../money.js'
import type { Order } from './wire.js'

/** What an order that was seen earlier binds of its wallet, as long as devices may be promised for it. */
export interface Claim {
  deposit: bigint
  /** What the wallet held when the order was taken, atomic units. */
  held: bigint
  /** A result has named winners: the deposit is leaving the wallet, or has left it. */
  awarded: boolean
}

export const BACKING = {
  /**
   * A provider keeps its devices so long for the result once the bids are closed, and for the proposal of a lease once it
   * has won: so long the order binds its wallet too.
   */
  resultMs: 15_000,
  awardMs: 30_000,
  /** The least deposit of an order is so many times smaller than the market's least stake, and at least one unit. */
  stakePerDeposit: 10_000n,
} as const

export type BackingRefusal = 'DEPOSIT_TOO_SMALL' | 'OVERDRAWN'

/** The most that the order can lead to, atomic units: at its ceiling, for its whole duration, for all its providers. */
export function depositOf(order: Order): bigint {
  const requirements = readRequirements(order.requirements)
  const devices = isRefusal(requirements) ? 1 : requirements.devices
  return depositFor(order.ceilingPricePerHour * BigInt(devices), order.durationS) * BigInt(order.count ?? 1)
}

/** An order costs every node of its shards work and memory: it must be about an amount that matters in its market. */
export function leastDepositOf(minimumStake: bigint): bigint {
  const least = minimumStake / BACKING.stakePerDeposit
  return least > 0n ? least : 1n
}

/**
 * Whether a wallet that holds as much backs one more order beside those that bind it already: first seen, first served. A
 * deposit that has just gone into a lease is counted twice otherwise, in the claim and as missing in the wallet; so the sum
 * of all is held against the most that the wallet has held while the claims came in, and what is not yet awarded against
 * what it holds now.
 */
export function judgeBacking(
  deposit: bigint,
  claims: readonly Claim[],
  facts: { held: bigint; leastDeposit: bigint },
): Refusal<BackingRefusal> | undefined {
  const { held, leastDeposit } = facts
  if (deposit < leastDeposit) {
    return {
      refused: 'DEPOSIT_TOO_SMALL',
      detail: `a deposit of ${deposit} where ${leastDeposit} is the least`,
    }
  }
  const sum = (some: readonly Claim[]) => some.reduce((all, claim) => all + claim.deposit, 0n)
  const pending = sum(claims.filter(({ awarded }) => !awarded))
  let most = held
  for (const claim of claims) if (claim.held > most) most = claim.held
  if (pending + deposit <= held && sum(claims) + deposit <= most) return undefined
  const bound = sum(claims) + deposit
  return { refused: 'OVERDRAWN', detail: `its open orders bind ${bound}, and the wallet holds ${held}` }
}
