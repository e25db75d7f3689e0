import type { JobPlan } from '../config/manifest/plan.js'
import { toHex } from '../protocols/bytes.js'
import type { Evidence } from '../protocols/challenge/attestation.js'
import type { ProofParams } from '../protocols/challenge/params.js'
import { NightshiftError } from '../protocols/errors.js'
import type { Offer } from '../protocols/inventory/rules.js'
import { hasEnded } from '../protocols/job/rules.js'
import { JobState } from '../protocols/job/wire.js'
import { formatAmount } from '../protocols/money.js'
import type { Clock, Log, Random } from '../protocols/ports.js'
import { checkDeclared } from './device/declared.js'
import type { Escrow, FraudEvidence } from './escrow/port.js'
import type { Files } from './files/port.js'
import type { AuctionTopic } from './market/announcements.js'
import type { AttestationBoard } from './market/attestations.js'
import type { HeartbeatTopic } from './market/heartbeats.js'
import type { LatencyMeter } from './market/latency.js'
import type { Network } from './net/ports.js'
import type { DeploymentParts } from './renter/attempt.js'
import { createAuctioneer } from './renter/auction.js'
import { createConductWatch } from './renter/conduct.js'
import { deploy } from './renter/deployment.js'
import type { DeploymentEvent, DeploymentReport } from './renter/event.js'
import type { EvidenceReader } from './renter/evidence.js'
import { createProsecutor, type FraudRecord } from './renter/fraud.js'
import { type InputReader, prepareInputs } from './renter/inputs.js'
import { createInventory, type Explained, type OfferPage, type OfferSearch } from './renter/inventory.js'
import { createJournal } from './renter/journal.js'
import { type LeaseRecord, openLeaseBook } from './renter/lease.js'
import { createPlaceJudge } from './renter/place.js'
import { note, slashOf } from './renter/report.js'
import { type Checker, createJudge } from './renter/result.js'
import { createSettler } from './renter/settlement.js'
import { createStanding } from './renter/standing.js'
import { type HardwareVerdict, verifyHardware } from './renter/verification.js'
import type { ExperienceLog, Reputation } from './reputation/port.js'
import type { Store } from './store/port.js'

export interface RenterParts {
  network: Network
  heartbeats: HeartbeatTopic
  auctions: AuctionTopic
  escrow: Escrow
  store: Store
  files: Files
  inputs: InputReader
  /** Checks results; any backend will do. */
  checker: Checker
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
  sliceMs: number
  challengeTimeoutMs: number
  /** How long to listen for heartbeats after the start before the first auction. */
  discoveryMs: number
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
  /** Starts a job. Throws JOB_SPEC_INVALID or INPUT_UNREADABLE before anything is ordered. */
  post(plan: JobPlan): Promise<Deployment>
  /** Reports of all jobs, the newest first. */
  jobs(): Promise<DeploymentReport[]>
  job(id: string): Promise<DeploymentReport | undefined>
  /** The events of a job from the first to the last; with `follow`, on until it has ended. */
  events(id: string, options?: { follow?: boolean; signal?: AbortSignal }): AsyncIterable<DeploymentEvent>
  /** Ends a running job; what no voucher pays for comes back. */
  stopJob(id: string): Promise<DeploymentReport>
  stop(): Promise<void>
}

export interface Deployment extends AsyncDisposable {
  readonly id: string
  events(): AsyncIterable<DeploymentEvent>
  /** The final report, refunds included. Never rejects for what a provider does. */
  result(): Promise<DeploymentReport>
  stop(): Promise<DeploymentReport>
}

interface Running {
  deployment: Deployment
  done: Promise<DeploymentReport>
}

const RECONCILE_MS = 10_000
const STOP_PATIENCE_MS = 4_000

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
  const journal = createJournal({ store, log })
  const settler = createSettler({ network, escrow, book, clock, log })
  const prosecutor = createProsecutor({ store, escrow, clock, random, log })
  const auctioneer = await createAuctioneer({
    self: network.peer,
    engine: network.engine,
    topic: parts.auctions,
    inventory,
    standing,
    clock,
    log,
    latencyOf: (peer, signal) => network.roundTripMs(peer, { signal }),
    ...(reputation && { conductOf: (peer, signal) => reputation.reliabilityOf(peer, signal) }),
  })
  const stopping = new AbortController()
  const closing = new AbortController()
  const shared: DeploymentParts = {
    ...parts,
    ...options,
    auctioneer,
    inventory,
    standing,
    settler,
    prosecutor,
    book,
    market,
    judge: createJudge({ files, checker: parts.checker }),
    listenUntilMs: clock.elapsed() + options.discoveryMs,
    closing: closing.signal,
    save: (report) => journal.save(report),
  }

  const running = new Map<string, Running>()

  /** An event of a job that has ended: into its report and its log. */
  const amend = async (report: DeploymentReport, event: DeploymentEvent) => {
    note(report, event)
    await journal.amend(report.id, event)
    await journal.save(report)
  }
  // One after the other: each reads the report, adds to it and writes it back.
  let amended: Promise<void> = Promise.resolve()
  const inTurn = (act: () => Promise<void>): Promise<void> => {
    const done = amended.then(act)
    amended = done.catch(() => {})
    return done
  }
  const addSettlement = async ({ deployment, peer, address, outcome }: LeaseRecord) => {
    const report = await journal.report(deployment)
    const lease = toHex(address)
    if (report === undefined || outcome === undefined) return
    if (report.settlements.some((settlement) => settlement.lease === lease)) return
    await amend(report, { atMs: clock.now(), kind: 'settled', settlement: { peer, lease, ...outcome } })
  }

  const addSlash = async (fraud: FraudRecord) => {
    const report = await journal.report(fraud.deployment)
    if (report === undefined || fraud.slash === undefined) return
    const slash = slashOf(fraud, fraud.slash)
    if (report.slashes.some(({ lease }) => lease === slash.lease)) return
    await amend(report, { atMs: clock.now(), kind: 'slashed', ...slash })
  }

  // What an earlier process left: its jobs have ended, its leases are brought to their end.
  for (const report of await journal.reports()) {
    if (hasEnded(report.state)) continue
    const { FAILED: state } = JobState
    await amend(report, { atMs: clock.now(), kind: 'state', state, reason: 'RENTER_RESTARTED' })
  }
  for (const { value: lease } of await book.list()) {
    if (lease.state === 'closed') await addSettlement(lease)
  }
  for (const fraud of await prosecutor.records()) await addSlash(fraud)
  const reconcile = () => {
    settler
      .reconcile(
        (lease) => running.has(lease.deployment),
        (lease) => inTurn(() => addSettlement(lease)),
        closing.signal,
      )
      .catch((error: unknown) => log.warn('reconciling goes on later', { error: String(error) }))
    prosecutor
      .reconcile(
        (fraud) => running.has(fraud.deployment),
        (fraud) => inTurn(() => addSlash(fraud)),
        closing.signal,
      )
      .catch((error: unknown) => log.warn('reporting goes on later', { error: String(error) }))
  }
  reconcile()
  const stopReconciling = clock.every(RECONCILE_MS, reconcile)

  /** A lie outside of any job: there is no report that it belongs into. */
  const accuse = async (peer: string, evidence: FraudEvidence) => {
    await prosecutor.keep({ peer, deployment: '', lease: new Uint8Array(32), evidence })
    reconcile()
  }
  /** A word without a stake behind it weighs nothing, so nobody is made to carry it. */
  const publish = async (peer: string, attestation: Uint8Array) => {
    const account = await escrow.provider(network.publicKey).catch(() => undefined)
    if ((account?.stake ?? 0n) > 0n) await board.publish(peer, attestation)
  }

  const find = (id: string) => {
    const found = running.get(id)
    if (found !== undefined) return found
    throw new NightshiftError('JOB_NOT_RUNNING', `no job ${id} runs here`, {
      advice: 'list the jobs with `nightshift job list`',
    })
  }

  const post = async (plan: JobPlan): Promise<Deployment> => {
    checkDeclared(
      { runtime: plan.runtime, job: plan.spec },
      plan.inputs.map(({ name }) => name),
    )
    const inputs = await prepareInputs(plan.inputs, parts.inputs)
    const id = toHex(random.bytes(6))
    const report: DeploymentReport = {
      id,
      name: plan.name,
      state: JobState.QUEUED,
      createdAtMs: clock.now(),
      decimals,
      bids: [],
      challenges: [],
      settlements: [],
      slashes: [],
      outputs: [],
    }
    await journal.save(report)
    const abort = new AbortController()
    const signal = AbortSignal.any([abort.signal, stopping.signal])
    const watch = createConductWatch()
    const emit = (event: DeploymentEvent) => {
      journal.append(id, event)
      for (const { peer, what } of watch(event)) void parts.experience?.note(peer, what)
    }
    const done = deploy(shared, plan, inputs, report, emit, signal).finally(async () => {
      await journal.end(id)
      running.delete(id)
    })
    const stop = () => {
      abort.abort(
        new NightshiftError('STOPPED', 'stopped by the renter', { advice: 'post it again to go on' }),
      )
      return done
    }
    const deployment: Deployment = {
      id,
      events: () => journal.events(id, { follow: true }),
      result: () => done,
      stop,
      [Symbol.asyncDispose]: async () => {
        await stop()
      },
    }
    running.set(id, { deployment, done })
    // Whoever asks for the result gets the error too; that nobody may ask must not end the process.
    done.catch((error: unknown) => log.error('a job ended unexpectedly', { id, error: String(error) }))
    return deployment
  }

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
    stopJob: async (id) => find(id).deployment.stop(),
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
      inventory.close()
    },
  }
}
