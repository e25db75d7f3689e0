import type { Noun } from './program.js'

export const SWARM: Noun = {
  name: 'swarm',
  summary: 'a whole network on this machine',
  commands: [
    {
      name: 'start',
      summary: 'run chain, bootstrap peer and providers until Ctrl-C',
      details: 'Each is a process of its own. Prints the command with which a renter joins.',
      options: [
        { flags: '-n, --providers <count>', description: 'how many providers', default: '5' },
        { flags: '--keep', description: 'keep data and logs when it stops' },
      ],
      settings: ['general', 'provider'],
      examples: ['nightshift swarm start', 'nightshift swarm start -n 2 --provider-backend cpu --keep'],
      load: () => import('./swarm/start.js'),
    },
  ],
}
