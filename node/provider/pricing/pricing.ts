import { codeOf } from '../../../protocols/errors.js'
import type { Device, Heartbeat } from '../../../protocols/heartbeat/wire.js'
import type { Clock, Log } from '../../../protocols/ports.js'
import type { PricingFacts, PricingTerms, Quote } from './facts.js'
import { findComparable } from './market.js'
import type { PowerMeter, PriceProgram } from './port.js'
import { bound, fixed, type PureStrategyName, quoteOf } from './strategies.js'
import { createUtilisation } from './utilisation.js'

export type StrategyName = PureStrategyName | 'external'

export type OrderFacts = Pick<PricingFacts, 'devices' | 'ceilingPricePerHour'>

/** Asks the strategy: for the heartbeat, for each order, and for people who want to know. */
export interface Pricing {
  readonly strategy: StrategyName
  /** The price for an order that needs so many devices. Never rejects: without an answer it is the base price. */
  quote(order: OrderFacts, signal?: AbortSignal): Promise<Quote>
  /** What another strategy, or this one, would bid now, and from what. */
  preview(order: OrderFacts, strategy: StrategyName): Promise<{ quote: Quote; facts: PricingFacts }>
  /** What heartbeats say. */
  advertised(): bigint
  /** Looks around and asks the strategy again; true when what heartbeats say has changed by enough to be told at once. */
  refresh(): Promise<boolean>
}

/** Within this the old price is told until the next period; a renter learns the true one from the bid anyhow. */
const CHANGE_PERCENT = 2n
const PERIOD_MS = 60_000
/** Programs at once: orders are anybody's to make. */
const MAX_ASKED = 4
/** One line in the log that often, however many orders come. */
const COMPLAINT_MS = 60_000

export function createPricing(parts: {
  strategy: StrategyName
  terms: PricingTerms
  capacity: { readonly total: number; free(): number; unoccupied(): number }
  /** One of this host's devices, as it is announced. */
  device: () => Device
  /** Newest heartbeats of other providers. */
  others: () => ReadonlyArray<{ peer: string; heartbeat: Heartbeat }>
  /** Whether enough is staked behind an offer for it to count: offers of no substance would only push prices down. */
  isBacked: (peer: string) => Promise<boolean>
  meter?: PowerMeter
  program?: PriceProgram
  clock: Clock
  log: Log
}): Pricing {
  const { strategy, terms, capacity, device, others, isBacked, meter, program, clock, log } = parts
  const utilisation = createUtilisation({
    clock,
    leasedShare: () => (capacity.total === 0 ? 0 : 1 - capacity.unoccupied() / capacity.total),
  })
  let market: bigint[] = []
  let told = bound(terms, fixed(terms, factsNow({ devices: 1 }))).pricePerHour
  let toldAt = Number.NEGATIVE_INFINITY
  let lookedAt = Number.NEGATIVE_INFINITY
  let complainedAt = Number.NEGATIVE_INFINITY
  let asked = 0

  function factsNow(order: OrderFacts): PricingFacts {
    const power = meter?.power()
    return {
      ...order,
      free: capacity.free(),
      total: capacity.total,
      utilisation: utilisation.read(),
      market,
      ...(power === undefined ? {} : { power }),
    }
  }

  const look = async () => {
    lookedAt = clock.elapsed()
    const heard = others()
    const comparable = heard.length === 0 ? [] : findComparable(device(), heard)
    const backed = await Promise.all(comparable.map(({ peer }) => isBacked(peer).catch(() => false)))
    market = comparable.filter((_, at) => backed[at]).map(({ pricePerHour }) => pricePerHour)
  }

  const complain = (error: unknown) => {
    if (clock.elapsed() - complainedAt < COMPLAINT_MS) return
    complainedAt = clock.elapsed()
    log.error('the pricing program failed; the base price is bid instead', {
      code: codeOf(error),
      error: error instanceof Error ? error.message : String(error),
    })
  }

  const askProgram = async (facts: PricingFacts, signal?: AbortSignal): Promise<Quote> => {
    if (program === undefined || asked >= MAX_ASKED) {
      const because = program === undefined ? 'no program is configured' : 'the program is busy'
      return withReason(because)
    }
    asked++
    try {
      const { pricePerHour, why } = await program.ask({ terms, facts }, signal)
      return { pricePerHour, why: [...why, { what: 'program', detail: 'its answer', amount: pricePerHour }] }
    } catch (error) {
      if (!signal?.aborted) complain(error)
      return withReason(error instanceof Error ? error.message : String(error))
    } finally {
      asked--
    }
  }

  const withReason = (because: string): Quote => ({
    pricePerHour: terms.basePricePerHour,
    why: [{ what: 'base price', detail: because, amount: terms.basePricePerHour }],
  })

  const quoteBy = async (named: StrategyName, facts: PricingFacts, signal?: AbortSignal): Promise<Quote> =>
    named === 'external' ? bound(terms, await askProgram(facts, signal)) : quoteOf(named, terms, facts)

  return {
    strategy,
    quote: (order, signal) => quoteBy(strategy, factsNow(order), signal),
    preview: async (order, named) => {
      await look()
      const facts = factsNow(order)
      return { facts, quote: await quoteBy(named, facts) }
    },
    advertised: () => told,
    refresh: async () => {
      await meter?.sample(capacity.unoccupied() < capacity.total)
      if (clock.elapsed() - lookedAt >= PERIOD_MS) await look()
      const { pricePerHour } = await quoteBy(strategy, factsNow({ devices: 1 }))
      const before = told
      const difference = pricePerHour > before ? pricePerHour - before : before - pricePerHour
      const matters = difference * 100n >= before * CHANGE_PERCENT && difference > 0n
      if (!matters && clock.elapsed() - toldAt < PERIOD_MS) return false
      told = pricePerHour
      toldAt = clock.elapsed()
      return matters
    },
  }
}
