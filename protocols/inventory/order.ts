import type { Offer } from './rules.js'

/** What a list of offers begins with: the cheapest, the nearest, the largest, … ; a minus turns it round. */
export const OFFER_ORDERS = [
  'price',
  'latency_ms',
  'vram_gb',
  'gflops',
  'free',
  'stake',
  'reliability',
] as const

type OrderName = (typeof OFFER_ORDERS)[number]
export type OfferOrder = OrderName | `-${OrderName}`

export function isOfferOrder(text: string): text is OfferOrder {
  return (OFFER_ORDERS as readonly string[]).includes(text.replace(/^-/, ''))
}

/** The best comes first: of these a small one, of the others a large one. */
const SMALL_FIRST: readonly OrderName[] = ['price', 'latency_ms']

const FIGURES: Readonly<Record<OrderName, (offer: Offer) => number | bigint | undefined>> = {
  price: (offer) => offer.pricePerHour,
  latency_ms: (offer) => offer.latencyMs,
  vram_gb: (offer) => most(offer.devices.map(({ memoryBytes }) => memoryBytes)),
  gflops: (offer) => most(offer.devices.map(({ gflops }) => gflops)),
  free: (offer) => most(offer.devices.map(({ free }) => free)),
  stake: (offer) => offer.stake,
  reliability: (offer) => offer.reliability,
}

/** Offers of which the figure is not known come last; equal ones are ordered by price, then as they were. */
export function sortOffers<Row extends { offer: Offer }>(
  rows: readonly Row[],
  order: OfferOrder = 'price',
): Row[] {
  const name = order.replace(/^-/, '') as OrderName
  const direction = SMALL_FIRST.includes(name) === order.startsWith('-') ? -1 : 1
  const figureOf = FIGURES[name]
  return [...rows].sort((a, b) => {
    const [one, other] = [figureOf(a.offer), figureOf(b.offer)]
    if (one === undefined || other === undefined)
      return Number(one === undefined) - Number(other === undefined)
    return direction * compare(one, other) || compare(a.offer.pricePerHour, b.offer.pricePerHour)
  })
}

function most<Value extends number | bigint>(values: Value[]): Value | undefined {
  return values.sort(compare).at(-1)
}

function compare(a: number | bigint, b: number | bigint): number {
  return a < b ? -1 : a > b ? 1 : 0
}
