import { prizeOf } from '../auction/rules.js'
import type { Order, Result } from '../auction/wire.js'
import { equal, hash } from '../bytes.js'
import type { Refusal } from '../errors.js'
import { Terms } from './wire.js'

/** What the lease account on the chain records of the terms: one hash over all of them. */
export function termsHashOf(terms: Terms): Uint8Array {
  return hash('nightshift/terms/1', Terms.encode(terms))
}

export type ProposalRefusal =
  | 'NOT_THE_WINNER'
  | 'TERMS_DIFFER'
  | 'PRICE_BELOW_BID'
  | 'NO_CAPACITY'
  | 'UNKNOWN_ORDER'
  | 'BAD_TRANSACTION'
  | 'PAUSED'
  | 'STAKE_TOO_SMALL'

/** Whether a provider may sign, as far as documents go: the terms say what the order, its own bid and the published result say. */
export function judgeProposal(
  terms: Terms,
  facts: {
    order: Order
    orderId: Uint8Array
    result: Result
    self: string
    renter: string
    devices: number
    bidPricePerHour: bigint
  },
): Refusal<Extract<ProposalRefusal, 'NOT_THE_WINNER' | 'PRICE_BELOW_BID' | 'TERMS_DIFFER'>> | undefined {
  const { order, result } = facts
  const prize = prizeOf(result, facts.self)
  if (prize === undefined || !equal(result.orderId, facts.orderId)) {
    return { refused: 'NOT_THE_WINNER', detail: 'the result does not name this node a winner' }
  }
  if (prize < facts.bidPricePerHour) {
    return { refused: 'PRICE_BELOW_BID', detail: `${prize} < ${facts.bidPricePerHour}` }
  }
  const differs = [
    [equal(terms.market, order.market), 'market'],
    [equal(terms.orderId, facts.orderId), 'order'],
    [terms.provider === facts.self, 'provider'],
    [terms.renter === facts.renter, 'renter'],
    [equal(terms.wallet, order.wallet), 'wallet'],
    [terms.pricePerHour === prize * BigInt(facts.devices), 'price'],
    [terms.durationS === order.durationS, 'duration'],
    [terms.sliceMs === order.sliceMs, 'slice'],
    [equal(terms.jobHash, order.jobHash), 'job hash'],
    [terms.devices === facts.devices, 'devices'],
  ].find(([same]) => same === false)
  if (differs !== undefined) return { refused: 'TERMS_DIFFER', detail: `${differs[1]} is not as ordered` }
  return undefined
}
