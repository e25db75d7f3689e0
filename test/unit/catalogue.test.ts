import fc from 'fast-check'
import * as assert from 'uvu/assert'
import { createCatalogue } from '../../node/market/catalogue.js'
import { findMismatches, MISMATCH_REASONS, type Offer } from '../../protocols/inventory/rules.js'
import type { Requirements } from '../../protocols/inventory/wire.js'
import { makeDevice, makeRequirements, NOW } from '../support/messages.js'
import { suite } from '../support/suite.js'

const test = suite('the catalogue of offers')

function makeOffer(peer: string, changes: Partial<Offer> = {}): Offer {
  return {
    peer,
    devices: [makeDevice()],
    pricePerHour: 250_000n,
    location: 'DE-Berlin',
    runtimes: ['tfjs'],
    available: true,
    stake: 100n,
    ...changes,
  }
}

const u64 = fc.oneof(
  fc.bigInt(0n, 300n),
  fc.bigInt(2n ** 32n - 2n, 2n ** 32n + 2n),
  fc.constant(2n ** 64n - 1n),
)
const model = fc.constantFrom('NVIDIA H100 PCIe', 'NVIDIA A100-SXM4-80GB', 'NVIDIA GeForce RTX 4090', '')
const wantedModel = fc.constantFrom('h100', 'a100', 'rtx 4090', '')
const location = fc.constantFrom('DE-Berlin', 'DE', 'FR-Paris', 'US-NewYork', '')
const peers = fc.subarray(['p0', 'p1', 'p2', 'p3', 'nobody'])

const device = fc
  .record({
    model,
    memoryBytes: u64,
    gpu: fc.boolean(),
    free: fc.nat(3),
    gflops: fc.constantFrom(0, 5, Number.NaN),
  })
  .map((changes) => makeDevice({ count: 4, ...changes }))

const offer = fc
  .record(
    {
      devices: fc.array(device, { maxLength: 3 }),
      pricePerHour: u64,
      location,
      runtimes: fc.subarray(['tfjs', 'wgsl']),
      available: fc.boolean(),
      stake: u64,
      latencyMs: fc.constantFrom(10, 80, 80.5),
      reliability: fc.constantFrom(0, 0.5, 1),
      attestedBy: peers,
      noticeS: fc.constantFrom(0, 30, 60),
      place: fc.constantFrom<NonNullable<Offer['place']>>(
        { check: 'impossible', detail: '' },
        { check: 'plausible', detail: '' },
      ),
    },
    { requiredKeys: ['devices', 'pricePerHour', 'location', 'runtimes', 'available', 'stake'] },
  )
  .map((changes) => changes as Partial<Offer>)

const requirements = fc
  .record(
    {
      devices: fc.integer({ min: 1, max: 3 }),
      memoryBytes: u64,
      gpu: fc.boolean(),
      models: fc.uniqueArray(wantedModel, { maxLength: 2 }),
      runtime: fc.constantFrom('', 'tfjs', 'wgsl'),
      locations: fc.uniqueArray(fc.constantFrom('DE', 'EU', 'europe', 'US', 'FR-Paris'), { maxLength: 2 }),
      minimumStake: u64,
      minimumGflops: fc.constantFrom(0, 5, 6),
      allow: peers,
      deny: peers,
      attesters: peers,
      choices: fc.array(
        fc.record({ models: fc.uniqueArray(wantedModel, { maxLength: 2 }), memoryBytes: u64 }),
        {
          maxLength: 2,
        },
      ),
      maxLatencyMs: fc.constantFrom(9, 80),
      minimumReliability: fc.constantFrom(0, 0.5, 1),
      minimumAttestations: fc.nat(3),
      noticeS: fc.constantFrom(0, 30, 31),
    },
    {
      requiredKeys: [
        'devices',
        'memoryBytes',
        'gpu',
        'models',
        'runtime',
        'locations',
        'minimumStake',
        'minimumGflops',
        'allow',
        'deny',
        'attesters',
        'choices',
      ],
    },
  )
  .map((changes) => changes as Requirements)

test('a query says of every offer exactly what the rule says of it', () => {
  const seen = new Set<string>()
  fc.assert(
    fc.property(
      fc.array(offer, { minLength: 1, maxLength: 4 }),
      requirements,
      u64,
      (found, wanted, ceiling) => {
        const catalogue = createCatalogue()
        const offers = found.map((changes, at) => makeOffer(`p${at}`, changes))
        // Each is put twice, with other offers between: what a slot held before must not shine through.
        for (const each of offers) catalogue.put({ ...offers[0]!, peer: each.peer }, NOW + 1)
        for (const each of offers) catalogue.put(each, NOW + 1)
        const answer = catalogue.query({ requirements: wanted, ceilingPricePerHour: ceiling }, NOW)
        let fitting = 0
        for (const each of offers) {
          const reasons = findMismatches(each, wanted, ceiling).map(({ reason }) => reason)
          for (const reason of reasons) seen.add(reason)
          if (reasons.length === 0) fitting++
          assert.equal(answer.missedBy(each.peer), reasons)
        }
        assert.is(answer.known, offers.length)
        assert.is(answer.fitting, fitting)
        const prices = answer.cheapest.map(({ pricePerHour }) => pricePerHour)
        assert.is(prices.length, fitting)
        assert.ok(prices.every((price, at) => at === 0 || prices[at - 1]! <= price))
      },
    ),
    { numRuns: 1_500 },
  )
  assert.equal(
    MISMATCH_REASONS.filter((reason) => !seen.has(reason)),
    [],
    'every reason came up',
  )
})

test('the cheapest that fit come first, as many as were asked for', () => {
  const catalogue = createCatalogue()
  for (let at = 0; at < 1_000; at++) {
    catalogue.put(makeOffer(`p${at}`, { pricePerHour: BigInt((at * 7_919) % 1_000) }), NOW + 1)
  }
  const answer = catalogue.query({ requirements: makeRequirements(), limit: 5 }, NOW)
  assert.equal(
    answer.cheapest.map(({ pricePerHour }) => pricePerHour),
    [0n, 1n, 2n, 3n, 4n],
  )
  assert.equal([answer.known, answer.fitting], [1_000, 1_000])
})

test('what has expired is not there, before it is swept and after', () => {
  const catalogue = createCatalogue()
  catalogue.put(makeOffer('old'), NOW + 1)
  catalogue.put(makeOffer('young'), NOW + 2)
  assert.is(catalogue.query({ requirements: makeRequirements() }, NOW + 1).known, 1)
  assert.is(catalogue.get('old', NOW + 1), undefined)
  assert.equal(
    catalogue.offers(NOW + 1).map(({ peer }) => peer),
    ['young'],
  )
  assert.equal(catalogue.sweep(NOW + 1), ['old'])
  assert.is(catalogue.size, 1)
  catalogue.put(makeOffer('old'), NOW + 9)
  assert.is(catalogue.query({ requirements: makeRequirements() }, NOW + 2).known, 1)
})

test('a flood of made-up providers pushes out its own kind, not those with a stake', () => {
  const catalogue = createCatalogue(300)
  for (let at = 0; at < 100; at++) catalogue.put(makeOffer(`staked${at}`), NOW + 9)
  for (let at = 0; at < 5_000; at++) catalogue.put(makeOffer(`flood${at}`, { stake: 0n }), NOW + 9)
  assert.is(catalogue.size, 300)
  const kept = catalogue.offers(NOW).map(({ peer }) => peer)
  assert.is(kept.filter((peer) => peer.startsWith('staked')).length, 100)
  assert.ok(kept.includes('flood4999') && !kept.includes('flood0'))
  assert.is(catalogue.query({ requirements: makeRequirements() }, NOW).known, 300)
})

test('what is found out about a peer joins its offer, and moves it among those with a stake', () => {
  const catalogue = createCatalogue(2)
  catalogue.put(makeOffer('a', { stake: 0n }), NOW + 9)
  catalogue.put(makeOffer('b', { stake: 0n }), NOW + 9)
  const wanted = makeRequirements({ minimumStake: 5n, maxLatencyMs: 50 })
  assert.equal(catalogue.query({ requirements: wanted }, NOW).missedBy('a'), ['STAKE', 'LATENCY'])
  const ignoring = ['STAKE', 'LATENCY'] as const
  assert.is(catalogue.query({ requirements: wanted, ignoring }, NOW).fitting, 2)
  catalogue.amend('a', { stake: 5n, latencyMs: 20 })
  catalogue.amend('nobody', { stake: 5n })
  assert.equal(catalogue.query({ requirements: wanted }, NOW).missedBy('a'), [])
  assert.is(catalogue.get('a', NOW)?.latencyMs, 20)
  catalogue.put(makeOffer('c', { stake: 0n }), NOW + 9)
  assert.ok(catalogue.get('a', NOW) && catalogue.get('c', NOW) && !catalogue.get('b', NOW))
})

test('texts that nobody holds any more leave no trace', () => {
  const catalogue = createCatalogue(16)
  for (let at = 0; at < 20_000; at++) {
    const devices = [makeDevice({ model: `card ${at}` }), makeDevice({ model: `other ${at}` })]
    catalogue.put(makeOffer(`p${at % 40}`, { devices, location: `DE-${at}` }), NOW + 9)
  }
  const wanted = makeRequirements({ models: ['card 19999'], locations: ['DE'] })
  const answer = catalogue.query({ requirements: wanted }, NOW)
  assert.equal([answer.known, answer.fitting], [16, 1])
})

test.run()
