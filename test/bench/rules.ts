import { award, type Candidate } from '../../protocols/auction/award.js'
import { judgeOrder } from '../../protocols/auction/rules.js'
import { findMismatches, type Offer } from '../../protocols/inventory/rules.js'
import { fill, MARKET, makeDevice, makeOrder, makeRequirements, NOW } from '../support/messages.js'
import type { Figure } from './figure.js'

/** What one decision of the market's rules costs, in one thread, against a bare JSON round trip of the same offer. */
const ROUNDS = 20_000

export async function run(): Promise<Figure[]> {
  const requirements = makeRequirements({ locations: ['FR', 'DE'], models: ['h100', '4090'] })
  const offer: Offer = {
    peer: 'peer',
    devices: [makeDevice()],
    pricePerHour: 1n,
    location: 'DE-Berlin',
    runtimes: ['tfjs'],
    available: true,
    stake: 1n,
  }
  const order = makeOrder()
  const terms = { order, orderId: fill(32, 1) }
  const candidates: Candidate[] = Array.from({ length: 128 }, (_, index) => ({
    peer: `peer-${index}`,
    pricePerHour: BigInt((index * 7919) % 1_000),
    stake: 1n,
  }))
  const text = JSON.stringify({ ...offer, devices: [], pricePerHour: '1', stake: '1' })
  const reference = measure(() => JSON.parse(text))
  const figure = (name: string, us: number): Figure => ({
    name,
    value: us,
    unit: 'µs',
    reference: 'JSON.parse of one offer',
    ratio: us / reference,
  })
  return [
    figure(
      'match one offer',
      measure(() => findMismatches(offer, requirements, 5n)),
    ),
    figure(
      'judge an order',
      measure(() => judgeOrder(order, { now: NOW, market: MARKET })),
    ),
    figure(
      'award among 128 bids',
      measure(() => award(terms, candidates), ROUNDS / 20),
    ),
  ]
}

/** Microseconds of one call, the best of five rounds. */
function measure(act: () => unknown, rounds = ROUNDS): number {
  const round = () => {
    const startedAt = performance.now()
    for (let index = 0; index < rounds; index++) act()
    return ((performance.now() - startedAt) * 1_000) / rounds
  }
  return Math.min(...Array.from({ length: 5 }, round))
}
