import { NightshiftError } from '../protocols/errors.js'
import type { Config, PricingStrategyName } from './schema.js'

export type Role = 'bootstrap' | 'provider' | 'renter'

/**
 * What a valid configuration still lacks for a role; throws NO_BOOTSTRAP_PEERS, PRICE_MISSING or PRICING_INCOMPLETE. On a network that
 * takes private addresses a first node may stand alone: others will be pointed to it.
 */
export function requireStartable(config: Config, role: Role): void {
  if (role !== 'bootstrap' && config.network.bootstrap.length === 0 && !config.network.privateAddresses) {
    throw new NightshiftError(
      'NO_BOOTSTRAP_PEERS',
      `no peer of ${config.network.name} is known to start from`,
      {
        advice:
          'No public bootstrap peers exist yet: name one that you know with --network-bootstrap /dns4/<host>/tcp/<port>/p2p/<peer id>, run one yourself, or try a local network with --preset localnet.',
        context: { network: config.network.name, preset: config.preset },
      },
    )
  }
  if (role === 'provider' && config.provider.pricePerHour === undefined) {
    throw new NightshiftError('PRICE_MISSING', 'this provider has no price', {
      advice: 'Say what an hour of one device costs, in tokens: --provider-price-per-hour 0.25.',
    })
  }
  if (role === 'provider') requirePricing(config.provider.pricing)
}

type Pricing = Config['provider']['pricing']

/** What a strategy cannot do without, and the flag that says it. */
const NEEDED: Partial<Record<PricingStrategyName, { lacks: (pricing: Pricing) => boolean; flag: string }>> = {
  'cost-plus': {
    lacks: ({ electricityPerKwh }) => electricityPerKwh === undefined,
    flag: '--provider-pricing-electricity-per-kwh 0.30',
  },
  undercut: { lacks: ({ floor }) => floor === undefined, flag: '--provider-pricing-floor 0.05' },
  external: { lacks: ({ command }) => command.length === 0, flag: '--provider-pricing-command ./price' },
}

/** Throws PRICING_INCOMPLETE. */
export function requirePricing(pricing: Pricing): void {
  const needed = NEEDED[pricing.strategy]
  if (needed === undefined || !needed.lacks(pricing)) return
  throw new NightshiftError('PRICING_INCOMPLETE', `the strategy ${pricing.strategy} needs one more setting`, {
    advice: `add for example ${needed.flag}`,
    context: { strategy: pricing.strategy },
  })
}
