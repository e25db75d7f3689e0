import type { CommandSpec } from './command.js'

export const DASHBOARD: CommandSpec = {
  name: 'dashboard',
  summary: 'look at the running node in a browser',
  details: `Prints a link to a page that the node itself serves, on this machine only: devices, earnings and leases of a
provider; jobs of a renter with their auctions, curves, logs and results; the swarm with its offers and prices.
The link lets one browser in, once, within two minutes; it stays in for twelve hours after its last look. From another
machine: ssh -L 7700:127.0.0.1:7700 you@that-machine, with --control-port 7700 there.`,
  options: [{ flags: '--open', description: 'open it with the default browser too' }],
  settings: ['general'],
  examples: [
    'nightshift dashboard',
    'nightshift dashboard --open',
    'nightshift dashboard --json | jq -r .url',
  ],
  load: () => import('./dashboard/open.js'),
}
