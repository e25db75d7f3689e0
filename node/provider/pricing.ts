/** What a pricing strategy may look at. Amounts are atomic units per device-hour. */
export interface PricingFacts {
  /** What the operator asks for. */
  basePricePerHour: bigint
  /** Above this a bid cannot win. */
  ceilingPricePerHour: bigint
  /** Devices that the order needs, and those of this host that are free and that there are. */
  devices: number
  free: number
  total: number
}

/** The price that a provider bids, per device-hour. Pure: the same facts give the same price. */
export type Pricing = (facts: PricingFacts) => bigint

/** Always what the operator asks for: in a first-price auction nobody is surprised by it. */
export const fixedPricing: Pricing = ({ basePricePerHour }) => basePricePerHour
