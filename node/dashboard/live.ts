import type { Clock } from '../../protocols/ports.js'
import type { DashboardNode } from './port.js'
import type { Live, OfferLine, PricePoint } from './view.js'

/** How often the page hears of what has changed. */
const PERIOD_MS = 1_000
/** A line without meaning, so that neither side takes silence for the end. */
const PULSE_MS = 15_000
/** A day of prices at one point in five minutes. */
const PRICE_PERIOD_MS = 300_000
const MAX_PRICES = 288

/** The prices on offer over time, as this node has seen them since it started. */
export interface PriceHistory {
  points(): PricePoint[]
  stop(): void
}

export function createPriceHistory(
  node: Pick<DashboardNode, 'offers'>,
  clock: Clock,
  signal: AbortSignal,
): PriceHistory {
  const points: PricePoint[] = []
  let looking = false
  const look = async () => {
    if (looking) return
    looking = true
    try {
      const point = pointOf(await node.offers(signal), clock.now())
      if (point !== undefined) points.push(point)
      if (points.length > MAX_PRICES) points.shift()
    } catch {
      // The next look may find them; a gap in a plot is no fault that anybody must hear of.
    } finally {
      looking = false
    }
  }
  const stop = clock.every(PRICE_PERIOD_MS, () => void look())
  void look()
  return { points: () => [...points], stop }
}

/** Undefined where nobody has a free device: no price is not a price of nothing. */
export function pointOf(offers: readonly OfferLine[], atMs: number): PricePoint | undefined {
  const prices = offers
    .filter(({ free }) => free > 0)
    .map(({ pricePerHour }) => BigInt(pricePerHour))
    .sort((a, b) => (a < b ? -1 : a > b ? 1 : 0))
  if (prices.length === 0) return undefined
  const at = (share: number) => String(prices[Math.floor((prices.length - 1) * share)])
  return { atMs, offers: prices.length, lowest: at(0), median: at(0.5), highest: at(1) }
}

/**
 * Server-sent events (WHATWG HTML, 9.2): each part of the page whole, when it has changed. A part that cannot be read now
 * is tried again with the next period.
 */
export async function* tellLive(
  node: DashboardNode,
  prices: PriceHistory,
  clock: Clock,
  signal: AbortSignal,
): AsyncGenerator<string> {
  const told = new Map<keyof Live, string>()
  const read: { [Part in keyof Live]: () => Promise<Live[Part]> } = {
    node: () => node.panel(),
    jobs: () => node.jobs(),
    offers: () => node.offers(signal),
    prices: async () => prices.points(),
  }
  for (let silentMs = 0; !signal.aborted; ) {
    const parts = Object.entries(read) as Array<[keyof Live, () => Promise<unknown>]>
    const texts = await Promise.all(
      parts.map(async ([part, ask]) => [part, await ask().then(JSON.stringify, () => undefined)] as const),
    )
    const changed = texts.filter(([part, text]) => text !== undefined && text !== told.get(part))
    for (const [part, text] of changed) {
      told.set(part, text!)
      yield `event: ${part}\ndata: ${text}\n\n`
    }
    silentMs = changed.length > 0 ? 0 : silentMs + PERIOD_MS
    if (silentMs >= PULSE_MS) {
      yield ': here\n\n'
      silentMs = 0
    }
    await clock.sleep(PERIOD_MS, signal).catch(() => {})
  }
}
