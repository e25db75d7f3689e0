import type { CommandSpec } from './command.js'

export const VERIFY: CommandSpec = {
  name: 'verify',
  summary: 'challenge a provider to show that it has the hardware that it claims',
  details: `Asks for a matmul proof outside of any lease, of all devices that are offered and at the same time: a seed for each,
its signed root, random entries; then a nonce, a second root over the products that must still lie on the device, and
random entries of that. The slowest one's times, less the measured round trip, are compared with the maker's figures of
the card that is claimed. What was found is signed: the provider gets it, and a node with a stake spreads it, good or
bad. A lie that the chain can judge is reported.
Exit code 1 when the proof is wrong, or the device slower or faster than the one that is claimed.`,
  arguments: [
    { name: '<peer>', description: 'peer id of the provider, or the end of one that "offers search" shows' },
  ],
  settings: ['general', 'network', 'chain'],
  examples: [
    'nightshift verify 12D3KooWQYhTNQdmr3ArTeUHRYzFg94BKyTkoWBDWez9kSCVe2Xo',
    'nightshift verify …CVe2Xo --json',
  ],
  load: () => import('./verify/run.js'),
}
