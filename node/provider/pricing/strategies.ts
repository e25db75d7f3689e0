import type { PricingFacts, PricingTerms, Quote, Step, Strategy } from './facts.js'

/**
 * The strategies that are pure. Each forms one fraction in integers and rounds it up, so that what is lost by rounding is
 * less than one atomic unit, and is never the provider's.
 */
const MILLIWATTS_PER_KILOWATT = 1_000_000n
const PARTS = 1_000_000

/** Always what the operator asks for: in a first-price auction nobody is surprised by it. */
export const fixed: Strategy = ({ basePricePerHour }) => ({
  pricePerHour: basePricePerHour,
  why: [{ what: 'base price', detail: 'as configured', amount: basePricePerHour }],
})

/** What an hour costs (electricity and wear), and a margin on it. Without a known power or price of electricity: the base price. */
export const costPlus: Strategy = (terms, facts) => {
  const { electricityPerKwh, depreciationPerHour, marginPercent } = terms
  const { power } = facts
  if (electricityPerKwh === undefined) return fallBack(terms, 'the price of electricity is not configured')
  if (power === undefined) return fallBack(terms, 'what the device draws is not known')
  const milliwatts = BigInt(Math.ceil(power.milliwatts))
  // In millionths of a unit, and times 100 for the margin.
  const cost = milliwatts * electricityPerKwh + depreciationPerHour * MILLIWATTS_PER_KILOWATT
  const pricePerHour = divideUp(cost * BigInt(100 + marginPercent), MILLIWATTS_PER_KILOWATT * 100n)
  const watts = `${Number(milliwatts) / 1_000} W (${power.source})`
  return {
    pricePerHour,
    why: [
      { what: 'electricity per kWh', detail: 'as configured', amount: electricityPerKwh },
      {
        what: 'electricity per hour',
        detail: watts,
        amount: divideUp(milliwatts * electricityPerKwh, MILLIWATTS_PER_KILOWATT),
      },
      { what: 'wear per hour', detail: 'as configured', amount: depreciationPerHour },
      { what: 'with margin', detail: `${marginPercent} % on the cost`, amount: pricePerHour },
    ],
  }
}

/** The base price, and more from a stated utilisation on: in a straight line up to the full surcharge. */
export const surge: Strategy = ({ basePricePerHour, surgeFromPercent, surgePercent }, { utilisation }) => {
  const used = Math.round(Math.min(1, Math.max(0, utilisation)) * PARTS)
  const from = surgeFromPercent * (PARTS / 100)
  const beyond = BigInt(Math.max(0, used - from))
  const range = BigInt(PARTS - from) * 100n
  const pricePerHour = divideUp(basePricePerHour * (range + beyond * BigInt(surgePercent)), range)
  const percent = (100 * used) / PARTS
  const share = (100 * Number(beyond)) / (PARTS - from)
  return {
    pricePerHour,
    why: [
      { what: 'base price', detail: 'as configured', amount: basePricePerHour },
      {
        what: 'surge',
        detail: `${percent.toFixed(1)} % leased of late: ${share.toFixed(1)} % of the way from ${surgeFromPercent} % to 100 %, where it is ${surgePercent} % more`,
        amount: pricePerHour,
      },
    ],
  }
}

/** A little below a stated one of the comparable offers. Nobody to undercut: the base price. */
export const undercut: Strategy = (terms, { market }) => {
  const { undercutPercentile, undercutPercent } = terms
  const sorted = [...market].sort((a, b) => (a < b ? -1 : a > b ? 1 : 0))
  // Nearest rank: the least price that so many per cent of the offers do not exceed.
  const rank = Math.max(1, Math.ceil((undercutPercentile / 100) * sorted.length))
  const reference = sorted[rank - 1]
  if (reference === undefined) return fallBack(terms, 'no comparable offer is heard')
  const pricePerHour = divideUp(reference * BigInt(100 - undercutPercent), 100n)
  return {
    pricePerHour,
    why: [
      {
        what: 'reference',
        detail: `percentile ${undercutPercentile} of ${sorted.length} comparable offers`,
        amount: reference,
      },
      { what: 'undercut', detail: `${undercutPercent} % below it`, amount: pricePerHour },
    ],
  }
}

function fallBack({ basePricePerHour }: PricingTerms, because: string): Quote {
  return {
    pricePerHour: basePricePerHour,
    why: [{ what: 'base price', detail: because, amount: basePricePerHour }],
  }
}

/** Between floor and ceiling, and never nothing: the last step of every strategy. A floor above the ceiling wins. */
export function bound(terms: PricingTerms, { pricePerHour, why }: Quote): Quote {
  const { ceilingPricePerHour } = terms
  const floor = terms.floorPricePerHour > 0n ? terms.floorPricePerHour : 1n
  const steps: Step[] = [...why]
  let price = pricePerHour
  if (ceilingPricePerHour !== undefined && price > ceilingPricePerHour) {
    price = ceilingPricePerHour
    steps.push({ what: 'ceiling', detail: 'no more than this', amount: price })
  }
  if (price < floor) {
    price = floor
    steps.push({ what: 'floor', detail: 'no less than this', amount: price })
  }
  return { pricePerHour: price, why: steps }
}

export const PURE_STRATEGIES = { fixed, 'cost-plus': costPlus, surge, undercut } as const satisfies Record<
  string,
  Strategy
>

export type PureStrategyName = keyof typeof PURE_STRATEGIES

/** The price that a pure strategy bids. */
export function quoteOf(name: PureStrategyName, terms: PricingTerms, facts: PricingFacts): Quote {
  return bound(terms, PURE_STRATEGIES[name](terms, facts))
}

function divideUp(dividend: bigint, divisor: bigint): bigint {
  return (dividend + divisor - 1n) / divisor
}
