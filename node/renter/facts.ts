import { abortable } from '../../protocols/abort.js'
import type { Offer } from '../../protocols/inventory/rules.js'
import type { Requirements } from '../../protocols/inventory/wire.js'
import type { Clock, Log } from '../../protocols/ports.js'
import type { OfferFacts } from '../market/catalogue.js'
import type { LatencyMeter } from '../market/latency.js'
import type { Reputation } from '../reputation/port.js'
import type { EvidenceReader } from './evidence.js'
import type { PlaceJudge } from './place.js'

/** Where a renter finds out what no heartbeat tells. Without a source its facts stay unknown. */
export interface FactSources {
  meter?: LatencyMeter
  places?: PlaceJudge
  evidence?: Pick<EvidenceReader, 'attestersOf'>
  /** Of a provider's conduct, by what can be checked (node/reputation). */
  reputation?: Pick<Reputation, 'reliabilityOf' | 'known'>
}

export type Fact = 'latency' | 'reliability' | 'attestations' | 'place'

/** The facts that the requirements ask for. Who wants a provider at a place wants it to be there. */
export function neededFacts(requirements: Requirements): Fact[] {
  const { maxLatencyMs, minimumReliability, minimumAttestations = 0, locations } = requirements
  const needed: Array<[Fact, boolean]> = [
    ['latency', maxLatencyMs !== undefined],
    ['reliability', minimumReliability !== undefined],
    ['attestations', minimumAttestations > 0],
    ['place', locations.length > 0],
  ]
  return needed.flatMap(([fact, isNeeded]) => (isNeeded ? [fact] : []))
}

export interface FactFinder {
  /** What could be found out of one offer; waits no longer than a provider may take to answer. */
  find(
    offer: Offer,
    needed: readonly Fact[],
    others: readonly Offer[],
    signal?: AbortSignal,
  ): Promise<OfferFacts>
  /** The same for many; of very many only for the first. */
  findMany(
    offers: readonly Offer[],
    needed: readonly Fact[],
    others: readonly Offer[],
    signal?: AbortSignal,
  ): Promise<Map<string, OfferFacts>>
  /** Measures in the background what will be shown the next time. */
  consider(offers: readonly Offer[]): void
  /** With what is known already; of many, only the first with the reliability, which is then read in the background. */
  complete(offers: readonly Offer[]): Offer[]
}

const FIND_MS = 2_000
/** Providers that are asked for one search: each costs a dial. */
const MOST_ASKED = 64
const AT_ONCE = 16

export function createFactFinder(parts: FactSources & { clock: Clock; log: Log }): FactFinder {
  const { meter, places, evidence, reputation, clock, log } = parts

  const complete: FactFinder['complete'] = (offers) =>
    offers.map((offer, at) => {
      const latencyMs = meter?.latencyOf(offer.peer)
      const conduct = at < MOST_ASKED ? reputation?.known(offer.peer) : undefined
      return {
        ...offer,
        ...(latencyMs === undefined ? {} : { latencyMs }),
        ...(conduct === undefined ? {} : { reliability: conduct.reliability }),
      }
    })

  const find: FactFinder['find'] = async (offer, needed, others, signal) => {
    if (needed.length === 0) return {}
    const { peer } = offer
    const late = new AbortController()
    const stop = clock.after(FIND_MS, () => late.abort(new Error('not known in time')))
    const limit = signal === undefined ? late.signal : AbortSignal.any([signal, late.signal])
    const found: OfferFacts = {}
    const ask = async (fact: Fact, act: () => Promise<void>) => {
      if (!needed.includes(fact)) return
      try {
        await abortable(act(), limit)
      } catch (error) {
        signal?.throwIfAborted()
        log.debug('a fact about a provider is not known', { peer, fact, error: String(error) })
      }
    }
    try {
      // The place is judged by the round trip, so that comes first.
      const measured = needed.includes('place') || needed.includes('latency')
      const latency = measured ? meter?.measure(peer, limit) : undefined
      latency?.catch(() => {})
      await Promise.all([
        ask('latency', async () => {
          const latencyMs = await latency
          if (latencyMs !== undefined) found.latencyMs = latencyMs
        }),
        ask('place', async () => {
          await latency?.catch(() => {})
          const place = await places?.judge(offer, others, limit)
          if (place !== undefined) found.place = place
        }),
        ask('attestations', async () => {
          const attestedBy = await evidence?.attestersOf(peer, limit)
          if (attestedBy !== undefined) found.attestedBy = attestedBy
        }),
        ask('reliability', async () => {
          const conduct = await reputation?.reliabilityOf(peer, limit)
          if (conduct !== undefined) found.reliability = conduct.reliability
        }),
      ])
      return found
    } finally {
      stop()
    }
  }

  return {
    find,
    findMany: async (offers, needed, others, signal) => {
      const found = new Map<string, OfferFacts>()
      const asked = offers.slice(0, MOST_ASKED)
      for (let start = 0; start < asked.length; start += AT_ONCE) {
        const batch = asked.slice(start, start + AT_ONCE)
        const facts = await Promise.all(batch.map((offer) => find(offer, needed, others, signal)))
        batch.forEach(({ peer }, at) => void found.set(peer, facts[at]!))
      }
      return found
    },
    consider: (offers) => meter?.consider(offers.map(({ peer }) => peer)),
    complete,
  }
}
