import type { JobPlan } from '../config/manifest/plan.js'
import { orderIdOf } from '../protocols/auction/rules.js'
import { Announcement, type Order } from '../protocols/auction/wire.js'
import { toHex } from '../protocols/bytes.js'
import type { Evidence } from '../protocols/challenge/attestation.js'
import type { ProofParams } from '../protocols/challenge/params.js'
import { codeOf, NightshiftError } from '../protocols/errors.js'
import type { Offer } from '../protocols/inventory/rules.js'
import { hasEnded } from '../protocols/job/rules.js'
import { JobState } from '../protocols/job/wire.js'
import { formatAmount } from '../protocols/money.js'
import type { Clock, Log, Random } from '../protocols/ports.js'
import { createContent } from './content/content.js'
import type { Content } from './content/port.js'
import { checkDeclared } from './device/declared.js'
import type { ConsentSource, Escrow, FraudEvidence } from './escrow/port.js'
import type { Files } from './files/port.js'
import type { AuctionTopic } from './market/announcements.js'
import type { AttestationBoard } from './market/attestations.js'
import { type AuctionAudit, type Auditor, readOrderId } from './market/audit.js'
import type { HeartbeatTopic } from './market/heartbeats.js'
import type { AuctionHistory } from './market/history.js'
import type { LatencyMeter } from './market/latency.js'
import { listen } from './net/listener.js'
import type { Network } from './net/ports.js'
import { createAmendments } from './renter/amendment.js'
import { type DeploymentParts, isService } from './renter/attempt.js'
import { createAuctioneer } from './renter/auction.js'
import { createConductWatch } from './renter/conduct.js'
import { deploy } from './renter/deployment.js'
import type { DeploymentEvent, DeploymentReport } from './renter/event.js'
import type { EvidenceReader } from './renter/evidence.js'
import { createProsecutor } from './renter/fraud.js'
import { type InputReader, type PreparedInputs, prepareInputs } from './renter/inputs.js'
import { createInventory, type Explained, type OfferPage, type OfferSearch } from './renter/inventory.js'
import { createJournal } from './renter/journal.js'
import { openLeaseBook } from './renter/lease.js'
import {
  describeInputs,
  type OngoingJob,
  openOngoing,
  type Recovered,
  recover,
  requireSame,
} from './renter/ongoing.js'
import { createPlaceJudge } from './renter/place.js'
import { createReach, type Forward, type ForwardOptions, type Reach } from './renter/reach.js'
import { emptyReport, note } from './renter/report.js'
import { type Checker, createJudge } from './renter/result.js'
import { createSettler } from './renter/settlement.js'
import { createStanding } from './renter/standing.js'
import { createAttestFailure, type HardwareVerdict, verifyHardware } from './renter/verification.js'
import type { ExperienceLog, Reputation } from './reputation/port.js'
import type { ExecOptions, Execution } from './runtime/port.js'
import type { Store } from './store/port.js'

export interface RenterParts {
  network: Network
  heartbeats: HeartbeatTopic
  auctions: AuctionTopic
  escrow: Escrow
  store: Store
  files: Files
  /** Transfers; a network has one. Default: one of its own, without limits. */
  content?: Content
  inputs: InputReader
  /** Checks results; any backend will do. */
  checker: Checker
  /** What this node has seen of auctions: after a restart the renter goes on with the commitments that had come. */
  history?: Pick<AuctionHistory, 'get'>
  /** Audits auctions; without it none can be audited. */
  auditor?: Auditor
  /** Where verifiers' words are written, and what all of them together say. */
  board: Pick<AttestationBoard, 'publish'>
  evidence: EvidenceReader
  /** Tells how far providers are to be relied upon; without it nobody knows. */
  reputation?: Reputation
  /** Is told what providers did in this renter's jobs. */
  experience?: ExperienceLog
  /** Measures round trips; without one no latency is known, and no place is judged. */
  meter?: LatencyMeter
  clock: Clock
  random: Random
  log: Log
}

export interface RenterOptions {
  /** 32 bytes: the account that pays deposits and takes refunds. */
  wallet: Uint8Array
  /** Its word that orders of this node may name it: others pass no order on without it. */
  consent?: ConsentSource
  sliceMs: number
  challengeTimeoutMs: number
  /** False: jobs that an earlier process left, and their leases, stay as they are. Default true. */
  goesOn?: boolean
  /** Where this node stands, such as DE-Berlin: round trips from there show which places are impossible. */
  location?: string
}

/** A renter of GPU time: what is on offer, and jobs. Every job ends in a report, whatever happens in between. */
export interface Renter {
  offers(signal?: AbortSignal): Promise<Offer[]>
  /** Every offer with the requirements of the plan that it misses. */
  explain(plan: JobPlan, signal?: AbortSignal): Promise<Explained[]>
  /** The offers that meet requirements, the cheapest first, and why others do not. */
  search(search: OfferSearch, signal?: AbortSignal): Promise<OfferPage>
  /** Called when an offer has come, changed or gone, until the returned function is called. */
  onOffers(listener: () => void): () => void
  /** What verifiers have attested of a provider, weighed by their stake. */
  evidenceOf(peer: string, signal?: AbortSignal): Promise<Evidence>
  /**
   * Challenges any provider outside of a lease, with a proof of about two seconds unless parameters are given. Throws
   * OFFER_UNKNOWN; all that the peer does is a verdict. What was found is attested, and a provable lie reported.
   */
  verifyHardware(peer: string, signal?: AbortSignal, params?: ProofParams): Promise<HardwareVerdict>
  /**
   * Starts a job. Throws JOB_SPEC_INVALID or INPUT_UNREADABLE before anything is ordered. Who must not post it twice stores an
   * `id` of its own first (12 hex digits): the job has that one.
   */
  post(plan: JobPlan, options?: { id?: string }): Promise<Deployment>
  /** Reports of all jobs, the newest first. */
  jobs(): Promise<DeploymentReport[]>
  job(id: string): Promise<DeploymentReport | undefined>
  /** The events of a job from the first to the last; with `follow`, on until it has ended. */
  events(id: string, options?: { follow?: boolean; signal?: AbortSignal }): AsyncIterable<DeploymentEvent>
  /**
   * Whether the auctions of a job, or of an order by its name in hex, were run as announced; the oldest first. `id` may be
   * a beginning. Throws AUDIT_UNKNOWN.
   */
  auditOf(id: string, signal?: AbortSignal): Promise<AuctionAudit[]>
  /** Ends a running job; what no voucher pays for comes back. */
  stopJob(id: string): Promise<DeploymentReport>
  /** Ways into jobs that run. */
  readonly reach: Reach
  stop(): Promise<void>
}

export interface Deployment extends AsyncDisposable {
  readonly id: string
  events(): AsyncIterable<DeploymentEvent>
  /** The final report, refunds included. Never rejects for what a provider does. */
  result(): Promise<DeploymentReport>
  stop(): Promise<DeploymentReport>
  /** Carries connections to a port of this machine to a port that the job exposes, until it is closed. */
  forward(options: ForwardOptions): Promise<Forward>
  /** Runs a program beside the job, where its manifest says `exec: true`. */
  exec(command: readonly string[], options?: ExecOptions): Promise<Execution>
}

interface Running {
  deployment: Deployment
  done: Promise<DeploymentReport>
}

interface Start {
  plan: JobPlan
  inputs: PreparedInputs
  report: DeploymentReport
  /** What an earlier process left of it, and what it told. */
  recovered?: Recovered
  told?: DeploymentEvent[]
}

const RECONCILE_MS = 10_000
const STOP_PATIENCE_MS = 4_000
/** A service gets its grace, of a minute at most, and what it leaves is fetched. */
const SERVICE_END_MS = 120_000

export async function createRenter(parts: RenterParts, options: RenterOptions): Promise<Renter> {
  const { network, escrow, store, files, reputation, board, evidence, clock, random, log } = parts
  const { address: market, decimals } = await escrow.market()
  const { engine, peer: self } = network
  const meter = parts.meter
  const location = options.location ?? ''
  const inventory = createInventory({
    ...parts,
    engine,
    evidence,
    market,
    self,
    show: (amount) => formatAmount(amount, decimals, 2),
    ...(meter === undefined
      ? {}
      : { places: createPlaceJudge({ self, location, meter, engine, clock, log, market }) }),
  })
  const standing = createStanding({ store, clock })
  const book = openLeaseBook(store)
  const ongoing = openOngoing(store)
  const journal = createJournal({ store, log })
  const settler = createSettler({ network, escrow, book, clock, log })
  const prosecutor = createProsecutor({ store, escrow, clock, random, log })
  const nameOf = (order: Order) => orderIdOf(network.peer, Announcement.encode({ order }))
  const seen = (orderId: Uint8Array) =>
    (parts.history?.get(orderId)?.commitments ?? []).filter(({ receivedAtMs }) => receivedAtMs !== undefined)
  const orders = (await ongoing.list()).flatMap(({ value }) => value.order ?? [])
  const auctioneer = await createAuctioneer({
    self: network.peer,
    engine: network.engine,
    topic: parts.auctions,
    inventory,
    standing,
    remotesOf: network.remotes,
    clock,
    log,
    seen,
    expected: options.goesOn === false ? [] : orders,
    latencyOf: (peer, signal) => network.roundTripMs(peer, { signal }),
    ...(reputation && { conductOf: (peer, signal) => reputation.reliabilityOf(peer, signal) }),
  })
  const reach = createReach({ engine, book, listen, clock, log })
  /** A word without a stake behind it weighs nothing, so nobody is made to carry it. */
  const publish = async (peer: string, attestation: Uint8Array) => {
    const account = await escrow.provider(network.publicKey).catch(() => undefined)
    if ((account?.stake ?? 0n) > 0n) await board.publish(peer, attestation)
  }

  const stopping = new AbortController()
  const closing = new AbortController()
  const content = parts.content ?? createContent(parts)
  const shared: DeploymentParts = {
    ...parts,
    ...options,
    content,
    auctioneer,
    inventory,
    standing,
    settler,
    prosecutor,
    book,
    market,
    attest: createAttestFailure({ network, inventory, clock, market, publish, log }),
    judge: createJudge({ files, checker: parts.checker }),
    closing: closing.signal,
    save: (report) => journal.save(report),
    remember: async (id, change) => {
      const job = await ongoing.get(id)
      if (job !== undefined) await ongoing.put(id, { ...job, ...change })
    },
  }

  const running = new Map<string, Running>()

  const { amend, addSettlement, addSlash } = createAmendments({ journal, clock })

  const left = (await journal.reports()).filter(({ state }) => !hasEnded(state))
  /** Jobs that another process is to go on with: nothing is done about them here. */
  const untouched = new Set(options.goesOn === false ? left.map(({ id }) => id) : [])
  for (const { value: lease } of await book.list()) {
    if (lease.state === 'closed' && !untouched.has(lease.deployment)) await addSettlement(lease)
  }
  for (const fraud of await prosecutor.records()) {
    if (!untouched.has(fraud.deployment)) await addSlash(fraud)
  }
  const isInUse = (deployment: string) => running.has(deployment) || untouched.has(deployment)
  const reconcile = () => {
    settler
      .reconcile((lease) => isInUse(lease.deployment), addSettlement, closing.signal)
      .catch((error: unknown) => log.warn('reconciling goes on later', { error: String(error) }))
    prosecutor
      .reconcile((fraud) => isInUse(fraud.deployment), addSlash, closing.signal)
      .catch((error: unknown) => log.warn('reporting goes on later', { error: String(error) }))
  }

  const ordersOf = async (id: string): Promise<Uint8Array[]> => {
    const jobs = (await journal.reports()).filter((report) => report.id.startsWith(id))
    const orders: string[] = []
    if (jobs.length === 1) {
      for await (const event of journal.events(jobs[0]!.id))
        if (event.kind === 'ordered') orders.push(event.orderId)
    } else if (jobs.length === 0) {
      const seen = parts.auditor?.find(id) ?? []
      orders.push(...(seen.length === 1 ? seen : [id]))
    }
    const named = [...new Set(orders)].flatMap((order) => readOrderId(order) ?? [])
    if (named.length > 0) return named
    throw new NightshiftError('AUDIT_UNKNOWN', `no one job or order here begins with "${id}"`, {
      advice: 'name a job that has held an auction, or the whole id of an order (64 hex digits)',
      context: { id },
    })
  }

  /** A lie outside of any job: there is no report that it belongs into. */
  const accuse = async (peer: string, evidence: FraudEvidence) => {
    await prosecutor.keep({ peer, deployment: '', lease: new Uint8Array(32), evidence })
    reconcile()
  }
  const find = (id: string) => {
    const found = running.get(id)
    if (found !== undefined) return found
    throw new NightshiftError('JOB_NOT_RUNNING', `no job ${id} runs here`, {
      advice: 'list the jobs with `nightshift job list`',
    })
  }

  const post: Renter['post'] = async (plan, { id = toHex(random.bytes(6)) } = {}) => {
    checkDeclared(
      { runtime: plan.runtime, job: plan.spec },
      plan.inputs.map(({ name }) => name),
    )
    const inputs = await prepareInputs(plan.inputs, parts.inputs)
    const report = emptyReport({ id, name: plan.name, createdAtMs: clock.now(), decimals })
    await ongoing.put(id, {
      plan,
      inputs: describeInputs(inputs, plan.inputs),
      matchUntilMs: clock.now() + plan.queueMs,
    })
    await journal.save(report)
    return run({ plan, inputs, report })
  }

  const run = ({ plan, inputs, report, recovered, told = [] }: Start): Deployment => {
    const { id } = report
    const abort = new AbortController()
    const ending = new AbortController()
    const signal = AbortSignal.any([abort.signal, stopping.signal])
    const watch = createConductWatch()
    // What was told before was noted before.
    for (const event of told) watch(event)
    const emit = (event: DeploymentEvent) => {
      journal.append(id, event)
      for (const { peer, what } of watch(event)) void parts.experience?.note(peer, what)
    }
    const done = deploy(shared, plan, inputs, report, emit, signal, ending.signal, recovered).finally(
      async () => {
        await journal.end(id)
        await ongoing.delete(id)
        running.delete(id)
      },
    )
    const stop = () => {
      const stopped = new NightshiftError('STOPPED', 'stopped by the renter', {
        advice: 'post it again to go on',
      })
      // That is how a service is completed; if its provider does not do it in time, it is broken off.
      if (isService(plan) && report.state === JobState.RUNNING) {
        ending.abort(stopped)
        const cancel = clock.after(SERVICE_END_MS, () => abort.abort(stopped))
        done.then(cancel, cancel)
      } else abort.abort(stopped)
      return done
    }
    const deployment: Deployment = {
      id,
      events: () => journal.events(id, { follow: true }),
      result: () => done,
      stop,
      forward: (options) => reach.forward(id, options),
      exec: (command, options) => reach.exec(id, command, options),
      [Symbol.asyncDispose]: async () => {
        await stop()
      },
    }
    running.set(id, { deployment, done })
    // Whoever asks for the result gets the error too; that nobody may ask must not end the process.
    done.catch((error: unknown) => log.error('a job ended unexpectedly', { id, error: String(error) }))
    return deployment
  }

  /** Goes on with a job that an earlier process left; one that cannot go on has ended, and its deposit comes back. */
  const goOn = async (report: DeploymentReport) => {
    const job = await ongoing.get(report.id)
    try {
      await resume(report, job)
    } catch (error) {
      const reason = codeOf(error) ?? 'RENTER_RESTARTED'
      log.warn('a job cannot go on after the restart', { id: report.id, reason, error: String(error) })
      await journal.end(report.id)
      await ongoing.delete(report.id)
      const { FAILED: state } = JobState
      await amend(report, { atMs: clock.now(), kind: 'state', state, reason, ...detailOf(error) })
    }
  }

  const resume = async (stored: DeploymentReport, job: OngoingJob | undefined) => {
    const { id } = stored
    if (job === undefined) throw notKept(id)
    const events = await journal.restore(id)
    const { name, createdAtMs } = stored
    const report = emptyReport({ id, name, createdAtMs, decimals })
    for (const event of events) note(report, event)
    const leases = (await book.list()).map(({ value }) => value).filter(({ deployment }) => deployment === id)
    const inputs = await prepareInputs(job.plan.inputs, parts.inputs)
    requireSame(job.inputs, inputs)
    const isDecided = (order: Order) => (parts.history?.get(nameOf(order))?.results.length ?? 0) > 0
    const recovered = recover(job, { leases, events, nowMs: clock.now(), isDecided })
    if (recovered.order !== undefined) greet(recovered.order)
    log.info('a job goes on after a restart', { id, leases: recovered.leases.length })
    run({ plan: job.plan, inputs, report, recovered, told: events })
  }

  /** Bidders know the address that this node had before; from its own side the connection is found again at once. */
  const greet = (order: Order) => {
    for (const { peer } of seen(nameOf(order))) {
      network.dial(peer, { signal: stopping.signal }).catch((error: unknown) => {
        log.debug('a bidder cannot be reached yet', { peer, error: String(error) })
      })
    }
  }

  if (options.goesOn !== false) await Promise.all(left.map(goOn))
  reconcile()
  const stopReconciling = clock.every(RECONCILE_MS, reconcile)

  await content.serve()
  return {
    offers: (signal) => inventory.offers(signal),
    explain: (plan, signal) => inventory.explain(plan.requirements, plan.ceilingPricePerHour, signal),
    search: (search, signal) => inventory.search(search, signal),
    onOffers: (listener) => inventory.onChange(listener),
    evidenceOf: (peer, signal) => evidence.evidenceOf(peer, signal),
    verifyHardware: (peer, signal, params) =>
      verifyHardware(
        { network, inventory, clock, random, market, publish, accuse },
        peer,
        { timeoutMs: options.challengeTimeoutMs, ...(params === undefined ? {} : { params }) },
        signal === undefined ? stopping.signal : AbortSignal.any([signal, stopping.signal]),
      ),
    post,
    jobs: () => journal.reports(),
    job: (id) => journal.report(id),
    events: (id, follow) => journal.events(id, follow),
    auditOf: async (id, signal) => {
      const orders = await ordersOf(id)
      const audits: AuctionAudit[] = []
      for (const orderId of orders) {
        const audit = await parts.auditor?.audit(orderId, signal)
        if (audit !== undefined) audits.push(audit)
      }
      return audits
    },
    stopJob: async (id) => find(id).deployment.stop(),
    reach,
    stop: async () => {
      stopReconciling()
      stopping.abort(
        new NightshiftError('STOPPED', 'the node was stopped', {
          advice: 'start it again; deposits come back by themselves',
        }),
      )
      // Refunds that take longer than this go on at the next start.
      const patience = new AbortController()
      const ended = Promise.allSettled([...running.values()].map(({ done }) => done))
      await Promise.race([ended, clock.sleep(STOP_PATIENCE_MS, patience.signal).catch(() => {})])
      patience.abort()
      closing.abort(stopping.signal.reason)
      await ended
      await auctioneer.close()
      if (parts.content === undefined) await content.stop()
      inventory.close()
    },
  }
}

function notKept(id: string): NightshiftError {
  return new NightshiftError('RENTER_RESTARTED', `an earlier version kept too little of the job ${id}`, {
    advice: 'post it again; its deposit comes back by itself',
  })
}

function detailOf(error: unknown): { detail?: string } {
  return error instanceof NightshiftError ? { detail: `${error.message}; ${error.advice}` } : {}
}
