import type { NounGroup } from './program.js'

/** As `provider.pricing.strategy` has them; named here because help must not load the configuration. */
const STRATEGIES = ['fixed', 'cost-plus', 'surge', 'undercut', 'external']

export const PRICE: NounGroup = {
  name: 'price',
  summary: 'see what your provider would bid, and why',
  commands: [
    {
      name: 'preview',
      summary: 'the price of a bid now, with the facts and the steps that lead to it',
      details: `Asks the node that runs on the data directory, which knows its utilisation, what its devices draw and the market.
Without one it computes from the configuration and this machine, and says which facts are missing.`,
      options: [
        {
          flags: '--strategy <name>',
          description: 'another strategy than the configured one, to compare',
          choices: STRATEGIES,
        },
        { flags: '--devices <count>', description: 'devices that the order needs', default: '1' },
      ],
      settings: ['general', 'chain', 'provider'],
      examples: [
        'nightshift price preview',
        'nightshift price preview --strategy undercut --devices 2',
        'nightshift price preview --strategy cost-plus --provider-price-per-hour 0.25 --provider-pricing-electricity-per-kwh 0.30 --json',
      ],
      load: () => import('./price/preview.js'),
    },
  ],
}
