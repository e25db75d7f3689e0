import type { NounGroup } from './program.js'

const EVERYTHING = ['general', 'log', 'network', 'chain', 'provider', 'renter', 'control'] as const

export const NODE: NounGroup = {
  name: 'node',
  summary: 'run a node, and see how it does',
  commands: [
    {
      name: 'start',
      summary: 'run a node until it is stopped (Ctrl-C)',
      details: `It always carries the network (gossip, DHT) and takes jobs from "job post" on the same data directory.
With --provider-enabled true it offers this machine's devices as well.`,
      settings: EVERYTHING,
      examples: [
        'nightshift node start',
        'nightshift node start --provider-enabled true --provider-price-per-hour 0.25 --provider-stake 100',
        'nightshift node start --data-dir ~/second --network-listen /ip4/0.0.0.0/tcp/4772',
        'nightshift node start --json          one line per event, "ready" first',
      ],
      load: () => import('./node/start.js'),
    },
    {
      name: 'status',
      summary: 'what the running node does',
      settings: ['general'],
      examples: ['nightshift node status', 'nightshift node status --json | jq .network.peers'],
      load: () => import('./node/status.js'),
    },
    {
      name: 'check',
      summary: 'find out whether this machine is ready, and what to do if it is not',
      details: `Looks at Node.js, the configuration, the data directory and its disk, the ports, the chain, the clock,
the wallet, the stake, container engines, the cards and their drivers; probes and measures every backend, and lets
the best prove itself as a renter would ask it to. For each it says what is right or what to do.
Exit code 1 when something keeps the node from its work.`,
      settings: EVERYTHING,
      examples: [
        'nightshift node check',
        'nightshift node check --provider-enabled true --provider-price-per-hour 0.25 --provider-stake 100',
        'nightshift node check --provider-backend webgpu --json',
      ],
      load: () => import('./node/check.js'),
    },
    {
      name: 'pause',
      summary: 'give the machine back: running jobs give a last checkpoint and end, no new ones are taken',
      details: `It holds over a restart, until "node resume", or with --for until that time has passed. What runs goes on for
the notice that bids promise (provider.availability.notice, none unless you set it); its renters are told at once, and
find another provider meanwhile. --now breaks that promise, and whoever was promised it may remember that.`,
      options: [
        { flags: '--for <duration>', description: 'resume by itself after so long, such as 2h' },
        { flags: '--notice <duration>', description: 'let what runs go on for so long, such as 60s' },
        { flags: '--now', description: 'at once, whatever was promised' },
      ],
      settings: ['general'],
      examples: [
        'nightshift node pause',
        'nightshift node pause --for 2h',
        'nightshift node pause --notice 60s',
      ],
      load: async () => ({ run: (await import('./node/act.js')).runPause }),
    },
    {
      name: 'resume',
      summary: 'take jobs again',
      settings: ['general'],
      examples: ['nightshift node resume'],
      load: async () => ({ run: (await import('./node/act.js')).runResume }),
    },
    {
      name: 'stop',
      summary: 'stop the running node in order',
      settings: ['general'],
      examples: ['nightshift node stop'],
      load: async () => ({ run: (await import('./node/act.js')).runStop }),
    },
  ],
}
