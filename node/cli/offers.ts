import { OFFER_ORDERS } from '../../protocols/inventory/order.js'
import type { NounGroup } from './program.js'

export const OFFERS: NounGroup = {
  name: 'offers',
  summary: 'see what is on offer',
  commands: [
    {
      name: 'search',
      summary: 'list the offers that meet your requirements, cheapest first',
      details: `Asks the node that runs on the data directory; without one, joins the network for a moment itself.
An expression holds terms that must all be true: name, one of = != < <= > >=, value; or "name in (a, b)", "name not in (a)".
Names: vram_gb (as the card is sold), free (devices on one host), devices, gflops, reliability (0 to 1), latency_ms, notice (seconds), price and
stake (tokens), cuda, model, location (DE, DE-Berlin, EU, EEA, or a continent such as europe), runtime, backend.
With --explain the offers that do not qualify are listed too, each with the reasons, and what was measured: the round trip
from here, and whether light lets the machine stand where it says. "plausible" is not "true": a machine that is nearer than it
claims need only answer late. With a location asked for, an impossible one does not qualify.`,
      arguments: [
        { name: '[expression...]', description: "terms such as 'vram_gb>=24 price<0.4 location=DE'" },
      ],
      options: [
        { flags: '--gpu', description: 'GPUs only, no software devices' },
        { flags: '--model <names>', description: "part of the device's name; several with commas" },
        { flags: '--min-memory <size>', description: 'memory of each device, such as 24Gi' },
        { flags: '--devices <count>', description: 'free devices on one host' },
        { flags: '--min-gflops <number>', description: 'measured float32 speed' },
        { flags: '--max-price <tokens>', description: 'tokens per device-hour, such as 0.25' },
        { flags: '--min-stake <tokens>', description: "the provider's stake" },
        { flags: '--location <names>', description: 'country or country-city, such as DE-Berlin,FR' },
        { flags: '--runtime <name>', description: 'runtime that the job needs' },
        {
          flags: '--sort <order>',
          description: `what comes first: ${OFFER_ORDERS.join(', ')}; -price turns it round`,
          default: 'price',
        },
        { flags: '--limit <count>', description: 'at most so many offers', default: '1000' },
        { flags: '--all', description: 'also those that do not qualify, with the reasons' },
        {
          flags: '--explain',
          description: 'as --all, with round trip, reliability and the check of the place',
        },
        { flags: '--watch', description: 'go on: a line for each offer that comes, changes or goes' },
        { flags: '--wait <duration>', description: 'how long to listen when no node runs', default: '5s' },
      ],
      settings: ['general', 'network', 'chain'],
      examples: [
        'nightshift offers search',
        'nightshift offers search --gpu --min-memory 24Gi --max-price 0.40 --location DE',
        "nightshift offers search 'vram_gb>=24 price<0.4 location=DE' --sort price --explain",
        "nightshift offers search 'model in (h100, a100) location=EU latency_ms<80' --watch --json",
        'nightshift offers search --all --json',
      ],
      load: () => import('./offers/search.js'),
    },
    {
      name: 'reputation',
      summary: 'how far a provider is to be relied upon, and what speaks for and against it',
      details: `From what can be checked: how its leases ended on the chain, slashes, what verifiers with a stake attest, and this
node's own dealings with it. 0.5 is a newcomer; node/README.md has the weights, and what they cannot see.`,
      arguments: [
        {
          name: '<peer>',
          description: 'peer id of the provider, or the end of one that "offers search" shows',
        },
      ],
      settings: ['general', 'network', 'chain'],
      examples: [
        'nightshift offers reputation 12D3KooWQYhTNQdmr3ArTeUHRYzFg94BKyTkoWBDWez9kSCVe2Xo',
        'nightshift offers reputation …CVe2Xo --json | jq .reliability',
      ],
      load: () => import('./offers/reputation.js'),
    },
  ],
}
