import { hash } from '../bytes.js'
import { isRefusal } from '../errors.js'
import { readRequirements } from '../inventory/rules.js'
import { depositFor } from '../money.js'
import { type Order, PricingRule, type Scoring, type Winner } from './wire.js'

/** An order and its name: what is drawn by lot is drawn from the name. */
export interface AuctionTerms {
  order: Order
  orderId: Uint8Array
}

/** A revealed bid that passed `judgeBid`, with the facts that it is scored by; missing ones score nothing. */
export interface Candidate {
  peer: string
  pricePerHour: bigint
  stake: bigint
  /** Of 10,000, from this many leases. */
  reliability?: number | undefined
  leases?: number | undefined
  gflops?: number | undefined
  /** Round trip from the renter. */
  latencyMs?: number | undefined
  /** Hex of the account that owns the provider. */
  owner?: string | undefined
  /** The public networks that the renter is connected to it over (`hostsOf`). */
  hosts?: readonly string[] | undefined
  /** A reason to leave it out: a missed requirement, lost standing, a failed challenge. */
  excluded?: string | undefined
}

/** A full mark: each criterion gives from 0 to this, times its weight. */
export const FULL_MARK = 1_000_000_000n

/** From so many leases on a provider has a record and takes no more part in the lottery for new ones. */
export const PROVEN_LEASES = 10

const FULL_RELIABILITY = 10_000n
/** GFLOP/s that get half the mark where the order names no minimum. */
const USUAL_GFLOPS = 1_000n
/** A round trip that gets half the mark. */
const USUAL_LATENCY_MS = 100n

type Weights = Readonly<Record<keyof Scoring, bigint>>

/** What one order measures its bids by; none of it depends on the other bids, so none of them can shift the scale. */
interface Scale extends AuctionTerms {
  weights: Weights
  /** Atomic units that one winner's lease has at stake at the ceiling: a stake as high gets the full mark. */
  atStake: bigint
  usualGflops: bigint
}

function scaleOf({ order, orderId }: AuctionTerms): Scale {
  const wanted = readRequirements(order.requirements)
  const { devices, minimumGflops } = isRefusal(wanted) ? { devices: 1, minimumGflops: 0 } : wanted
  const given = order.scoring
  return {
    order,
    orderId,
    weights: {
      price: BigInt(given?.price ?? 0),
      stake: BigInt(given?.stake ?? 0),
      reliability: BigInt(given?.reliability ?? 0),
      speed: BigInt(given?.speed ?? 0),
      latency: BigInt(given?.latency ?? 0),
      exploration: BigInt(given?.exploration ?? 0),
    },
    atStake: depositFor(order.ceilingPricePerHour * BigInt(devices), order.durationS),
    usualGflops: minimumGflops >= 1 ? BigInt(Math.ceil(minimumGflops)) : USUAL_GFLOPS,
  }
}

/** From 0 to FULL_MARK for each criterion. Integers throughout, so that everybody computes the same. */
export function marksOf(terms: AuctionTerms, candidate: Candidate): Record<keyof Scoring, bigint> {
  return marksBy(scaleOf(terms), candidate)
}

function marksBy(scale: Scale, candidate: Candidate): Record<keyof Scoring, bigint> {
  const { reliability = 0, gflops = 0, latencyMs, stake } = candidate
  const speed = count(gflops)
  const { ceilingPricePerHour: ceiling } = scale.order
  return {
    price: share(ceiling - candidate.pricePerHour, ceiling),
    stake: share(stake, scale.atStake),
    reliability: share(count(reliability), FULL_RELIABILITY),
    speed: share(speed, speed + scale.usualGflops),
    latency: latencyMs === undefined ? 0n : share(USUAL_LATENCY_MS, USUAL_LATENCY_MS + count(latencyMs)),
    exploration: isProven(candidate) ? 0n : drawLot(scale.orderId, candidate.peer),
  }
}

/** Sum of weight × mark; 0 for everybody where the order has no scoring rule. */
export function score(terms: AuctionTerms, candidate: Candidate): bigint {
  return scoreBy(scaleOf(terms), candidate)
}

function scoreBy(scale: Scale, candidate: Candidate): bigint {
  if (scale.order.scoring === undefined) return 0n
  const marks = marksBy(scale, candidate)
  const criteria = Object.keys(scale.weights) as Array<keyof Scoring>
  return criteria.reduce((sum, name) => sum + scale.weights[name] * marks[name], 0n)
}

function share(part: bigint, whole: bigint): bigint {
  if (part <= 0n || whole <= 0n) return 0n
  return part >= whole ? FULL_MARK : (part * FULL_MARK) / whole
}

/** A figure of a peer as a whole number; what is no number is none. */
function count(figure: number): bigint {
  return Number.isFinite(figure) && figure > 0 ? BigInt(Math.floor(figure)) : 0n
}

function isProven({ leases = 0 }: Candidate): boolean {
  return leases >= PROVEN_LEASES
}

/** The same chance for every new provider in every order, and nobody's to choose once the order is out. */
function drawLot(orderId: Uint8Array, peer: string): bigint {
  const drawn = hash('nightshift/exploration/1', orderId, new TextEncoder().encode(peer))
  return (BigInt(new DataView(drawn.buffer, drawn.byteOffset).getUint32(0)) * FULL_MARK) >> 32n
}

/**
 * The order in which qualified bids win: the highest score first (without a scoring rule all have the same), then the
 * cheaper, the higher stake, the longer conduct, and the smaller peer id, so that everybody who sees the bids and their
 * facts gets the same list.
 */
export function rankBids<C extends Candidate>(terms: AuctionTerms, candidates: readonly C[]): C[] {
  return rank(scaleOf(terms), candidates).map(({ candidate }) => candidate)
}

interface Scored<C extends Candidate> {
  candidate: C
  score: bigint
}

function rank<C extends Candidate>(scale: Scale, candidates: readonly C[]): Array<Scored<C>> {
  return candidates
    .filter(({ excluded }) => excluded === undefined)
    .map((candidate) => ({ candidate, score: scoreBy(scale, candidate) }))
    .sort(
      ({ candidate: a, score: ofA }, { candidate: b, score: ofB }) =>
        compare(ofB, ofA) ||
        compare(a.pricePerHour, b.pricePerHour) ||
        compare(b.stake, a.stake) ||
        (b.leases ?? 0) - (a.leases ?? 0) ||
        compare(a.peer, b.peer),
    )
}

/** Whether two bids may not both win one order: one peer, one owner, or one host. */
export function areOne(a: Candidate, b: Candidate): boolean {
  return a.peer === b.peer || isSameOwner(a, b) || (a.hosts ?? []).some((host) => b.hosts?.includes(host))
}

function isSameOwner(a: Candidate, b: Candidate): boolean {
  return a.peer === b.peer || (a.owner !== undefined && a.owner !== '' && a.owner === b.owner)
}

/**
 * Who wins and what each is paid per device-hour, the best first; nobody when fewer qualify than the order asks for.
 * The best bids win, passing over whoever shares an owner or a host with a better one. First price: each is paid its
 * bid. Second price: the most that it could have asked for and still won, as in a second-score auction (Che 1993,
 * "Design competition through multidimensional auctions", RAND Journal of Economics 24(4)); never below its bid, never
 * above the ceiling. The facts behind a score are no choice of the bidder's, so bidding one's cost is best, as with
 * Vickrey. `kept`: winners of an earlier round who have signed, with the price that they have signed.
 */
export function award(
  terms: AuctionTerms,
  candidates: readonly Candidate[],
  kept: ReadonlyMap<string, bigint> = new Map(),
): Winner[] {
  const { order } = terms
  const scale = scaleOf(terms)
  const ranked = rank(scale, candidates)
  const wanted = order.count ?? 1
  const chosen = choose(ranked, wanted, kept)
  if (chosen.length < wanted) return []
  return chosen.map((scored) => {
    const { peer, pricePerHour } = scored.candidate
    const second = order.pricing === PricingRule.SECOND_PRICE
    const price = second ? secondPrice(scale, ranked, scored, wanted) : pricePerHour
    return { peer, pricePerHour: kept.get(peer) ?? price }
  })
}

/** The best first; whoever has signed already has its place. */
function choose<C extends Candidate>(
  ranked: ReadonlyArray<Scored<C>>,
  wanted: number,
  kept: ReadonlyMap<string, bigint>,
): Array<Scored<C>> {
  const chosen = ranked.filter(({ candidate }) => kept.has(candidate.peer))
  for (const scored of ranked) {
    if (chosen.length >= wanted) break
    const fits = chosen.every(({ candidate }) => !areOne(candidate, scored.candidate))
    if (fits) chosen.push(scored)
  }
  return ranked.filter((scored) => chosen.includes(scored))
}

/**
 * The price at which the winner would lose its place, which nobody of the same owner has a say in: otherwise a bidder
 * who got two bids in would set its own price. Without the winner the places would go to others; it loses its place
 * to the first of them that it cannot stand beside, or to the last of all.
 */
function secondPrice<C extends Candidate>(
  scale: Scale,
  ranked: ReadonlyArray<Scored<C>>,
  winner: Scored<C>,
  wanted: number,
): bigint {
  const { order, weights } = scale
  const ceiling = order.ceilingPricePerHour
  const bid = winner.candidate.pricePerHour
  const others = ranked.filter(({ candidate }) => !isSameOwner(candidate, winner.candidate))
  const places = choose(others, wanted, new Map())
  const rival =
    places.find(({ candidate }) => areOne(candidate, winner.candidate)) ??
    (places.length < wanted ? undefined : places.at(-1))
  if (rival === undefined) return ceiling
  if (order.scoring === undefined) return atLeast(rival.candidate.pricePerHour, bid)
  // Without its price the winner scores `rest`; what is missing up to the rival's score its price must give.
  const rest = winner.score - weights.price * share(ceiling - bid, ceiling)
  const needed = divideUp(rival.score - rest, weights.price)
  if (needed <= 0n) return ceiling
  return atLeast(ceiling - divideUp(needed * ceiling, FULL_MARK), bid)
}

function atLeast(amount: bigint, least: bigint): bigint {
  return amount < least ? least : amount
}

/** Rounded up; what is not above zero is zero. */
function divideUp(amount: bigint, by: bigint): bigint {
  return amount <= 0n ? 0n : (amount + by - 1n) / by
}

function compare<T extends bigint | string>(a: T, b: T): number {
  return a < b ? -1 : a > b ? 1 : 0
}
