import type { NounGroup } from './program.js'

export const STAKE: NounGroup = {
  name: 'stake',
  summary: "a provider's stake in the market",
  commands: [
    {
      name: 'add',
      summary: 'put tokens of the wallet behind a provider; registers it when it is new',
      arguments: [{ name: '<amount>', description: 'whole tokens, such as 100 or 0.5' }],
      options: [
        {
          flags: '--provider <address>',
          description: 'peer id or address (default: the node of the data directory)',
        },
      ],
      settings: ['general', 'chain', 'provider'],
      examples: ['nightshift stake add 100', 'nightshift stake add 50 --chain-wallet-file ~/owner.json'],
      load: () => import('./stake/add.js'),
    },
    {
      name: 'show',
      summary: 'the stake of a provider, and how much of it backs leases',
      options: [
        {
          flags: '--provider <address>',
          description: 'peer id or address (default: the node of the data directory)',
        },
      ],
      settings: ['general', 'chain'],
      examples: ['nightshift stake show', 'nightshift stake show --provider 12D3KooW… --json'],
      load: () => import('./stake/show.js'),
    },
  ],
}
