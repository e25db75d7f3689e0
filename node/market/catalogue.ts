import { liesIn } from '../../protocols/inventory/place.js'
import {
  countAttesters,
  leastMemory,
  MISMATCH_REASONS,
  type MismatchReason,
  type Offer,
} from '../../protocols/inventory/rules.js'
import type { Requirements } from '../../protocols/inventory/wire.js'
import {
  approximate,
  bigColumn,
  createDictionary,
  grown,
  grownBig,
  type Halves,
  halvesOf,
  isAbove,
  isBelow,
  writeBig,
} from './columns.js'

/**
 * Offers of very many providers, each until it expires, and a query that says of every one which requirements it
 * misses: the same that `findMismatches` finds, without looking at an offer: one pass over columns of numbers. Plain and without I/O.
 */
export interface Catalogue {
  readonly size: number
  /** Puts an offer in place of an earlier one of the same peer. */
  put(offer: Offer, expiresAtMs: number): void
  /** Joins what was found out about a peer; facts of a peer without an offer are dropped. */
  amend(peer: string, facts: OfferFacts): void
  get(peer: string, nowMs: number): Offer | undefined
  /** All that have not expired, in no order that means anything. */
  offers(nowMs: number): Offer[]
  query(query: CatalogueQuery, nowMs: number): CatalogueAnswer
  /** Drops what has expired; the peers that have gone. */
  sweep(nowMs: number): string[]
}

/** What a heartbeat does not say, and a node finds out. */
export type OfferFacts = Partial<Pick<Offer, 'stake' | 'latencyMs' | 'reliability' | 'attestedBy' | 'place'>>

export interface CatalogueQuery {
  requirements: Requirements
  ceilingPricePerHour?: bigint
  /** Requirements that do not count, because their facts are not known yet. */
  ignoring?: readonly MismatchReason[]
  /** How many offers that fit are wanted, the cheapest first. Default: all. */
  limit?: number
}

export interface CatalogueAnswer {
  /** Offers that have not expired. */
  known: number
  /** How many of them fit. */
  fitting: number
  /** The cheapest of those, as many as were asked for. */
  cheapest: Offer[]
  /** For each reason, how many offers it speaks against. */
  missed: ReadonlyMap<MismatchReason, number>
  /** What speaks against one peer's offer; undefined for a peer without one. */
  missedBy(peer: string): MismatchReason[] | undefined
}

export const DEFAULT_MAX_OFFERS = 100_000
const FIRST_CAPACITY = 256
const NONE = -1

const BIT = Object.fromEntries(MISMATCH_REASONS.map((reason, at) => [reason, 1 << at])) as Record<
  MismatchReason,
  number
>

const AVAILABLE = 1
const IMPOSSIBLE = 2

/** Beyond `maxOffers` the one that was silent for longest is forgotten, of those without a stake as long as there are any. */
export function createCatalogue(maxOffers = DEFAULT_MAX_OFFERS): Catalogue {
  const slots = new Map<string, number>()
  // In the order in which they were heard. Identities cost nothing, so a flood of them pushes out only its own kind.
  const unstaked = new Map<string, number>()
  const staked = new Map<string, number>()
  const offers: Array<Offer | undefined> = []
  const freeSlots: number[] = []
  const freeRows: number[] = []
  const locations = createDictionary((text) => text)
  const runtimes = createDictionary((text) => text.split('\n'))
  const models = createDictionary((text) => text)

  let bySlot = {
    expiresAt: new Float64Array(FIRST_CAPACITY),
    price: bigColumn(FIRST_CAPACITY),
    stake: bigColumn(FIRST_CAPACITY),
    latency: new Float64Array(FIRST_CAPACITY),
    reliability: new Float64Array(FIRST_CAPACITY),
    location: new Uint32Array(FIRST_CAPACITY),
    runtimes: new Uint32Array(FIRST_CAPACITY),
    flags: new Uint8Array(FIRST_CAPACITY),
    firstRow: new Int32Array(FIRST_CAPACITY),
  }
  // A host may have several groups of equal devices: one row for each, the next one's number beside it.
  let byRow = {
    memory: bigColumn(FIRST_CAPACITY),
    gflops: new Float64Array(FIRST_CAPACITY),
    model: new Uint32Array(FIRST_CAPACITY),
    free: new Uint32Array(FIRST_CAPACITY),
    gpu: new Uint8Array(FIRST_CAPACITY),
    next: new Int32Array(FIRST_CAPACITY),
  }
  let usedRows = 0

  const takeSlot = (): number => {
    const free = freeSlots.pop()
    if (free !== undefined) return free
    const slot = offers.length
    const capacity = bySlot.flags.length
    if (slot === capacity) {
      const length = Math.min(capacity * 2, Math.max(maxOffers, capacity + 1))
      bySlot = {
        expiresAt: grown(bySlot.expiresAt, length),
        price: grownBig(bySlot.price, length),
        stake: grownBig(bySlot.stake, length),
        latency: grown(bySlot.latency, length),
        reliability: grown(bySlot.reliability, length),
        location: grown(bySlot.location, length),
        runtimes: grown(bySlot.runtimes, length),
        flags: grown(bySlot.flags, length),
        firstRow: grown(bySlot.firstRow, length),
      }
    }
    return slot
  }

  const takeRow = (): number => {
    const free = freeRows.pop()
    if (free !== undefined) return free
    const capacity = byRow.gpu.length
    if (usedRows === capacity) {
      const length = capacity * 2
      byRow = {
        memory: grownBig(byRow.memory, length),
        gflops: grown(byRow.gflops, length),
        model: grown(byRow.model, length),
        free: grown(byRow.free, length),
        gpu: grown(byRow.gpu, length),
        next: grown(byRow.next, length),
      }
    }
    return usedRows++
  }

  const writeDevices = (slot: number, { devices }: Offer) => {
    let next = NONE
    for (const device of devices.toReversed()) {
      const row = takeRow()
      writeBig(byRow.memory, row, device.memoryBytes)
      byRow.gflops[row] = device.gflops
      byRow.model[row] = models.hold(device.model)
      byRow.free[row] = device.free
      byRow.gpu[row] = device.gpu ? 1 : 0
      byRow.next[row] = next
      next = row
    }
    bySlot.firstRow[slot] = next
  }

  const releaseTexts = (slot: number) => {
    locations.release(bySlot.location[slot]!)
    runtimes.release(bySlot.runtimes[slot]!)
    for (let row = bySlot.firstRow[slot]!; row !== NONE; row = byRow.next[row]!) {
      models.release(byRow.model[row]!)
      freeRows.push(row)
    }
  }

  const writeFacts = (slot: number, offer: Offer) => {
    offers[slot] = offer
    writeBig(bySlot.stake, slot, offer.stake)
    bySlot.latency[slot] = offer.latencyMs ?? Number.NaN
    bySlot.reliability[slot] = offer.reliability ?? Number.NaN
    bySlot.flags[slot] =
      (offer.available ? AVAILABLE : 0) | (offer.place?.check === 'impossible' ? IMPOSSIBLE : 0)
  }

  const rank = (peer: string, slot: number, stake: bigint) => {
    unstaked.delete(peer)
    staked.delete(peer)
    ;(stake > 0n ? staked : unstaked).set(peer, slot)
  }

  const drop = (peer: string) => {
    const slot = slots.get(peer)
    if (slot === undefined) return
    releaseTexts(slot)
    offers[slot] = undefined
    bySlot.expiresAt[slot] = Number.NEGATIVE_INFINITY
    freeSlots.push(slot)
    slots.delete(peer)
    unstaked.delete(peer)
    staked.delete(peer)
  }

  const put = (offer: Offer, expiresAtMs: number) => {
    const known = slots.get(offer.peer)
    const slot = known ?? takeSlot()
    if (known !== undefined) releaseTexts(slot)
    slots.set(offer.peer, slot)
    rank(offer.peer, slot, offer.stake)
    bySlot.expiresAt[slot] = expiresAtMs
    writeBig(bySlot.price, slot, offer.pricePerHour)
    bySlot.location[slot] = locations.hold(offer.location)
    bySlot.runtimes[slot] = runtimes.hold(offer.runtimes.join('\n'))
    writeDevices(slot, offer)
    writeFacts(slot, offer)
    if (slots.size <= maxOffers) return
    drop(silentForLongest(offer.peer)!)
  }

  const silentForLongest = (besides: string): string | undefined => {
    for (const peers of [unstaked, staked]) {
      for (const peer of peers.keys()) if (peer !== besides) return peer
    }
    return undefined
  }

  const isLive = (slot: number, nowMs: number) => bySlot.expiresAt[slot]! > nowMs

  const query = (asked: CatalogueQuery, nowMs: number): CatalogueAnswer => {
    const { requirements: wanted, ceilingPricePerHour, ignoring = [], limit = slots.size } = asked
    const counted = ignoring.reduce((mask, reason) => mask & ~BIT[reason], ~0)
    const ceiling = ceilingPricePerHour === undefined ? undefined : halvesOf(ceilingPricePerHour)
    const stake = halvesOf(wanted.minimumStake)
    const { maxLatencyMs, minimumReliability, minimumAttestations = 0, noticeS = 0 } = wanted
    const denied = slotsOf(wanted.deny)
    const allowed = wanted.allow.length === 0 ? undefined : slotsOf(wanted.allow)
    const wantsPlace = wanted.locations.length > 0
    // Of every text that occurs, once a query: is it what is wanted?
    const fitsPlace = askOnce(locations.limit, (id) =>
      wanted.locations.some((place) => liesIn(locations.valueOf(id), place)),
    )
    const fitsRuntime = askOnce(runtimes.limit, (id) => runtimes.valueOf(id).includes(wanted.runtime))
    const memoryByModel: Array<Halves | null | undefined> = new Array(models.limit)
    const floor = halvesOf(wanted.memoryBytes)
    const memoryOf = (id: number): Halves | null => {
      const known = memoryByModel[id]
      if (known !== undefined) return known
      const least = leastMemory(models.valueOf(id), wanted)
      const halves = least === undefined ? null : halvesOf(least)
      memoryByModel[id] = halves
      return halves
    }

    // By names of their own: a pass over 100,000 rows must not look each column up again in every row.
    const { flags, price, stake: stakes, latency, reliability, expiresAt, firstRow } = bySlot
    const { location, runtimes: runtime } = bySlot
    const { memory, gflops, model, free, gpu, next } = byRow
    const { gpu: wantsGpu, minimumGflops, devices } = wanted
    const wantsRuntime = wanted.runtime !== ''

    const missedByDevice = (row: number): number => {
      let missed = 0
      if (wantsGpu && gpu[row] === 0) missed |= BIT.NOT_A_GPU
      const least = memoryOf(model[row]!)
      if (least === null) missed |= BIT.MODEL
      if (isBelow(memory, row, least ?? floor)) missed |= BIT.MEMORY
      if (!(gflops[row]! >= minimumGflops)) missed |= BIT.GFLOPS
      if (free[row]! < devices) missed |= BIT.DEVICES
      return missed
    }

    const missedBySlot = (slot: number): number => {
      let missed = 0
      if (denied.has(slot)) missed |= BIT.DENIED
      if (allowed !== undefined && !allowed.has(slot)) missed |= BIT.NOT_ALLOWED
      if ((flags[slot]! & AVAILABLE) === 0) missed |= BIT.NOT_AVAILABLE
      if (wantsRuntime && !fitsRuntime(runtime[slot]!)) missed |= BIT.RUNTIME
      if (wantsPlace) {
        if (!fitsPlace(location[slot]!)) missed |= BIT.LOCATION
        else if ((flags[slot]! & IMPOSSIBLE) !== 0) missed |= BIT.PLACE
      }
      if (isBelow(stakes, slot, stake)) missed |= BIT.STAKE
      if (ceiling !== undefined && isAbove(price, slot, ceiling)) missed |= BIT.PRICE
      if (maxLatencyMs !== undefined && !(latency[slot]! <= maxLatencyMs)) missed |= BIT.LATENCY
      if (minimumReliability !== undefined && !(reliability[slot]! >= minimumReliability))
        missed |= BIT.RELIABILITY
      if (minimumAttestations > 0 && countAttesters(offers[slot]!, wanted) < minimumAttestations)
        missed |= BIT.ATTESTATIONS
      if (noticeS > 0 && (offers[slot]!.noticeS ?? 0) < noticeS) missed |= BIT.NOTICE
      return missed | nearest(firstRow[slot]!)
    }

    const nearest = (first: number): number => {
      if (first !== NONE && next[first] === NONE) return missedByDevice(first)
      let best: number = BIT.DEVICES
      let fewest = Number.POSITIVE_INFINITY
      for (let row = first; row !== NONE && fewest > 0; row = next[row]!) {
        const missed = missedByDevice(row)
        const count = countBits(missed)
        if (count < fewest) {
          best = missed
          fewest = count
        }
      }
      return best
    }

    const masks = new Uint32Array(offers.length)
    const counts = new Uint32Array(MISMATCH_REASONS.length)
    const fits: number[] = []
    let known = 0
    for (let slot = 0; slot < masks.length; slot++) {
      if (!(expiresAt[slot]! > nowMs)) continue
      known++
      let mask = missedBySlot(slot) & counted
      masks[slot] = mask
      if (mask === 0) fits.push(slot)
      for (; mask !== 0; mask &= mask - 1) counts[31 - Math.clz32(mask & -mask)]!++
    }
    const cheapest = smallest(fits, limit, (slot) => approximate(price, slot))
    return {
      known,
      fitting: fits.length,
      cheapest: cheapest.map((slot) => offers[slot]!),
      missed: new Map(MISMATCH_REASONS.flatMap((reason, at) => (counts[at] ? [[reason, counts[at]]] : []))),
      missedBy: (peer) => {
        const slot = slots.get(peer)
        if (slot === undefined || slot >= masks.length) return undefined
        return MISMATCH_REASONS.filter((reason) => (masks[slot]! & BIT[reason]) !== 0)
      },
    }
  }

  const slotsOf = (peers: string[]): Set<number> =>
    new Set(peers.flatMap((peer) => (slots.has(peer) ? [slots.get(peer)!] : [])))

  return {
    get size() {
      return slots.size
    },
    put,
    amend: (peer, facts) => {
      const slot = slots.get(peer)
      if (slot === undefined) return
      const offer = { ...offers[slot]!, ...facts }
      writeFacts(slot, offer)
      if (facts.stake !== undefined && facts.stake > 0n !== staked.has(peer)) rank(peer, slot, facts.stake)
    },
    get: (peer, nowMs) => {
      const slot = slots.get(peer)
      return slot !== undefined && isLive(slot, nowMs) ? offers[slot] : undefined
    },
    offers: (nowMs) =>
      offers.filter((offer, slot): offer is Offer => offer !== undefined && isLive(slot, nowMs)),
    query,
    // One pass over a column of numbers: 100,000 take a tenth of a millisecond, and no heap has to be kept.
    sweep: (nowMs) => {
      const gone: string[] = []
      for (const [slot, offer] of offers.entries()) {
        if (offer !== undefined && !isLive(slot, nowMs)) gone.push(offer.peer)
      }
      for (const peer of gone) drop(peer)
      return gone
    },
  }
}

function countBits(mask: number): number {
  let count = 0
  for (let rest = mask; rest !== 0; rest &= rest - 1) count++
  return count
}

/** A question about each of `limit` ids that is asked at most once. */
function askOnce(limit: number, ask: (id: number) => boolean): (id: number) => boolean {
  const answers = new Uint8Array(limit)
  return (id) => {
    const known = answers[id]!
    if (known !== 0) return known === 1
    const answer = ask(id)
    answers[id] = answer ? 1 : 2
    return answer
  }
}

/** The `count` items with the smallest keys, in their order. Keeps no more than that many at hand. */
function smallest(items: number[], count: number, keyOf: (item: number) => number): number[] {
  if (items.length <= count) return items.sort((a, b) => keyOf(a) - keyOf(b))
  const room = Math.max(64, count * 4)
  let kept: number[] = []
  let worst = Number.POSITIVE_INFINITY
  const trim = () => {
    kept = kept.sort((a, b) => keyOf(a) - keyOf(b)).slice(0, count)
    worst = kept.length < count ? Number.POSITIVE_INFINITY : keyOf(kept.at(-1)!)
  }
  for (const item of items) {
    if (keyOf(item) >= worst) continue
    kept.push(item)
    if (kept.length >= room) trim()
  }
  trim()
  return kept
}
