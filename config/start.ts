import { NightshiftError } from '../protocols/errors.js'
import type { Config, PricingStrategyName } from './schema.js'
import { parseDuration } from './units.js'

export type Role = 'bootstrap' | 'provider' | 'renter'

/**
 * What a valid configuration still lacks for a role; throws NO_BOOTSTRAP_PEERS, PRICE_MISSING, PRICING_INCOMPLETE or AVAILABILITY_CONFLICT. On a network that
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
  if (role !== 'provider') return
  requirePricing(config.provider.pricing)
  requireAvailability(config)
}

/** Throws AVAILABILITY_CONFLICT: a notice is a promise, and a game that has the card at once would break it. */
export function requireAvailability({ provider }: Config): void {
  const { notice, watch, command, gameWaits } = provider.availability
  const isWatching = watch.length > 0 || command.length > 0
  if ((parseDuration(notice) ?? 0) === 0 || !isWatching || gameWaits) return
  throw new NightshiftError(
    'AVAILABILITY_CONFLICT',
    `a notice of ${notice} is promised, and what is watched would have the card at once`,
    {
      advice:
        'let a game wait for the notice (--provider-availability-game-waits true), watch nothing (--provider-availability-watch "" and no command), or promise no notice',
      context: { notice, watch: [...watch] },
    },
  )
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
