import type { CommandSpec } from './command.js'

export const DEMO: CommandSpec = {
  name: 'demo',
  summary: 'the whole story on this machine: auction, proof, job, vouchers, a cheat that is caught',
  details: `Starts a local chain, a bootstrap peer, five providers (one of them a cheat) and a renter, each a process of
its own, and trains a small network on handwritten digits. Takes less than a minute and needs no GPU.
With --scenario midnight the owner of a provider pauses it in the middle of a training: the job goes on elsewhere from its
last checkpoint, and the model is the one of an undisturbed run.
The exit code is 0 only when all of it held: see node/demo/README.md.`,
  options: [
    {
      flags: '--scenario <name>',
      description: 'which story: the market, or an owner who comes back at midnight',
      choices: ['market', 'midnight'],
      default: 'market',
    },
    { flags: '--keep', description: 'keep data and logs (they are kept anyway when it fails)' },
  ],
  settings: [],
  examples: [
    'nightshift demo',
    'nightshift demo --json | jq .job.accuracy',
    'nightshift demo --scenario midnight',
  ],
  load: () => import('./demo/run.js'),
}
