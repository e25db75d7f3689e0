import { toHex } from '../../protocols/bytes.js'
import { open } from '../../protocols/envelope.js'
import { isRefusal } from '../../protocols/errors.js'
import { staleAfterMs } from '../../protocols/heartbeat/period.js'
import { HEARTBEAT_LIMITS, judgeHeartbeat } from '../../protocols/heartbeat/rules.js'
import { Availability, Heartbeat } from '../../protocols/heartbeat/wire.js'
import { findUnmet, type Term, widen } from '../../protocols/inventory/filter.js'
import { type OfferOrder, sortOffers } from '../../protocols/inventory/order.js'
import { inventoryProtocol } from '../../protocols/inventory/protocol.js'
import {
  findMismatches,
  type Mismatch,
  type MismatchReason,
  type Offer,
  type ShowAmount,
} from '../../protocols/inventory/rules.js'
import type { ShardNeeds } from '../../protocols/inventory/shard.js'
import type { Requirements } from '../../protocols/inventory/wire.js'
import { solanaKeyOf } from '../../protocols/peer.js'
import type { Clock, Log } from '../../protocols/ports.js'
import type { Escrow } from '../escrow/port.js'
import { type Catalogue, type CatalogueQuery, createCatalogue, type OfferFacts } from '../market/catalogue.js'
import type { HeartbeatTopic, ReceivedHeartbeat } from '../market/heartbeats.js'
import type { Engine } from '../net/ports.js'
import { createFactFinder, type FactSources, neededFacts } from './facts.js'

/**
 * This node's view of what is on offer: the newest heartbeat of each provider, as gossip or the provider itself told
 * it, joined with the stake that the chain confirms and with what this node has measured.
 */
export interface Inventory {
  /**
   * Takes part in the shards of the market in which such providers can be, and has heard of those that members know when
   * it resolves; a few seconds at most, nothing to wait for when it was called lately.
   */
  seek(requirements: ShardNeeds, signal?: AbortSignal): Promise<void>
  offers(signal?: AbortSignal): Promise<Offer[]>
  /**
   * One provider's offer; asks the provider itself when no heartbeat of it has come yet. With requirements, every fact
   * is there that they ask for, as far as it could be found out. Undefined: it did not answer in time, or not with a
   * heartbeat of its own.
   */
  offerOf(peer: string, signal?: AbortSignal, requirements?: Requirements): Promise<Offer | undefined>
  /** Offers with all the requirements that each misses, those that qualify first; of very many a thousand. */
  explain(
    requirements: Requirements,
    ceilingPricePerHour?: bigint,
    signal?: AbortSignal,
  ): Promise<Explained[]>
  search(search: OfferSearch, signal?: AbortSignal): Promise<OfferPage>
  /** Called when an offer has come, changed or gone; several at once count as one. */
  onChange(listener: () => void): () => void
  close(): void
}

export interface Explained {
  offer: Offer
  /** None: it qualifies. */
  mismatches: Mismatch[]
}

export interface OfferSearch {
  requirements: Requirements
  ceilingPricePerHour?: bigint
  /** Terms of a search expression, which must hold as well. */
  terms?: readonly Term[]
  /** What comes first. Default: the cheapest. */
  sort?: OfferOrder
  /** At most so many offers are told of. Default 1,000. */
  limit?: number
  /** Also those that do not qualify, after the others. */
  all?: boolean
}

export interface OfferPage {
  /** How many offers are known, and how many of them qualify. */
  known: number
  fitting: number
  /** The cheapest that qualify; then, if asked for, others. */
  offers: Explained[]
  /** For each reason, how many offers it speaks against. */
  missed: ReadonlyMap<MismatchReason, number>
}

export interface InventoryParts extends FactSources {
  heartbeats: HeartbeatTopic
  engine: Engine
  escrow: Escrow
  clock: Clock
  log: Log
  /** 32 bytes. */
  market: Uint8Array
  /** This node's own offer is told of as well, if it has one. */
  self?: string
  /** How amounts are written in reasons. Default: atomic units. */
  show?: ShowAmount
  /** Offers that are remembered at once. Default 100,000. */
  maxOffers?: number
}

/** A bidder that keeps its offer to itself does not hold up an auction for longer. */
const ASK_MS = 2_000
const SWEEP_MS = 5_000
/** Stakes change slowly; an auction reads its bidders' anew. */
const STAKE_FRESH_MS = 60_000
/** Who had none may be registering just now. */
const NO_STAKE_FRESH_MS = 5_000
/** Offers of which the stake is read for one search, the cheapest first: ten requests to the chain. */
const MOST_STAKES = 1_000
const DEFAULT_LIMIT = 1_000
/** Offers whose round trip is measured after a search, for the next one: each may cost a dial. Auctions measure no others. */
const MOST_MEASURED = 16
/** Every shard of the market. */
const ANYWHERE: ShardNeeds = { memoryBytes: 0n, gpu: false, locations: [] }
/** Offers that one search with terms of its own looks at one by one. */
const MOST_LOOKED_AT = 10_000

export function createInventory(parts: InventoryParts): Inventory {
  const { heartbeats, engine, escrow, clock, log, market, self, show } = parts
  const catalogue: Catalogue = createCatalogue(parts.maxOffers)
  const facts = createFactFinder(parts)
  const stakesReadAt = new Map<string, number>()
  const listeners = new Set<() => void>()

  const changed = () => {
    for (const listener of listeners) listener()
  }

  /** What was found out about a peer stays with it when its next heartbeat comes. */
  const take = (peer: string, heartbeat: Heartbeat): Offer => {
    const known = catalogue.get(peer, clock.now())
    const kept: OfferFacts = known?.location === heartbeat.location ? known : { ...known, place: undefined }
    const offer = joinFacts(toOffer(peer, heartbeat), kept)
    catalogue.put(offer, heartbeat.timeMs + staleAfterMs(heartbeat, HEARTBEAT_LIMITS.maxAgeMs))
    return offer
  }

  const hear = ({ peer, heartbeat }: ReceivedHeartbeat) => {
    take(peer, heartbeat)
    changed()
  }

  const hearOwn = () => {
    const own = self === undefined ? undefined : heartbeats.newest(self)
    if (own !== undefined) take(own.peer, own.heartbeat)
  }

  for (const received of heartbeats.all()) take(received.peer, received.heartbeat)
  const stopHearing = heartbeats.onHeartbeat(hear)
  const stopSweeping = clock.every(SWEEP_MS, () => {
    const gone = catalogue.sweep(clock.now())
    for (const peer of stakesReadAt.keys()) {
      if (catalogue.get(peer, clock.now()) === undefined) stakesReadAt.delete(peer)
    }
    if (gone.length > 0) changed()
  })

  const needsStake = ({ peer, stake }: Offer) => {
    const readAt = stakesReadAt.get(peer)
    const freshMs = stake === 0n ? NO_STAKE_FRESH_MS : STAKE_FRESH_MS
    return readAt === undefined || clock.elapsed() - readAt > freshMs
  }

  const readStakes = async (offers: readonly Offer[], signal?: AbortSignal) => {
    const asked = offers.filter(needsStake)
    if (asked.length === 0) return
    const accounts = await escrow.providers(
      asked.map(({ peer }) => solanaKeyOf(peer)),
      signal,
    )
    for (const [at, { peer }] of asked.entries()) learnStake(peer, accounts[at]?.stake ?? 0n)
  }

  const learnStake = (peer: string, stake: bigint) => {
    stakesReadAt.set(peer, clock.elapsed())
    catalogue.amend(peer, { stake })
  }

  /** Offers as they stand after something was found out about them. */
  const again = (offers: readonly Offer[]): Offer[] =>
    offers.flatMap(({ peer }) => catalogue.get(peer, clock.now()) ?? [])

  const ask = async (peer: string, signal?: AbortSignal): Promise<Heartbeat | undefined> => {
    const late = new AbortController()
    const stop = clock.after(ASK_MS, () => late.abort(new Error('no offer in time')))
    const limit = signal === undefined ? late.signal : AbortSignal.any([signal, late.signal])
    try {
      const { heartbeat } = await engine.request(inventoryProtocol, peer, {}, { signal: limit })
      return await read(peer, heartbeat)
    } catch (error) {
      signal?.throwIfAborted()
      log.debug('a provider does not say what it offers', { peer, error: String(error) })
      return undefined
    } finally {
      stop()
    }
  }

  const read = async (peer: string, bytes: Uint8Array): Promise<Heartbeat | undefined> => {
    const opened = await open({
      word: 'heartbeat',
      bytes,
      maxBytes: HEARTBEAT_LIMITS.maxBytes,
    })
    if (isRefusal(opened) || opened.peer !== peer) return undefined
    const heartbeat = Heartbeat.decode(opened.payload)
    const refusal = judgeHeartbeat(heartbeat, { now: clock.now(), market })
    return refusal === undefined ? heartbeat : undefined
  }

  const offers = async (signal?: AbortSignal) => {
    await heartbeats.seek(ANYWHERE, signal)
    hearOwn()
    const all = catalogue.offers(clock.now())
    await readStakes(all, signal)
    return again(all)
  }

  const offerOf: Inventory['offerOf'] = async (peer, signal, requirements) => {
    const heartbeat = heartbeats.newest(peer)?.heartbeat ?? (await ask(peer, signal))
    if (heartbeat === undefined) return undefined
    const offer = take(peer, heartbeat)
    const account = await escrow.provider(solanaKeyOf(peer), signal)
    learnStake(peer, account?.stake ?? 0n)
    const staked: Offer = {
      ...offer,
      stake: account?.stake ?? 0n,
      ...(account === undefined ? {} : { owner: toHex(account.owner) }),
    }
    const needed = requirements === undefined ? [] : neededFacts(requirements)
    const found = await facts.find(staked, needed, catalogue.offers(clock.now()), signal)
    catalogue.amend(peer, found)
    const [complete] = facts.complete([joinFacts(staked, found)])
    return complete
  }

  /** Facts that cost a question are found out for those that fit in everything else, the cheapest first. */
  const look = async (wanted: OfferSearch, signal?: AbortSignal): Promise<OfferPage> => {
    const { terms = [], limit = DEFAULT_LIMIT, all = false } = wanted
    hearOwn()
    const wide = widenSearch(wanted)
    const query = (ignoring: readonly MismatchReason[], most: number) =>
      catalogue.query({ ...wide, ignoring, limit: most }, clock.now())
    const likely = query(['STAKE', ...MEASURED], Math.max(limit, MOST_STAKES)).cheapest
    await readStakes(likely, signal)
    const needed = neededFacts(wide.requirements)
    if (needed.length > 0) {
      const nearly = query(MEASURED, limit).cheapest
      for (const [peer, found] of await facts.findMany(nearly, needed, again(likely), signal)) {
        catalogue.amend(peer, found)
      }
    }
    // By price the index has the first ones at hand; another order, or terms, need a look at all that fit.
    const isIndexed = terms.length === 0 && (wanted.sort === undefined || wanted.sort === 'price')
    const answer = query([], isIndexed ? limit : MOST_LOOKED_AT)
    const explained = (offers: readonly Offer[]) => offers.map((offer) => explainOne(offer, wanted))
    const looked = explained(facts.complete(answer.cheapest))
    const fitting = looked.filter(({ mismatches }) => mismatches.length === 0)
    const told = sortOffers(fitting, wanted.sort).slice(0, limit)
    if (all && told.length < limit) {
      const unmet = new Set(looked.flatMap((each) => (each.mismatches.length > 0 ? each.offer.peer : [])))
      const missedBy = (peer: string) => answer.missedBy(peer)?.length || Number(unmet.has(peer))
      const rest = nearest(catalogue.offers(clock.now()), missedBy, limit - told.length)
      await readStakes(rest, signal)
      told.push(...explained(facts.complete(again(rest))))
    }
    return {
      known: answer.known,
      fitting: isIndexed ? answer.fitting : fitting.length,
      missed: answer.missed,
      offers: told,
    }
  }

  const explainOne = (
    offer: Offer,
    { requirements, ceilingPricePerHour, terms = [] }: OfferSearch,
  ): Explained => ({
    offer,
    mismatches: [
      ...findMismatches(offer, requirements, ceilingPricePerHour, show),
      ...findUnmet(offer, terms, show),
    ],
  })

  /** Whoever asks for what does not fit, too, wants it from everywhere. */
  const search = async (wanted: OfferSearch, signal?: AbortSignal): Promise<OfferPage> => {
    await heartbeats.seek(wanted.all === true ? ANYWHERE : widenSearch(wanted).requirements, signal)
    const page = await look(wanted, signal)
    facts.consider(page.offers.slice(0, MOST_MEASURED).map(({ offer }) => offer))
    return page
  }

  return {
    seek: (requirements, signal) => heartbeats.seek(requirements, signal),
    offers: async (signal) => facts.complete(await offers(signal)),
    offerOf,
    explain: async (requirements, ceilingPricePerHour, signal) => {
      await heartbeats.seek(requirements, signal)
      const wanted = {
        requirements,
        all: true,
        ...(ceilingPricePerHour === undefined ? {} : { ceilingPricePerHour }),
      }
      return (await look(wanted, signal)).offers
    },
    search,
    onChange: (listener) => {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
    close: () => {
      stopHearing()
      stopSweeping()
      listeners.clear()
    },
  }
}

/** Reasons that rest on what this node has to find out. */
const MEASURED: readonly MismatchReason[] = ['LATENCY', 'RELIABILITY', 'ATTESTATIONS', 'PLACE']

/** What every offer must meet, as far as an index can say it. */
function widenSearch({ requirements, ceilingPricePerHour, terms = [] }: OfferSearch): CatalogueQuery {
  const wide = widen(terms, requirements)
  const ceilings = [ceilingPricePerHour, wide.ceilingPricePerHour].filter((each) => each !== undefined)
  const [lowest] = ceilings.sort((a, b) => (a < b ? -1 : 1))
  return { requirements: wide.requirements, ...(lowest === undefined ? {} : { ceilingPricePerHour: lowest }) }
}

/** Those that do not fit, the ones that miss least first. */
function nearest(offers: readonly Offer[], missedBy: (peer: string) => number, count: number): Offer[] {
  return offers
    .map((offer) => ({ offer, missed: missedBy(offer.peer) }))
    .filter(({ missed }) => missed > 0)
    .sort((a, b) => a.missed - b.missed)
    .slice(0, count)
    .map(({ offer }) => offer)
}

/** As its heartbeat says; the stake is the chain's to tell. */
function toOffer(peer: string, heartbeat: Heartbeat): Offer {
  return {
    peer,
    devices: heartbeat.devices,
    pricePerHour: heartbeat.pricePerHour,
    location: heartbeat.location,
    runtimes: heartbeat.runtimes,
    available: heartbeat.availability === Availability.FREE,
    stake: 0n,
    ...(heartbeat.disagreement === undefined ? {} : { disagreement: heartbeat.disagreement }),
    ...(heartbeat.noticeS === undefined ? {} : { noticeS: heartbeat.noticeS }),
    ...(heartbeat.untilMs === undefined ? {} : { untilMs: heartbeat.untilMs }),
  }
}

function joinFacts(offer: Offer, { stake, latencyMs, reliability, attestedBy, place }: OfferFacts): Offer {
  return {
    ...offer,
    ...(stake === undefined ? {} : { stake }),
    ...(latencyMs === undefined ? {} : { latencyMs }),
    ...(reliability === undefined ? {} : { reliability }),
    ...(attestedBy === undefined ? {} : { attestedBy }),
    ...(place === undefined ? {} : { place }),
  }
}
