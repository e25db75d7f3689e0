import type { NounGroup } from './program.js'

export const SWARM: NounGroup = {
  name: 'swarm',
  summary: 'a whole network on this machine',
  commands: [
    {
      name: 'start',
      summary: 'run chain, bootstrap peer and providers until Ctrl-C',
      details: `Each is a process of its own. Prints the command with which a renter joins.
Ctrl-C is how it ends, so it then exits with 0.`,
      options: [
        { flags: '-n, --providers <count>', description: 'how many providers', default: '5' },
        {
          flags: '--backend <name>',
          description: 'device backend of every provider; auto probes for a GPU in each of them',
          default: 'wasm',
        },
        { flags: '--folder <path>', description: 'where data and logs go (default: a temporary folder)' },
        { flags: '--keep', description: 'keep the temporary folder when it stops' },
      ],
      settings: [],
      examples: ['nightshift swarm start', 'nightshift swarm start -n 2 --backend auto --folder /tmp/swarm'],
      load: () => import('./swarm/start.js'),
    },
  ],
}
