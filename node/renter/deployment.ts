import type { JobPlan } from '../../config/manifest/plan.js'
import type { Order } from '../../protocols/auction/wire.js'
import { toHex } from '../../protocols/bytes.js'
import { isLie } from '../../protocols/challenge/rules.js'
import { codeOf, isRefusal, NightshiftError } from '../../protocols/errors.js'
import { Requirements } from '../../protocols/inventory/wire.js'
import { hasEnded } from '../../protocols/job/rules.js'
import { encodeJobSpec } from '../../protocols/job/spec.js'
import { JobState } from '../../protocols/job/wire.js'
import type { Clock, Log, Random } from '../../protocols/ports.js'
import type { Escrow, LeaseOutcome, Slash } from '../escrow/port.js'
import type { Files } from '../files/port.js'
import type { Network } from '../net/ports.js'
import type { Auction, Auctioneer, ReceivedBid } from './auction.js'
import { challengeProvider } from './challenge.js'
import type { DeploymentEvent, DeploymentReport, SlashOutcome } from './event.js'
import type { FraudRecord, Prosecutor } from './fraud.js'
import type { PreparedInputs } from './inputs.js'
import type { Inventory } from './inventory.js'
import { type JobResult, runJob } from './job.js'
import { type LeaseBook, type LeaseRecord, openLease } from './lease.js'
import type { Judge } from './result.js'
import type { Settler } from './settlement.js'
import type { Standing } from './standing.js'

/** What every deployment of a renter shares. */
export interface DeploymentParts {
  network: Network
  escrow: Escrow
  auctioneer: Auctioneer
  inventory: Inventory
  standing: Standing
  settler: Settler
  prosecutor: Prosecutor
  book: LeaseBook
  files: Files
  judge: Judge
  clock: Clock
  random: Random
  log: Log
  market: Uint8Array
  /** 32 bytes: the account that pays deposits. */
  wallet: Uint8Array
  sliceMs: number
  challengeTimeoutMs: number
  /** By the clock's `elapsed`: until then this node listens for heartbeats before it holds an auction. */
  listenUntilMs: number
  /** Ends what goes on in the background (refunds) when the node stops; it is taken up again at the next start. */
  closing: AbortSignal
  /** Keeps the report; called before the step that it tells of is relied upon. */
  save(report: DeploymentReport): Promise<void>
}

type Tell = (event: EventBody) => void
type EventBody = DeploymentEvent extends infer Event
  ? Event extends DeploymentEvent
    ? Omit<Event, 'atMs'>
    : never
  : never

/** Time between two auctions when the first found nobody. */
const AUCTION_PAUSE_MS = 2_000
/** After the bids are in; anybody can announce a thousand providers, and each costs a question to the chain. */
const EXPLAINING_MS = 1_000

/**
 * One job from its order to its end: auction, lease, challenge, work, check, settlement. A provider that fails at any
 * step loses its place to the next cheapest bid, and what no voucher pays for comes back from its lease.
 */
export async function deploy(
  parts: DeploymentParts,
  plan: JobPlan,
  inputs: PreparedInputs,
  report: DeploymentReport,
  emit: (event: DeploymentEvent) => void,
  signal: AbortSignal,
): Promise<DeploymentReport> {
  const tell: Tell = (event) => {
    const stamped = { atMs: parts.clock.now(), ...event } as DeploymentEvent
    note(report, stamped)
    emit(stamped)
  }
  const reclaims: Array<Promise<void>> = []
  const spec = encodeJobSpec({ runtime: plan.runtime, job: plan.spec })
  const attempt: Attempt = { parts, plan, inputs, spec, report, tell, reclaims, matchUntilMs: 0, signal }
  try {
    await moveTo(attempt, JobState.MATCHING)
    const done = await matchAndRun(attempt)
    if (!done) {
      await moveTo(attempt, JobState.FAILED, 'NO_PROVIDER', 'no provider that qualifies did the job in time')
    }
  } catch (error) {
    if (hasEnded(report.state)) throw error
    const stopped = signal.aborted
    const state = stopped ? JobState.STOPPED : JobState.FAILED
    await moveTo(attempt, state, codeOf(error) ?? (stopped ? 'STOPPED' : 'UNEXPECTED'), explain(error))
  }
  await Promise.allSettled(reclaims)
  await parts.save(report)
  return report
}

/** For people: what went wrong, and what they can do. */
function explain(error: unknown): string {
  if (error instanceof NightshiftError) return `${error.message}; ${error.advice}`
  return error instanceof Error ? error.message : String(error)
}

interface Attempt {
  parts: DeploymentParts
  plan: JobPlan
  inputs: PreparedInputs
  spec: { bytes: Uint8Array; hash: Uint8Array }
  report: DeploymentReport
  tell: Tell
  /** Refunds under way: the story ends when they have ended. */
  reclaims: Array<Promise<void>>
  /** By the clock's `elapsed`: no further auction is held after it. */
  matchUntilMs: number
  signal: AbortSignal
}

/** Holds auctions until one leads to a finished job or the time for matching is over. */
async function matchAndRun(attempt: Attempt): Promise<boolean> {
  const { parts, plan, signal } = attempt
  attempt.matchUntilMs = parts.clock.elapsed() + plan.queueMs
  await parts.clock.sleep(Math.max(0, parts.listenUntilMs - parts.clock.elapsed()), signal)
  for (;;) {
    await parts.inventory.seek(plan.requirements, signal)
    const order = makeOrder(attempt)
    const auction = await holdAuction(attempt, order)
    if (await runBestBid(attempt, auction)) return true
    if (parts.clock.elapsed() + AUCTION_PAUSE_MS >= attempt.matchUntilMs) return false
    await parts.clock.sleep(AUCTION_PAUSE_MS, signal)
  }
}

function makeOrder({ parts, plan, spec }: Attempt): Order {
  return {
    market: parts.market,
    nonce: parts.random.bytes(16),
    timeMs: parts.clock.now(),
    requirements: Requirements.encode(plan.requirements),
    ceilingPricePerHour: plan.ceilingPricePerHour,
    durationS: plan.durationS,
    commitMs: plan.auction.commitMs,
    revealMs: plan.auction.revealMs,
    pricing: plan.auction.pricing,
    jobHash: spec.hash,
    sliceMs: parts.sliceMs,
    wallet: parts.wallet,
    addresses: parts.network.addresses(),
  }
}

async function holdAuction(attempt: Attempt, order: Order): Promise<Auction> {
  const { parts, plan, tell, signal } = attempt
  const { commitMs, revealMs } = order
  // While bids are awaited: it asks the chain for every provider's stake, and no winner should have to wait for that.
  const explaining = parts.inventory.explain(plan.requirements, plan.ceilingPricePerHour, signal)
  explaining.catch(() => {})
  const auction = await parts.auctioneer.hold(
    order,
    {
      onOrdered: (orderId) =>
        tell({
          kind: 'ordered',
          orderId: toHex(orderId),
          ceilingPricePerHour: order.ceilingPricePerHour,
          commitUntilMs: order.timeMs + commitMs,
          revealUntilMs: order.timeMs + commitMs + revealMs,
        }),
      onCommitted: (peer) => tell({ kind: 'committed', peer }),
      onRefused: (peer, pricePerHour, reason) =>
        tell({ kind: 'bid', bid: { peer, pricePerHour, outcome: 'refused', reason } }),
    },
    signal,
  )
  for (const { peer, pricePerHour, excluded } of auction.bids) {
    const outcome = excluded === undefined ? 'lost' : 'refused'
    tell({ kind: 'bid', bid: { peer, pricePerHour, outcome, ...(excluded && { reason: excluded }) } })
  }
  const bidders = new Set(auction.bids.map(({ peer }) => peer))
  const explained = await inTime(parts.clock, EXPLAINING_MS, explaining)
  for (const { offer, mismatches } of explained ?? []) {
    if (bidders.has(offer.peer)) continue
    const reason = mismatches.map(({ text }) => text).join('; ') || 'did not bid'
    const { peer, pricePerHour } = offer
    tell({ kind: 'bid', bid: { peer, pricePerHour, outcome: 'unqualified', reason } })
  }
  return auction
}

/** Undefined when it is not there in time, or failed: what only explains holds nothing up. */
async function inTime<T>(clock: Clock, ms: number, waited: Promise<T>): Promise<T | undefined> {
  const enough = new AbortController()
  const late = clock.sleep(ms, enough.signal).then(
    () => undefined,
    () => undefined,
  )
  try {
    return await Promise.race([waited.catch(() => undefined), late])
  } finally {
    enough.abort()
  }
}

/** Awards to the cheapest bid that is left, again and again, until one has done the job or none is left. */
async function runBestBid(attempt: Attempt, auction: Auction): Promise<boolean> {
  const { parts, plan, tell } = attempt
  const failed = new Map<string, string>()
  for (let round = 0; ; round++) {
    const award = await parts.auctioneer.announce(auction, round, failed)
    if (award === undefined) return false
    const { winner, pricePerHour } = award
    tell({ kind: 'awarded', peer: winner.peer, pricePerHour, round })
    const reason = await runWith(attempt, auction, { winner, pricePerHour, result: award.envelope })
    const { peer } = winner
    if (reason === undefined) {
      tell({ kind: 'bid', bid: { peer, pricePerHour: winner.pricePerHour, outcome: 'won' } })
      await moveTo(attempt, JobState.COMPLETED)
      return true
    }
    tell({ kind: 'bid', bid: { peer, pricePerHour: winner.pricePerHour, outcome: 'failed', reason } })
    failed.set(peer, reason)
    // Time that went into work is not time that was spent on finding a provider.
    if (attempt.report.state === JobState.RUNNING) attempt.matchUntilMs = parts.clock.elapsed() + plan.queueMs
    await moveTo(attempt, JobState.MATCHING, reason)
  }
}

/** The whole job with one provider. Undefined when it is done, else the reason why this provider did not do it. */
async function runWith(
  attempt: Attempt,
  auction: Auction,
  award: { winner: ReceivedBid; pricePerHour: bigint; result: Uint8Array },
): Promise<string | undefined> {
  const { parts, plan, report, tell, signal } = attempt
  const { peer } = award.winner
  let lease: LeaseRecord | undefined
  try {
    const opened = await openLease(
      parts,
      { ...award, auction, devices: plan.requirements.devices, deployment: report.id },
      signal,
    )
    if (isRefusal(opened)) return opened.refused
    lease = opened.record
    const orderToLeaseMs = parts.clock.now() - auction.order.timeMs
    const address = toHex(lease.address)
    const { deposit } = lease
    tell({ kind: 'leased', peer, lease: address, transaction: opened.transaction, deposit, orderToLeaseMs })
    await parts.save(report)

    const reason = await challenge(attempt, lease)
    if (reason !== undefined) return reason
    await moveTo(attempt, JobState.RUNNING, '', peer)
    const result = await work(attempt, lease)
    const wrong = await parts.judge.check(attempt.inputs, plan, result, tell)
    if (wrong !== undefined) {
      await loseStanding(attempt, peer, wrong, false)
      await result.reject(wrong)
      await forgetOutputs(attempt)
      startReclaim(attempt, lease)
      return wrong
    }
    await result.accept()
    report.winner = peer
    await finish(attempt, lease, result.workedMs)
    return undefined
  } catch (error) {
    lease ??= await leaseWith(attempt, peer)
    if (lease !== undefined) startReclaim(attempt, lease)
    signal.throwIfAborted()
    const reason = codeOf(error)
    if (reason === undefined || isOurs(reason)) throw error
    parts.log.warn('a provider failed', { peer, reason, error: String(error) })
    await loseStanding(attempt, peer, reason, false)
    await forgetOutputs(attempt)
    return reason
  }
}

/** The result is here and good, so whatever happens to the payment now does not undo the job: it is ended later. */
async function finish(attempt: Attempt, lease: LeaseRecord, workedMs: number): Promise<void> {
  const { parts, signal } = attempt
  try {
    settled(attempt, lease, await parts.settler.finish(lease, workedMs, signal))
  } catch (error) {
    parts.log.warn('the lease is closed later', { peer: lease.peer, error: String(error) })
    startReclaim(attempt, lease)
  }
}

/** What a provider left that failed, whole or in part, is of no use to the next one and takes up the disk. */
async function forgetOutputs({ parts, report }: Attempt): Promise<void> {
  report.outputs = []
  await parts.files.remove(outputsOf(report))
}

function outputsOf({ id }: DeploymentReport): string {
  return `outputs/${id}`
}

/** Failures that are ours or the chain's: another provider would meet them too. */
const OURS = [
  'INPUT_CHANGED',
  'INPUT_UNREADABLE',
  'DISK_FULL',
  'FILE_CHANGED',
  'FILE_WRITE_FAILED',
  'STORE_WRITE_FAILED',
  'RESULT_NOT_CHECKED',
  'WALLET_MISSING',
  'NETWORK_STOPPED',
]

function isOurs(code: string): boolean {
  return OURS.includes(code) || code.startsWith('CHAIN_')
}

async function challenge(attempt: Attempt, lease: LeaseRecord): Promise<string | undefined> {
  const { parts, plan, tell, signal } = attempt
  const { peer } = lease
  const terms = {
    market: parts.market,
    lease: lease.address,
    timeoutMs: parts.challengeTimeoutMs,
    ...plan.verify.challenge,
  }
  const verdict = await challengeProvider(parts, peer, terms, signal)
  const { ok, reason, detail, provingMs, checkingMs, evidence = verdict.unopened } = verdict
  const fraud = evidence && (await parts.prosecutor.keep(fraudOf(attempt, lease, evidence)))
  tell({ kind: 'challenged', challenge: { peer, ok, ...(reason && { reason }), provingMs, checkingMs } })
  if (reason === undefined) return undefined
  parts.log.info('challenge failed', { peer, reason, detail })
  await loseStanding(attempt, peer, reason, isLie(reason))
  startReclaim(attempt, lease, fraud)
  return reason
}

function fraudOf({ report }: Attempt, { peer, address }: LeaseRecord, evidence: FraudRecord['evidence']) {
  return { peer, deployment: report.id, lease: address, evidence }
}

async function work(attempt: Attempt, lease: LeaseRecord): Promise<JobResult> {
  const { parts, inputs, spec, report, tell, signal } = attempt
  const { peer } = lease
  // Vouchers go one after the other, beside the events, each for all that was worked until it is signed, so that
  // nothing piles up; a refused one ends the job.
  const refused = new AbortController()
  let owedMs = 0
  let paying: Promise<void> | undefined
  const payOwed = async () => {
    for (let paidMs = -1; paidMs < owedMs; ) {
      paidMs = owedMs
      const voucher = await parts.settler.pay(lease, paidMs, signal)
      if (voucher !== undefined) tell({ kind: 'voucher', peer, ...voucher })
    }
  }
  const pay = (workedMs: number) => {
    owedMs = workedMs
    paying ??= payOwed()
      .catch((error: unknown) => refused.abort(error))
      .finally(() => {
        paying = undefined
      })
  }
  const result = await runJob(
    { engine: parts.network.engine, files: parts.files, clock: parts.clock },
    {
      peer,
      lease: lease.address,
      spec: spec.bytes,
      inputs: inputs.sources,
      outputs: outputsOf(report),
      durationMs: lease.terms.durationS * 1_000,
    },
    {
      onLog: (line) => tell({ kind: 'log', line }),
      onProgress: (step, steps, metrics) => tell({ kind: 'progress', step, steps, metrics }),
      onWorked: pay,
    },
    AbortSignal.any([signal, refused.signal]),
  )
  await paying
  for (const { name, bytes, file } of result.outputs) {
    tell({ kind: 'output', name, bytes, path: parts.files.path(file) })
  }
  return result
}

async function loseStanding(
  { parts, tell }: Attempt,
  peer: string,
  reason: string,
  proven: boolean,
): Promise<void> {
  await parts.standing.lose(peer, reason, proven)
  tell({ kind: 'standing-lost', peer, reason })
}

/**
 * Beside the next attempt: a refund takes a dispute window, the next provider need not wait for it. A lie is reported first,
 * because a slash makes the lease void, and then its deposit comes back at once; whether or not the report succeeds.
 */
function startReclaim(attempt: Attempt, lease: LeaseRecord, fraud?: FraudRecord): void {
  const { parts } = attempt
  // It goes on when the job is stopped: the deposit is to come back in any case.
  const reclaim = reportFraud(attempt, fraud)
    .then(() => parts.settler.reclaim(lease, parts.closing))
    .then((outcome) => {
      if (outcome !== undefined) settled(attempt, lease, outcome)
    })
    .catch((error: unknown) =>
      parts.log.error('a deposit could not be taken back yet', { peer: lease.peer, error: String(error) }),
    )
  attempt.reclaims.push(reclaim)
}

/** Never rejects: what cannot be reported now is in the store, and reported after the job. */
async function reportFraud({ parts, tell }: Attempt, fraud: FraudRecord | undefined): Promise<void> {
  if (fraud === undefined) return
  try {
    const slash = await parts.prosecutor.prosecute(fraud, parts.closing)
    if (slash !== undefined) tell({ kind: 'slashed', ...slashOf(fraud, slash) })
  } catch (error) {
    parts.log.warn('a false proof is reported later', { peer: fraud.peer, error: String(error) })
  }
}

/** As the story tells it. */
export function slashOf({ peer, lease }: FraudRecord, { slashed, ...rest }: Slash): SlashOutcome {
  return { peer, lease: toHex(lease), amount: slashed, ...rest }
}

function settled({ tell }: Attempt, lease: LeaseRecord, outcome: LeaseOutcome): void {
  tell({ kind: 'settled', settlement: { peer: lease.peer, lease: toHex(lease.address), ...outcome } })
}

async function leaseWith({ parts, report }: Attempt, peer: string): Promise<LeaseRecord | undefined> {
  const leases = await parts.book.list()
  return leases.find(
    ({ value }) => value.deployment === report.id && value.peer === peer && value.state !== 'closed',
  )?.value
}

async function moveTo(attempt: Attempt, state: JobState, reason = '', detail = ''): Promise<void> {
  const { parts, report, tell } = attempt
  if (hasEnded(report.state)) {
    throw new NightshiftError('JOB_HAS_ENDED', `the job is ${report.state} and stays so`, {
      advice: 'post it again',
    })
  }
  tell({ kind: 'state', state, ...(reason && { reason }), ...(detail && { detail }) })
  await parts.save(report)
}

/** Folds an event into the report: the report is what all events so far add up to. */
export function note(report: DeploymentReport, event: DeploymentEvent): void {
  switch (event.kind) {
    case 'state':
      report.state = event.state
      if (hasEnded(event.state)) {
        if (event.reason !== undefined) report.reason = event.reason
        if (event.detail !== undefined) report.detail = event.detail
      }
      break
    case 'bid':
      report.bids = [...report.bids.filter(({ peer }) => peer !== event.bid.peer), event.bid]
      break
    case 'leased':
      report.orderToLeaseMs ??= event.orderToLeaseMs
      break
    case 'challenged':
      report.challenges.push(event.challenge)
      break
    case 'output':
      report.outputs = [
        ...report.outputs.filter(({ name }) => name !== event.name),
        { name: event.name, path: event.path, bytes: event.bytes },
      ]
      break
    case 'checked':
      report.accuracy = event.accuracy
      break
    case 'settled':
      report.settlements = [
        ...report.settlements.filter(({ lease }) => lease !== event.settlement.lease),
        event.settlement,
      ]
      break
    case 'slashed': {
      const { atMs: _, kind: __, ...slash } = event
      report.slashes = [...report.slashes.filter(({ lease }) => lease !== slash.lease), slash]
      break
    }
  }
}
