/**
 * What a price is made of. Amounts are atomic units; a price is per device-hour. The same facts give the same price, so
 * that it can be shown before it is bid.
 */
export interface PricingFacts {
  /** Devices that the order needs, and above which price it takes no bid; missing: no order, it is asked in general. */
  devices: number
  ceilingPricePerHour?: bigint
  /** Devices of this host that are free, and that there are. */
  free: number
  total: number
  /** Share of its device-time that this host has leased out, of late; from 0 to 1. */
  utilisation: number
  /** What one device draws under load; missing: not known. */
  power?: Power
  /** Prices of comparable offers of others that are heard now, in any order. */
  market: readonly bigint[]
}

export interface Power {
  milliwatts: number
  source: 'configured' | 'measured' | 'driver limit' | 'rated'
}

/** What the operator has set. */
export interface PricingTerms {
  basePricePerHour: bigint
  /** Never below, whatever a strategy says; 0: no floor of its own. */
  floorPricePerHour: bigint
  ceilingPricePerHour?: bigint
  electricityPerKwh?: bigint
  depreciationPerHour: bigint
  marginPercent: number
  surgeFromPercent: number
  surgePercent: number
  undercutPercentile: number
  undercutPercent: number
}

/** For a strategy that asks for none of them. */
export const PLAIN_TERMS: Omit<PricingTerms, 'basePricePerHour'> = {
  floorPricePerHour: 0n,
  depreciationPerHour: 0n,
  marginPercent: 0,
  surgeFromPercent: 0,
  surgePercent: 0,
  undercutPercentile: 0,
  undercutPercent: 0,
}

/** A price with the steps that led to it, in their order. */
export interface Quote {
  pricePerHour: bigint
  why: Step[]
}

export interface Step {
  what: string
  /** In words, without amounts of tokens: those stand in `amount`. */
  detail: string
  /** Atomic units, after this step or of this part; missing: none follows from it. */
  amount?: bigint
}

export type Strategy = (terms: PricingTerms, facts: PricingFacts) => Quote
