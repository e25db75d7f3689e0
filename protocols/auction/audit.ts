import { equal, toHex } from '../bytes.js'
import { isRefusal } from '../errors.js'
import { areOne, award, type Candidate, rankBids, score } from './award.js'
import { openBid } from './bid.js'
import { commitmentOf, winnersOf } from './rules.js'
import { type Order, PricingRule, type Result, type RevealedBid, type Winner } from './wire.js'

/** What a node knows of an auction that it has watched. */
export interface SeenAuction {
  order: Order
  orderId: Uint8Array
  /** The commitments that reached this node in time, signed by their authors, by whose base58 peer ids they stand. */
  commitments: ReadonlyMap<string, Uint8Array>
  /** Base58 peer id of a bidder whose bid the renter has confirmed: this node itself. */
  revealedBy?: string
}

/**
 * `unfair`: the result contradicts itself or what was announced. `cheated`: a bidder is convicted by two signatures of its own,
 * whether the renter knew of it or not. `unproven`: only the renter can know. `note`: nobody's fault. The worst first.
 */
const WEIGHTS = ['unfair', 'cheated', 'unproven', 'note'] as const
export type Weight = (typeof WEIGHTS)[number]

/** Every way in which a result can differ from the auction that was announced. */
export const FINDINGS = {
  FOREIGN_RESULT: 'unfair',
  BID_UNREADABLE: 'unfair',
  BID_TWICE: 'unfair',
  BID_OUT_OF_RANGE: 'unfair',
  BID_DENIED: 'unfair',
  WRONG_WINNER: 'unfair',
  WRONG_PRICE: 'unfair',
  WRONG_COUNT: 'unfair',
  WRONG_OUTCOME: 'unfair',
  // It has signed a commitment and a bid that contradict one another, or two commitments: the renter may not have seen that one.
  BID_DIFFERS: 'cheated',
  BID_UNSEEN: 'unproven',
  LEFT_OUT: 'unproven',
  EXCLUDED: 'unproven',
  EARLIER_PRICE: 'unproven',
  WITHHELD: 'note',
  CLOSED_EARLY: 'note',
} as const satisfies Record<string, Weight>

export interface Finding {
  code: keyof typeof FINDINGS
  weight: Weight
  /** Whom it concerns, where it concerns one. */
  peer?: string
  /** For people. */
  detail: string
}

export interface AuditedBid extends Candidate {
  /** As the result says: `won`, `qualified`, or why it was left out. */
  outcome: string
  /** By the order's own rule; 0 where it has none. */
  score: bigint
}

export type Verdict = 'fair' | Exclude<Weight, 'note'>

export interface Audit {
  /** The worst weight among the findings; `fair` where there are notes at most. */
  verdict: Verdict
  findings: Finding[]
  /** Those that qualified as they rank, then the others. */
  bids: AuditedBid[]
  winners: Winner[]
}

type Find = (code: Finding['code'], detail: string, peer?: string) => void

/**
 * Holds a published result against the order and the commitments that this node saw: whether the best qualified bids
 * won and are paid what the order's rule gives, and who was left out. It computes from what stands in the result, so
 * every node that saw the same comes to the same verdict; no I/O beyond checking signatures.
 */
export async function judgeResult(seen: SeenAuction, result: Result): Promise<Audit> {
  const findings: Finding[] = []
  const find: Find = (code, detail, peer) => {
    findings.push({ code, weight: FINDINGS[code], detail, ...(peer === undefined ? {} : { peer }) })
  }
  if (!equal(result.orderId, seen.orderId)) find('FOREIGN_RESULT', 'it is the result of another order')
  const bids = await readBids(seen, result, find)
  judgeAbsent(seen, result, bids, find)
  judgeAward(seen, result, bids, find)
  const ranked = rankBids(seen, bids)
  return {
    verdict: worstOf(findings),
    findings,
    bids: [...ranked, ...bids.filter((bid) => !ranked.includes(bid))],
    winners: winnersOf(result),
  }
}

/** The worst weight among findings; notes leave an auction fair. */
export function worstOf(findings: ReadonlyArray<Pick<Finding, 'weight'>>): Verdict {
  const worst = WEIGHTS.find((weight) => findings.some((finding) => finding.weight === weight))
  return worst === undefined || worst === 'note' ? 'fair' : worst
}

async function readBids(seen: SeenAuction, result: Result, find: Find): Promise<AuditedBid[]> {
  const bids: AuditedBid[] = []
  const opened = await Promise.all(result.bids.map(({ envelope }) => openBid(envelope)))
  for (const [at, revealed] of result.bids.entries()) {
    const read = opened[at]
    if (read === undefined || isRefusal(read)) {
      find('BID_UNREADABLE', read?.detail ?? 'it is missing')
      continue
    }
    const { peer, bid, payload } = read
    if (!equal(bid.orderId, seen.orderId)) {
      find('BID_UNREADABLE', 'a bid for another order', peer)
      continue
    }
    if (bids.some((other) => other.peer === peer)) {
      find('BID_TWICE', 'one bid per provider and order', peer)
      continue
    }
    const commitment = seen.commitments.get(peer)
    if (commitment === undefined) find('BID_UNSEEN', 'its commitment did not reach this node', peer)
    else if (!equal(commitment, commitmentOf(peer, payload))) {
      find('BID_DIFFERS', 'it has signed a commitment to another bid', peer)
    }
    bids.push(auditedBid(seen, revealed, peer, bid.pricePerHour))
  }
  return bids
}

function auditedBid(
  seen: SeenAuction,
  revealed: RevealedBid,
  peer: string,
  pricePerHour: bigint,
): AuditedBid {
  const candidate = candidateOf(revealed, { peer, pricePerHour })
  return { ...candidate, outcome: revealed.outcome, score: score(seen, candidate) }
}

/** A bid of a result, as it was scored. */
export function candidateOf(
  { outcome, stake, reliability, leases, gflops, latencyMs, owner, hosts }: RevealedBid,
  bid: { peer: string; pricePerHour: bigint },
): Candidate {
  const { peer, pricePerHour } = bid
  const excluded = outcome === 'won' || outcome === 'qualified' ? undefined : outcome
  const account = owner.length === 0 ? undefined : toHex(owner)
  return {
    peer,
    pricePerHour,
    stake,
    reliability,
    leases,
    gflops,
    latencyMs,
    owner: account,
    hosts,
    excluded,
  }
}

/** Who committed and stands nowhere in the result. */
function judgeAbsent(seen: SeenAuction, result: Result, bids: readonly AuditedBid[], find: Find): void {
  const present = new Set(bids.map(({ peer }) => peer))
  const closedEarly = seen.order.enough !== undefined && bids.length >= seen.order.enough
  for (const peer of seen.commitments.keys()) {
    if (present.has(peer)) continue
    if (peer === seen.revealedBy) find('BID_DENIED', 'the renter took this bid and does not show it', peer)
    else if (result.withheld.includes(peer)) find('WITHHELD', 'it committed and revealed no bid', peer)
    else if (closedEarly) find('CLOSED_EARLY', 'enough bids were in before its own', peer)
    else find('LEFT_OUT', 'it committed in time, and the result does not say what became of its bid', peer)
  }
}

function judgeAward(seen: SeenAuction, result: Result, bids: readonly AuditedBid[], find: Find): void {
  const { order } = seen
  const winners = winnersOf(result)
  for (const { peer, pricePerHour, excluded } of bids) {
    const inRange = pricePerHour > 0n && pricePerHour <= order.ceilingPricePerHour
    if (excluded === undefined && !inRange) find('BID_OUT_OF_RANGE', `price ${pricePerHour}`, peer)
  }
  for (const bid of bids) {
    const isNamed = winners.some(({ peer }) => peer === bid.peer)
    if (isNamed === (bid.outcome === 'won')) continue
    find(
      'WRONG_OUTCOME',
      isNamed ? `a winner that is said to be ${bid.outcome}` : 'said to have won',
      bid.peer,
    )
  }
  const right = award(seen, bids)
  if (winners.length > 0 && winners.length !== (order.count ?? 1)) {
    find('WRONG_COUNT', `${winners.length} winners where ${order.count ?? 1} are asked for`)
  }
  judgeWinners(seen, result, { winners, right, bids }, find)
  judgePrices(result, order, { winners, right, bids }, find)
  judgeExcluded(seen, right, bids, find)
}

interface Awarded {
  winners: readonly Winner[]
  /** By the order's rule, from the bids as the result labels them. */
  right: readonly Winner[]
  bids: readonly AuditedBid[]
}

function judgeWinners(
  seen: SeenAuction,
  result: Result,
  { winners, right, bids }: Awarded,
  find: Find,
): void {
  for (const { peer } of winners) {
    if (!bids.some((bid) => bid.peer === peer)) find('WRONG_WINNER', 'it has no bid in the result', peer)
  }
  const named = new Set(winners.map(({ peer }) => peer))
  if (winners.length === 0) {
    for (const { peer } of right) find('WRONG_WINNER', 'it should have won, and nobody did', peer)
    return
  }
  for (const { peer } of right) {
    if (named.has(peer) || isBlocked(result, bids, named, peer)) continue
    const better = `it should have won by the order's rule${seen.order.scoring ? 's of scoring' : ''}`
    find('WRONG_WINNER', better, peer)
  }
}

/** After round 0 whoever has signed stays, and may share an owner or a host with one that now ranks above it. */
function isBlocked(
  result: Result,
  bids: readonly AuditedBid[],
  named: ReadonlySet<string>,
  peer: string,
): boolean {
  const passed = bids.find((bid) => bid.peer === peer)
  if (result.round === 0 || passed === undefined) return false
  return bids.some((bid) => named.has(bid.peer) && areOne(bid, passed))
}

/** In a later round a winner that has signed before keeps its price, which was never above what the rule gives now. */
function judgePrices(result: Result, order: Order, { winners, right, bids }: Awarded, find: Find): void {
  for (const { peer, pricePerHour } of winners) {
    const due = right.find((winner) => winner.peer === peer)?.pricePerHour
    const bid = bids.find((each) => each.peer === peer)?.pricePerHour
    if (due === undefined || bid === undefined || pricePerHour === due) continue
    const mayBeKept = result.round > 0 && order.pricing === PricingRule.SECOND_PRICE && (order.count ?? 1) > 1
    const isKept = mayBeKept && pricePerHour >= bid && pricePerHour < due
    find(isKept ? 'EARLIER_PRICE' : 'WRONG_PRICE', `paid ${pricePerHour}, and ${due} is due`, peer)
  }
}

/** Whoever would have won, had the renter not left it out for a reason that only the renter knows to be true. */
function judgeExcluded(
  seen: SeenAuction,
  right: readonly Winner[],
  bids: readonly AuditedBid[],
  find: Find,
): void {
  const { ceilingPricePerHour } = seen.order
  const winning = new Set(right.map(({ peer }) => peer))
  for (const bid of bids) {
    if (bid.excluded === undefined || bid.pricePerHour <= 0n || bid.pricePerHour > ceilingPricePerHour)
      continue
    const allowed = bids.map((other) => (other === bid ? { ...other, excluded: undefined } : other))
    const wins = award(seen, allowed).some(({ peer }) => peer === bid.peer)
    if (wins && !winning.has(bid.peer))
      find('EXCLUDED', `it would have won, left out: ${bid.excluded}`, bid.peer)
  }
}
