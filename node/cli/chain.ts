import type { NounGroup } from './program.js'

export const CHAIN: NounGroup = {
  name: 'chain',
  summary: 'a Solana chain on this machine, for trials and tests',
  commands: [
    {
      name: 'start',
      summary: 'run the local chain until it is stopped (Ctrl-C)',
      details: `An embedded Solana runtime behind JSON-RPC and websocket, with the escrow program deployed.
Its state is kept in the data directory and survives kill -9. Tokens on it are worth nothing.`,
      options: [
        { flags: '--port <number>', description: 'port of the RPC; 0: any free one', default: '8899' },
        { flags: '--fresh', description: 'forget the state that is there' },
      ],
      settings: ['general'],
      examples: ['nightshift chain start', 'nightshift chain start --port 0 --data-dir /tmp/chain --json'],
      load: () => import('./chain/start.js'),
    },
    {
      name: 'airdrop',
      summary: 'give test money to an address: SOL for fees, tokens to pay and stake with',
      arguments: [
        { name: '<sol>', description: 'whole SOL, such as 2' },
        { name: '[address]', description: 'base58 address or peer id (default: the wallet)' },
      ],
      options: [{ flags: '--tokens <amount>', description: 'whole test tokens', default: '1000' }],
      settings: ['general', 'chain'],
      examples: ['nightshift chain airdrop 2', 'nightshift chain airdrop 1 9xQe… --tokens 0'],
      load: () => import('./chain/airdrop.js'),
    },
  ],
}
