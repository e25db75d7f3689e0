import type { BackendReport } from '../kernels/backend/backend.js'
import { within } from '../protocols/abort.js'
import { hash, toHex } from '../protocols/bytes.js'
import { codeOf } from '../protocols/errors.js'
import { DEFAULT_PERIOD_MS, HEARTBEAT_LIMITS } from '../protocols/heartbeat/rules.js'
import type { Heartbeat } from '../protocols/heartbeat/wire.js'
import type { Benchmark } from '../protocols/inventory/wire.js'
import { solanaKeyOf } from '../protocols/peer.js'
import type { Clock, Log, Random } from '../protocols/ports.js'
import type { Content } from './content/port.js'
import { openStorage } from './content/storage.js'
import type { OfferedDevice } from './device/port.js'
import { createRack } from './device/rack.js'
import type { Escrow, MarketTerms } from './escrow/port.js'
import { type AuctionTopic, createAuctionTopic } from './market/announcements.js'
import { createHeartbeatTopic, type HeartbeatTopic } from './market/heartbeats.js'
import type { LatencyMeter } from './market/latency.js'
import { createRoundTripTeller } from './market/sightings.js'
import type { Network } from './net/ports.js'
import { type Attestations, openAttestations } from './provider/attestations.js'
import { createAuctionService } from './provider/auction.js'
import { openBids } from './provider/bids.js'
import { type Binding, createCapacity } from './provider/capacity.js'
import { serveChallenges } from './provider/challenge.js'
import { createDemandService } from './provider/demand.js'
import { createHeartbeatService } from './provider/heartbeat.js'
import { serveInventory } from './provider/inventory.js'
import { serveJobs } from './provider/job.js'
import { openJobs } from './provider/jobs.js'
import { serveLeases } from './provider/lease.js'
import { type Ledger, openLedger } from './provider/ledger.js'
import { createOwnOffer, describeDevices } from './provider/offer.js'
import { createPresence, type Presence, type PresenceState } from './provider/presence.js'
import { PLAIN_TERMS, type PricingFacts, type PricingTerms, type Quote } from './provider/pricing/facts.js'
import type { PowerMeter, PriceProgram } from './provider/pricing/port.js'
import {
  createPricing,
  type OrderFacts,
  type Pricing,
  type StrategyName,
} from './provider/pricing/pricing.js'
import { serveReach } from './provider/reach.js'
import { createReconciler } from './provider/reconcile.js'
import { serveSettlements } from './provider/settlement.js'
import { type ProviderStatus, readStatus } from './provider/status.js'
import { createTurnout } from './provider/turnout.js'
import { createTurns } from './provider/turns.js'
import { endRuntimes, openRuntimes, type RuntimeHosts } from './runtime/open.js'
import type { Store } from './store/port.js'

export interface ProviderOptions extends RuntimeHosts {
  network: Network
  escrow: Escrow
  store: Store
  /** All of the same kind, at least one. Not closed by the provider: who opened them closes them. */
  devices: readonly OfferedDevice[]
  clock: Clock
  random: Random
  log: Log
  /** What jobs leave lies in `<dataDir>/blobs`, what they are given, and the cache, in `<dataDir>/content`. */
  dataDir: string
  /** Atomic units for one device-hour. */
  pricePerHour: bigint
  /** Country and city, `DE-Berlin`; empty: not told. */
  location: string
  /** Names of the runtimes on offer; for each but tfjs what runs it must be handed over as well. */
  runtimes: readonly string[]
  /** Of this program, for people. */
  version: string
  /** Default 60 s. */
  heartbeatPeriodMs?: number
  /** How often all leases are compared with the chain. Default 5 s. */
  reconcilePeriodMs?: number
  /** Slices of other lengths are not bid for: the longest is the most work done unpaid. Default 0.1 s to 1 h. */
  minSliceMs?: number
  maxSliceMs?: number
  /** All inputs of one job; they lie in memory while it runs. Default 1 GiB. */
  maxInputBytes?: number
  /** What is kept of inputs for later jobs, on the disk; 0: nothing. Default 10 GiB. */
  cacheBytes?: number
  /** Transfers; a network has one, so a renter in the same process shares it. Default: one of its own, without limits. */
  content?: Content
  /** What the sources on this host's hardware do not agree on: told to everybody. */
  disagreements?: readonly string[]
  /** How prices of bids are found. Default: always `pricePerHour`. */
  pricing?: {
    strategy: StrategyName
    terms: Omit<PricingTerms, 'basePricePerHour'>
    meter?: PowerMeter
    program?: PriceProgram
  }
  /** What was found out about every backend, for the inventory. Default: the device's own report. */
  benchmarks?: readonly BackendReport[]
  /** So long before it leaves of its own will its renters are told: part of its bids. Default 0. */
  noticeS?: number
  /** Whether it is there at the start. Default: it is. */
  presence?: PresenceState
  /** Its round trips are told to whoever asks: they show which places of others are impossible. */
  meter?: LatencyMeter
  /** Shared with a renter in the same process; a topic can be joined only once. */
  topics?: { heartbeats: HeartbeatTopic; auctions: AuctionTopic }
}

export interface Provider {
  status(): ProviderStatus
  /** The owner comes back: running jobs end with PROVIDER_PAUSED, and no work is taken until `resume`. */
  pause(reason: string): Promise<void>
  /** Takes work again; `untilMs` (Unix): when its schedule ends. What stood still goes on. */
  resume(untilMs?: number): Promise<void>
  /** Takes no more work, and tells the renters of what runs that it ends at `atMs` (Unix); `pause` is what ends it. */
  leaveAt(atMs: number, reason: string): Promise<void>
  /** What runs stands still until `resume`, or ends where it cannot. */
  standStill(reason: string): Promise<void>
  /** What a strategy, by default the configured one, would bid now for an order, and from what. */
  previewPrice(order: OrderFacts, strategy?: StrategyName): Promise<PricePreview>
  /** Says good-bye to the market, ends its jobs, pays out its vouchers, and leaves nothing running. Idempotent. */
  stop(): Promise<void>
}

export interface PricePreview {
  strategy: StrategyName
  quote: Quote
  facts: PricingFacts
  terms: PricingTerms
  /** What heartbeats say now. */
  advertisedPricePerHour: bigint
}

const LONGEST_RECONCILE_MS = 5_000
/**
 * After a cancellation a voucher can be paid out for one dispute window and no longer: a look at the chain every quarter
 * of it leaves three more chances when one fails.
 */
const LOOKS_PER_WINDOW = 4
const DEFAULT_MAX_INPUT_BYTES = 2 ** 30
const DEFAULT_SLICES = { minMs: 100, maxMs: 3_600_000 }
/** A verifier's attestation is kept, as one without a stake, rather than waiting long for the chain. */
const STAKE_MS = 2_000
/** A job may take its time for a checkpoint when it is known that it has to leave; this long before, it is asked. */
const LAST_CHECKPOINT_MS = 10_000
const SWEEP_MS = 15_000
const GOODBYE_MS = 10_000

/** Resolves when the first heartbeat is out and every stored lease has been compared with the chain once. */
export async function createProvider(options: ProviderOptions): Promise<Provider> {
  const { clock, log } = options
  const market = await options.escrow.market()
  const topics = options.topics ?? joinTopics(options, market)
  const presence = createPresence(options.noticeS ?? 0, options.presence)
  const services = await startServices(options, market, topics, presence)
  const { ledger, offer, jobs, heartbeat, reconciler, auction, capacity, bids, demands, pricing } = services

  const unsubscribe = ledger.onChange(() => heartbeat.changed())
  await reconciler.run()
  void demands.run()
  await offer.refresh().catch((error) => log.warn('the stake is not known yet', { error: String(error) }))
  const reprice = async () => {
    if (await pricing.refresh()) heartbeat.changed()
  }
  await reprice()
  auction.start()
  const windowMs = market.disputeWindowS * 1_000
  const reconcilePeriodMs = Math.min(LONGEST_RECONCILE_MS, windowMs / LOOKS_PER_WINDOW)
  const stopReconciling = clock.every(options.reconcilePeriodMs ?? reconcilePeriodMs, () => {
    void reconciler.run()
    void demands.run()
  })
  const stopSweeping = clock.every(SWEEP_MS, () => {
    capacity.sweep()
    void Promise.allSettled([bids.sweep(), jobs.sweep(), offer.refresh(), reprice()]).then((done) => {
      for (const each of done) {
        if (each.status === 'fulfilled') continue
        log.warn('a sweep failed', { code: codeOf(each.reason), error: String(each.reason) })
      }
    })
  })
  await heartbeat.start()

  async function stopAll(): Promise<void> {
    presence.change({ paused: 'the provider stops' })
    cancelLastCheckpoint()
    stopReconciling()
    stopSweeping()
    await demands.stop()
    await auction.stop()
    await jobs.endAll('PROVIDER_STOPPED')
    await heartbeat.beat()
    await heartbeat.stop()
    await services.unhandle()
    await within(clock, GOODBYE_MS, undefined, (signal) => reconciler.settleAll(signal))
    await jobs.stop()
    unsubscribe()
    if (options.topics === undefined) {
      topics.heartbeats.close()
      topics.auctions.close()
    }
  }

  let stopping: Promise<void> | undefined
  let cancelLastCheckpoint = () => {}
  const change = (state: PresenceState) => {
    if (stopping !== undefined) return
    cancelLastCheckpoint()
    presence.change(state)
    heartbeat.changed()
  }
  return {
    pause: async (reason) => {
      change({ paused: reason })
      await jobs.endAll('PROVIDER_PAUSED')
    },
    resume: async (untilMs) => {
      change(untilMs === undefined ? {} : { untilMs })
      await jobs.goOn()
    },
    leaveAt: async (atMs, reason) => {
      change({ leaving: reason, untilMs: atMs })
      jobs.tellLeaving(atMs, reason)
      const leftMs = Math.max(0, atMs - clock.now())
      cancelLastCheckpoint = clock.after(
        leftMs - Math.min(LAST_CHECKPOINT_MS, leftMs / 2),
        jobs.askCheckpoints,
      )
    },
    standStill: async (reason) => {
      change({ standsStill: reason })
      await jobs.standStill()
    },
    previewPrice: async (order, strategy = pricing.strategy) => ({
      strategy,
      ...(await pricing.preview(order, strategy)),
      terms: termsOf(options),
      advertisedPricePerHour: pricing.advertised(),
    }),
    stop: () => (stopping ??= stopAll()),
    status: () => readStatus(options.network, services, presence.closedBecause()),
  }
}

/** Every service of a provider, each handed what it needs; none of them reaches for another by itself. */
async function startServices(
  options: ProviderOptions,
  market: MarketTerms,
  topics: { heartbeats: HeartbeatTopic; auctions: AuctionTopic },
  presence: Presence,
) {
  const { network, escrow, store, devices, clock, random, log } = options
  const { engine } = network
  const ledger = await openLedger(store)
  const bids = await openBids({ store, clock })
  const turns = createTurns()
  const capacity = createCapacity({ total: devices.length, clock, occupied: () => bindingsOf(ledger) })
  const rack = createRack({ devices, clock, occupied: () => occupiedIn(ledger) })
  const runtimes = await openRuntimes({ ...options, rack })
  const shared = {
    network,
    engine,
    escrow,
    ledger,
    bids,
    capacity,
    turns,
    rack,
    clock,
    random,
    log,
    presence,
    pausedBecause: presence.closedBecause,
  }
  const pricing: Pricing = createPricing({
    ...shared,
    strategy: 'fixed',
    ...options.pricing,
    terms: termsOf(options),
    device: () => describeDevices(rack.report, capacity.total, capacity.unoccupied()),
    others: () => topics.heartbeats.all().filter(({ peer }) => peer !== network.peer),
    isBacked: async (peer) => {
      const account = await within(clock, STAKE_MS, undefined, (signal) =>
        escrow.provider(solanaKeyOf(peer), signal),
      )
      return account !== undefined && account.stake >= market.minimumStake
    },
  })
  const offer = createOwnOffer({
    ...shared,
    market,
    report: rack.report,
    pricing,
    terms: { ...options, runtimes: [...runtimes.keys()] },
  })
  const attestations: Attestations = await openAttestations({
    store,
    market: market.address,
    provider: network.peer,
    clock,
    stakeOf: async (verifier) =>
      (await within(clock, STAKE_MS, undefined, (signal) => escrow.provider(verifier, signal)))?.stake ?? 0n,
    onChange: () => heartbeat.changed(),
  })
  const heartbeat = createHeartbeatService({
    topic: topics.heartbeats,
    store,
    clock,
    log,
    periodMs: options.heartbeatPeriodMs ?? DEFAULT_PERIOD_MS,
    describe: () => ({ ...offer.describe(), ...describeEvidence(options, attestations) }),
  })
  const leases = await serveLeases(shared)
  const { confirm } = leases
  const storage = await openStorage(options)
  const jobs = await serveJobs({
    ...shared,
    jobs: openJobs(store),
    ...storage,
    runtimes,
    maxInputBytes: options.maxInputBytes ?? DEFAULT_MAX_INPUT_BYTES,
    confirm,
  })
  await storage.content.serve()
  const { onClosed, runOf } = jobs
  const stopReach = await serveReach({ ...shared, runOf })
  const settlements = await serveSettlements({ ...shared, confirm, onClosed })
  const reconciler = createReconciler({
    ...shared,
    confirm,
    close: settlements.close,
    onStop: (lease, reason) => void jobs.end(lease, reason),
    onClosed,
  })
  const isBusy = () => presence.closedBecause() !== undefined || ledger.all().some(({ occupies }) => occupies)
  const demands = createDemandService({
    ...shared,
    device: rack.units[0]!,
    nodeKey: network.publicKey,
    isBusy,
  })
  const challenges = await serveChallenges({ ...shared, attestations, market: market.address })
  const stopInventory = await serveInventory({
    engine,
    topic: topics.heartbeats,
    self: network.peer,
    benchmarks: (options.benchmarks ?? [rack.report]).map(describeBenchmark),
    runningJobs: () => jobs.running().length,
    attestations: attestations.all,
    ...(options.meter === undefined
      ? {}
      : {
          roundTrips: createRoundTripTeller({
            meter: options.meter,
            market: market.address,
            location: options.location,
            key: network.privateKey,
            clock,
          }),
        }),
  })
  const auction = createAuctionService({
    ...shared,
    topic: topics.auctions,
    slices: {
      minMs: options.minSliceMs ?? DEFAULT_SLICES.minMs,
      maxMs: options.maxSliceMs ?? DEFAULT_SLICES.maxMs,
    },
    standingFor: offer.standingFor,
    isOurTurn: createTurnout({ self: network.peer, heartbeats: topics.heartbeats, random }),
  })
  const unhandle = async () => {
    const stops = [
      leases.stop,
      challenges.stop,
      stopInventory,
      settlements.stop,
      stopReach,
      storage.close,
      async () => endRuntimes(runtimes),
    ]
    await Promise.allSettled(stops.map((stop) => stop()))
  }
  return {
    ledger,
    bids,
    capacity,
    pricing,
    offer,
    heartbeat,
    jobs,
    settlements,
    reconciler,
    demands,
    challenges,
    auction,
    unhandle,
  }
}

function occupiedIn(ledger: Ledger) {
  return ledger
    .all()
    .filter(({ occupies }) => occupies)
    .map(({ lease, terms }) => ({ lease: toHex(lease), devices: terms.devices }))
}

function termsOf({ pricePerHour, pricing }: ProviderOptions): PricingTerms {
  return { ...PLAIN_TERMS, ...pricing?.terms, basePricePerHour: pricePerHour }
}

function bindingsOf(ledger: Ledger): Binding[] {
  return ledger
    .all()
    .filter(({ occupies }) => occupies)
    .map(({ orderId, terms }) => ({ id: toHex(orderId), devices: terms.devices }))
}

function joinTopics({ network, clock, log }: ProviderOptions, { address }: MarketTerms) {
  const parts = { network, market: address, clock, log }
  return { heartbeats: createHeartbeatTopic(parts), auctions: createAuctionTopic(parts) }
}

/** Only what there is: a heartbeat goes to everybody. */
function describeEvidence(
  { disagreements = [] }: ProviderOptions,
  attestations: Attestations,
): Pick<Heartbeat, 'disagreement' | 'attestations' | 'attestationsDigest'> {
  const disagreement = disagreements.join('; ').slice(0, HEARTBEAT_LIMITS.maxDisagreementChars)
  const kept = attestations.all()
  return {
    ...(disagreement === '' ? {} : { disagreement }),
    ...(kept.length === 0
      ? {}
      : { attestations: kept.length, attestationsDigest: hash('attestations', ...kept) }),
  }
}

function describeBenchmark({ backend, ok, gflops = 0, reason = '' }: BackendReport): Benchmark {
  return { backend, ok, gflops, reason }
}
