import { NightshiftError } from '../protocols/errors.js'
import type { Config } from './schema.js'

export type Role = 'bootstrap' | 'provider' | 'renter'

/**
 * What a valid configuration still lacks for a role; throws NO_BOOTSTRAP_PEERS or PRICE_MISSING. On a network that
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
}
