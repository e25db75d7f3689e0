import { toHex } from '../../protocols/bytes.js'
import { codeOf, isRefusal, NightshiftError } from '../../protocols/errors.js'
import { compareCopies } from '../../protocols/job/copies.js'
import { JobState } from '../../protocols/job/wire.js'
import { type Attempt, countOf, isOurs, loseStanding, moveTo } from './attempt.js'
import type { Auction, Awarded } from './auction.js'
import type { CopyOutcome } from './event.js'
import { dropLease, type LeaseRecord, openLease, type SignedLease, signLease } from './lease.js'
import { startReclaim } from './refund.js'
import { type RunOutcome, runLease } from './run.js'

/** A transaction's blockhash is dead after about a minute: an older signature is asked for again. */
const SIGNATURE_LIFE_MS = 30_000

/** The places that one order fills, one for each provider that it asks for. */
export interface Places {
  /** Atomic units per device-hour that each has bid. */
  bids: ReadonlyMap<string, bigint>
  /** Why a winner lost its place. */
  failed: Map<string, string>
  /** What each holder of a place is paid per device-hour: as it has signed. */
  prices: Map<string, bigint>
  signed: Map<string, SignedLease>
  running: Map<string, Promise<RunOutcome>>
  /** Hash of what each left that has done the job. */
  done: Map<string, Uint8Array>
}

interface Auctioned extends Places {
  auction: Auction
}

/**
 * Awards to the best bids, again and again, until every place has done the job or too few bids are left. No lease is
 * opened before all places have signed; a place that fails is given to the next best bid while the others go on.
 * False: nobody did the job. Throws TOO_FEW_COPIES when only some did.
 */
export async function awardAndRun(attempt: Attempt, auction: Auction): Promise<boolean> {
  const places: Auctioned = {
    auction,
    bids: new Map(auction.bids.map(({ peer, pricePerHour }) => [peer, pricePerHour])),
    failed: new Map(),
    prices: new Map(),
    signed: new Map(),
    running: new Map(),
    done: new Map(),
  }
  const halt = new AbortController()
  const signal = AbortSignal.any([attempt.signal, halt.signal])
  try {
    return await fillPlaces({ ...attempt, signal }, attempt, places)
  } catch (error) {
    halt.abort(error)
    throw error
  } finally {
    await Promise.allSettled(places.running.values())
  }
}

/** `attempt` is the one whose time for matching counts; `own` ends with this auction. */
async function fillPlaces(own: Attempt, attempt: Attempt, places: Auctioned): Promise<boolean> {
  for (let round = 0; ; round++) {
    const award = await own.parts.auctioneer.announce(places.auction, round, places.failed, places.prices)
    if (award.winners.length === 0) return endWithFewer(own, places)
    const unsigned = await signAll(own, places, award, round)
    if (unsigned !== undefined) {
      await goOnMatching(own, attempt, places, unsigned)
      continue
    }
    for (const [peer, lease] of places.signed) {
      const run = openAndRun(own, places, lease)
      // Looked at below; one that fails meanwhile waits for that.
      run.catch(() => {})
      places.running.set(peer, run)
    }
    places.signed.clear()
    const failed = await watch(own, places)
    if (failed === undefined) return complete(own, places)
    await goOnMatching(own, attempt, places, failed)
    // Whoever bids now is there now: those of this auction may have found other work long ago.
    if (own.ahead.auction !== undefined) return false
  }
}

/** Asks every winner that has no lease yet for its signature, all at once. Resolves to a reason when one gave none. */
async function signAll(
  attempt: Attempt,
  places: Auctioned,
  { winners, envelope }: Awarded,
  round: number,
): Promise<string | undefined> {
  const { parts, tell } = attempt
  const reasons = await Promise.all(
    winners.map(async (winner) => {
      const { peer } = winner.bid
      if (places.running.has(peer) || places.done.has(peer)) return undefined
      const before = places.signed.get(peer)
      if (before !== undefined && parts.clock.elapsed() - before.signedAt < SIGNATURE_LIFE_MS)
        return undefined
      if (before === undefined) tell({ kind: 'awarded', peer, pricePerHour: winner.pricePerHour, round })
      const signed = await sign(attempt, places, winner, envelope)
      if (typeof signed === 'string') {
        fail(attempt, places, peer, signed)
        return signed
      }
      places.signed.set(peer, signed)
      places.prices.set(peer, winner.pricePerHour)
      tellCopy(attempt, { peer, state: 'signed' })
      return undefined
    }),
  )
  return reasons.find((reason) => reason !== undefined)
}

async function sign(
  attempt: Attempt,
  places: Auctioned,
  { bid, pricePerHour }: Awarded['winners'][number],
  result: Uint8Array,
): Promise<SignedLease | string> {
  const { parts, plan, report, signal } = attempt
  const { devices } = plan.requirements
  const { auction } = places
  const award = { auction, winner: bid, pricePerHour, result, devices, deployment: report.id }
  try {
    const signed = await signLease(parts, award, signal)
    return isRefusal(signed) ? signed.refused : signed
  } catch (error) {
    return explainFailure(attempt, bid.peer, error)
  }
}

async function openAndRun(attempt: Attempt, places: Auctioned, signed: SignedLease): Promise<RunOutcome> {
  const { parts, report, tell, signal } = attempt
  const { peer } = signed
  let lease: LeaseRecord | undefined
  try {
    const opened = await openLease(parts, signed, signal)
    lease = opened.record
    const { address, deposit } = lease
    const orderToLeaseMs = parts.clock.now() - places.auction.order.timeMs
    const { transaction } = opened
    tell({ kind: 'leased', peer, lease: toHex(address), transaction, deposit, orderToLeaseMs })
    await parts.save(report)
  } catch (error) {
    lease ??= await leaseWith(attempt, peer)
    if (lease !== undefined) startReclaim(attempt, lease)
    return { failed: await explainFailure(attempt, peer, error) }
  }
  tellCopy(attempt, { peer, state: 'running' })
  return runLease(attempt, lease)
}

/** The reason why this provider failed. Throws what another provider would meet too. */
export async function explainFailure(attempt: Attempt, peer: string, error: unknown): Promise<string> {
  attempt.signal.throwIfAborted()
  const reason = codeOf(error)
  if (reason === undefined || isOurs(reason)) throw error
  attempt.parts.log.warn('a provider failed', { peer, reason, error: String(error) })
  await loseStanding(attempt, peer, reason, false)
  return reason
}

export async function leaseWith({ parts, report }: Attempt, peer: string): Promise<LeaseRecord | undefined> {
  const leases = await parts.book.list()
  return leases
    .map(({ value }) => value)
    .filter((lease) => lease.deployment === report.id && lease.peer === peer)
    .filter(({ state }) => state !== 'closed' && state !== 'dropped')
    .sort((a, b) => a.proposedAtMs - b.proposedAtMs)
    .at(-1)
}

/** Until all that run have done the job, or one has failed: then why. */
export async function watch(attempt: Attempt, places: Places): Promise<string | undefined> {
  while (places.running.size > 0) {
    const ends = [...places.running].map(([peer, run]) => run.then((outcome) => ({ peer, outcome })))
    const { peer, outcome } = await Promise.race(ends)
    places.running.delete(peer)
    if ('failed' in outcome) {
      fail(attempt, places, peer, outcome.failed)
      return outcome.failed
    }
    places.done.set(peer, outcome.hash)
    tellCopy(attempt, { peer, state: 'done', hash: toHex(outcome.hash) })
    attempt.tell({ kind: 'bid', bid: { peer, pricePerHour: bidOf(places, peer), outcome: 'won' } })
  }
  return undefined
}

function fail(attempt: Attempt, places: Places, peer: string, reason: string): void {
  places.failed.set(peer, reason)
  places.prices.delete(peer)
  places.signed.delete(peer)
  attempt.tell({
    kind: 'bid',
    bid: { peer, pricePerHour: bidOf(places, peer), outcome: 'failed', reason },
  })
  tellCopy(attempt, { peer, state: 'failed', reason })
}

function bidOf({ bids }: Places, peer: string): bigint {
  return bids.get(peer) ?? 0n
}

/**
 * Time that went into work is not time that was spent on finding a provider; nor is it for a renter that is killed while it
 * looks for the next one.
 */
export async function lookOn(attempt: Attempt): Promise<void> {
  const { parts, plan, report } = attempt
  if (report.state !== JobState.RUNNING) return
  attempt.matchUntilMs = parts.clock.elapsed() + plan.queueMs
  await parts.remember(report.id, { matchUntilMs: parts.clock.now() + plan.queueMs })
}

/** While others run or have done the job, the job is RUNNING, not MATCHING. */
async function goOnMatching(own: Attempt, attempt: Attempt, places: Places, reason: string): Promise<void> {
  await lookOn(attempt)
  if (places.running.size + places.done.size === 0) await moveTo(own, JobState.MATCHING, reason)
}

/** Too few bids are left for all places: those that run may end, for they are paid for. */
export async function endWithFewer(attempt: Attempt, places: Places): Promise<boolean> {
  for (const { peer, record } of places.signed.values()) {
    await dropLease(attempt.parts.book, record)
    tellCopy(attempt, { peer, state: 'failed', reason: 'TOO_FEW_PROVIDERS' })
  }
  let failed: string | undefined
  do failed = await watch(attempt, places)
  while (failed !== undefined)
  if (places.done.size === 0) {
    if (attempt.report.state !== JobState.MATCHING) await moveTo(attempt, JobState.MATCHING)
    return false
  }
  compare(attempt, places)
  throw new NightshiftError(
    'TOO_FEW_COPIES',
    `${places.done.size} of ${countOf(attempt)} providers did the job, and no bid is left`,
    { advice: 'what they left is kept; post the job again for the other copies' },
  )
}

export async function complete(attempt: Attempt, places: Places): Promise<boolean> {
  if (countOf(attempt) > 1) compare(attempt, places)
  await moveTo(attempt, JobState.COMPLETED)
  return true
}

function compare({ tell }: Attempt, places: Places): void {
  const copies = [...places.done].map(([peer, hash]) => ({ peer, hash }))
  tell({ kind: 'compared', ...compareCopies(copies) })
}

export function tellCopy(attempt: Attempt, copy: CopyOutcome): void {
  if (countOf(attempt) > 1) attempt.tell({ kind: 'copy', copy })
}
