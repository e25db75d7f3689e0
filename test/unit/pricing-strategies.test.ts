import fc from 'fast-check'
import * as assert from 'uvu/assert'
import { ratedWatts } from '../../kernels/devices/power.js'
import { DEVICES } from '../../kernels/devices/table.js'
import { choosePower, createPowerMeter } from '../../node/pricing/meter.js'
import { PLAIN_TERMS, type PricingFacts, type PricingTerms } from '../../node/provider/pricing/facts.js'
import { findComparable, MAX_COMPARED } from '../../node/provider/pricing/market.js'
import {
  bound,
  PURE_STRATEGIES,
  type PureStrategyName,
  quoteOf,
} from '../../node/provider/pricing/strategies.js'
import { createUtilisation } from '../../node/provider/pricing/utilisation.js'
import { Availability, type Heartbeat } from '../../protocols/heartbeat/wire.js'
import { createVirtualClock } from '../support/clock.js'
import { makeDevice, makeHeartbeat } from '../support/messages.js'
import { suite } from '../support/suite.js'

const test = suite('pricing strategies')

const NAMES = Object.keys(PURE_STRATEGIES) as PureStrategyName[]
const BASE = 250_000n

const termsWith = (changes: Partial<PricingTerms> = {}): PricingTerms => ({
  ...PLAIN_TERMS,
  basePricePerHour: BASE,
  ...changes,
})
const factsWith = (changes: Partial<PricingFacts> = {}): PricingFacts => ({
  devices: 1,
  free: 1,
  total: 1,
  utilisation: 0,
  market: [],
  ...changes,
})

const amount = fc.bigInt(0n, 2n ** 60n)
const percent = fc.integer({ min: 0, max: 10_000 })
const anyTerms: fc.Arbitrary<PricingTerms> = fc.record(
  {
    basePricePerHour: fc.bigInt(1n, 2n ** 60n),
    floorPricePerHour: amount,
    ceilingPricePerHour: amount,
    electricityPerKwh: amount,
    depreciationPerHour: amount,
    marginPercent: percent,
    surgeFromPercent: fc.integer({ min: 0, max: 99 }),
    surgePercent: percent,
    undercutPercentile: fc.integer({ min: 0, max: 100 }),
    undercutPercent: fc.integer({ min: 0, max: 100 }),
  },
  {
    noNullPrototype: true,
    requiredKeys: [
      'basePricePerHour',
      'floorPricePerHour',
      'depreciationPerHour',
      'marginPercent',
      'surgeFromPercent',
      'surgePercent',
      'undercutPercentile',
      'undercutPercent',
    ],
  },
)
const anyFacts: fc.Arbitrary<PricingFacts> = fc.record(
  {
    devices: fc.integer({ min: 1, max: 8 }),
    free: fc.nat(8),
    total: fc.integer({ min: 1, max: 8 }),
    utilisation: fc.double({ min: 0, max: 1, noNaN: true }),
    market: fc.array(amount, { maxLength: 20 }),
    power: fc
      .tuple(
        fc.integer({ min: 1, max: 2_000_000 }),
        fc.constantFrom('configured', 'measured', 'driver limit', 'rated'),
      )
      .map(([milliwatts, source]) => ({ milliwatts, source })),
  },
  { noNullPrototype: true, requiredKeys: ['devices', 'free', 'total', 'utilisation', 'market'] },
)
const anyName = fc.constantFrom(...NAMES)

test('whatever the facts, a price is at least one unit, the floor, and no more than the ceiling', () => {
  fc.assert(
    fc.property(anyName, anyTerms, anyFacts, (name, terms, facts) => {
      const { pricePerHour, why } = quoteOf(name, terms, facts)
      assert.ok(pricePerHour >= 1n)
      assert.ok(pricePerHour >= terms.floorPricePerHour)
      const { ceilingPricePerHour: ceiling, floorPricePerHour: floor } = terms
      if (ceiling !== undefined && ceiling >= floor && ceiling > 0n) assert.ok(pricePerHour <= ceiling)
      assert.is(why.at(-1)?.amount, pricePerHour, 'the last step is the price')
    }),
  )
})

test('the same facts give the same price, and no strategy changes them', () => {
  fc.assert(
    fc.property(anyName, anyTerms, anyFacts, (name, terms, facts) => {
      const before = structuredClone({ terms, facts })
      assert.equal(quoteOf(name, terms, facts), quoteOf(name, terms, facts))
      assert.equal({ terms, facts }, before)
    }),
  )
})

test('a fixed price is the base price, whatever the order and the market say', () => {
  fc.assert(
    fc.property(anyTerms, anyFacts, (terms, facts) => {
      assert.is(PURE_STRATEGIES.fixed(terms, facts).pricePerHour, terms.basePricePerHour)
    }),
  )
})

test('cost-plus: 320 W at 0.30 a kWh with 20 % are 0.1152 an hour', () => {
  const terms = termsWith({ electricityPerKwh: 300_000n, marginPercent: 20 })
  const power = { milliwatts: 320_000, source: 'measured' as const }
  assert.is(quoteOf('cost-plus', terms, factsWith({ power })).pricePerHour, 115_200n)
  const worn = { ...terms, depreciationPerHour: 40_000n }
  assert.is(quoteOf('cost-plus', worn, factsWith({ power })).pricePerHour, 163_200n)
})

test('cost-plus never asks for less than the cost with its margin, and for less than a unit more', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 2_000_000 }),
      fc.bigInt(0n, 2n ** 40n),
      fc.bigInt(0n, 2n ** 40n),
      percent,
      (milliwatts, electricityPerKwh, depreciationPerHour, marginPercent) => {
        const terms = termsWith({ electricityPerKwh, depreciationPerHour, marginPercent })
        const facts = factsWith({ power: { milliwatts, source: 'rated' } })
        const { pricePerHour } = PURE_STRATEGIES['cost-plus'](terms, facts)
        const exact =
          (BigInt(milliwatts) * electricityPerKwh + depreciationPerHour * 1_000_000n) *
          BigInt(100 + marginPercent)
        const asked = pricePerHour * 100_000_000n
        assert.ok(asked >= exact && asked < exact + 100_000_000n)
      },
    ),
  )
})

test('cost-plus without a known draw, or without a price of electricity, is the base price and says why', () => {
  const known = { power: { milliwatts: 1_000, source: 'rated' as const } }
  for (const [terms, facts, why] of [
    [termsWith({ electricityPerKwh: 1n }), factsWith(), /draws/],
    [termsWith(), factsWith(known), /electricity/],
  ] as const) {
    const quote = quoteOf('cost-plus', terms, facts)
    assert.is(quote.pricePerHour, BASE)
    assert.match(quote.why[0]!.detail, why)
  }
})

test('surge: nothing up to the threshold, half of it half way, all of it at the end', () => {
  const terms = termsWith({ surgeFromPercent: 50, surgePercent: 40 })
  const at = (utilisation: number) => quoteOf('surge', terms, factsWith({ utilisation })).pricePerHour
  assert.is(at(0), BASE)
  assert.is(at(0.5), BASE)
  assert.is(at(0.75), 300_000n)
  assert.is(at(1), 350_000n)
})

test('surge never falls when utilisation rises, and stays between the base price and its surcharge', () => {
  const share = fc.double({ min: -1, max: 2, noNaN: true })
  fc.assert(
    fc.property(anyTerms, share, share, (terms, a, b) => {
      const [low, high] = a < b ? [a, b] : [b, a]
      const at = (utilisation: number) =>
        PURE_STRATEGIES.surge(terms, factsWith({ utilisation })).pricePerHour
      assert.ok(at(low) <= at(high))
      assert.ok(at(low) >= terms.basePricePerHour)
      const most = terms.basePricePerHour * BigInt(100 + terms.surgePercent)
      assert.ok(at(high) * 100n < most + 100n)
    }),
  )
})

test('undercut goes a step below the percentile that is asked for', () => {
  const market = [400n, 100n, 300n, 200n].map((each) => each * 1_000n)
  const at = (undercutPercentile: number, undercutPercent = 10) =>
    quoteOf('undercut', termsWith({ undercutPercentile, undercutPercent }), factsWith({ market }))
      .pricePerHour
  assert.equal(
    [0, 25, 26, 50, 100].map((percentile) => at(percentile)),
    [90_000n, 90_000n, 180_000n, 180_000n, 360_000n],
  )
  assert.is(at(0, 0), 100_000n)
  assert.is(
    quoteOf('undercut', termsWith({ undercutPercent: 10 }), factsWith({ market: [3n] })).pricePerHour,
    3n,
  )
})

test('undercut stops at the floor, however cheap the market, and is the base price where nobody offers', () => {
  fc.assert(
    fc.property(fc.array(fc.bigInt(0n, 2n ** 60n)), fc.integer({ min: 0, max: 100 }), (market, rank) => {
      const terms = termsWith({ floorPricePerHour: 50_000n, undercutPercentile: rank, undercutPercent: 5 })
      assert.ok(quoteOf('undercut', terms, factsWith({ market })).pricePerHour >= 50_000n)
    }),
  )
  assert.is(quoteOf('undercut', termsWith(), factsWith()).pricePerHour, BASE)
})

test('fewer cheap offers than the percentile asks for do not move the price', () => {
  const honest = Array.from({ length: 76 }, () => 200_000n)
  const dumped = Array.from({ length: 24 }, () => 1n)
  const terms = termsWith({ undercutPercentile: 25, undercutPercent: 0 })
  assert.is(quoteOf('undercut', terms, factsWith({ market: [...dumped, ...honest] })).pricePerHour, 200_000n)
})

test('of a floor above the ceiling the floor holds', () => {
  const terms = termsWith({ floorPricePerHour: 20n, ceilingPricePerHour: 10n })
  assert.is(bound(terms, { pricePerHour: 5n, why: [] }).pricePerHour, 20n)
})

function heartbeatWith(changes: Partial<Heartbeat> = {}): { peer: string; heartbeat: Heartbeat } {
  return { peer: 'other', heartbeat: makeHeartbeat({ pricePerHour: 9n, ...changes }) }
}

test('comparable is what a renter could take instead: free, of the same kind, half to twice the card', () => {
  const own = makeDevice({ gpu: true, memoryBytes: 24n * 2n ** 30n, gflops: 1_000 })
  const is = (device: Partial<ReturnType<typeof makeDevice>>, changes: Partial<Heartbeat> = {}) =>
    findComparable(own, [heartbeatWith({ devices: [{ ...own, ...device }], ...changes })]).length === 1
  assert.ok(is({}))
  assert.ok(is({ memoryBytes: 12n * 2n ** 30n, gflops: 500 }))
  assert.not.ok(is({ memoryBytes: 8n * 2n ** 30n }))
  assert.not.ok(is({ memoryBytes: 80n * 2n ** 30n }))
  assert.not.ok(is({ gflops: 400 }))
  assert.not.ok(is({ gflops: 2_500 }))
  assert.not.ok(is({ gpu: false }))
  assert.not.ok(is({}, { availability: Availability.BUSY }))
  assert.not.ok(is({}, { pricePerHour: 0n }))
  const crowd = Array.from({ length: 500 }, () => heartbeatWith({ devices: [own] }))
  assert.is(findComparable(own, crowd).length, MAX_COMPARED)
})

test('utilisation is the share of leased time, and what is long ago fades', async () => {
  const clock = createVirtualClock()
  let share = 0
  const utilisation = createUtilisation({ clock, leasedShare: () => share })
  assert.is(utilisation.read(), 0)
  share = 1
  utilisation.read()
  await clock.advance(3_600_000)
  assert.ok(Math.abs(utilisation.read() - (1 - Math.exp(-1))) < 1e-9)
  await clock.advance(36_000_000)
  assert.ok(utilisation.read() > 0.999)
  share = 0
  utilisation.read()
  await clock.advance(3_600_000)
  assert.ok(Math.abs(utilisation.read() - Math.exp(-1)) < 1e-3)
})

test('what a device draws comes from the best source there is', () => {
  const none = { configuredWatts: undefined, measured: undefined, limit: undefined, rated: undefined }
  assert.is(choosePower(none), undefined)
  assert.equal(choosePower({ ...none, rated: 450 }), { milliwatts: 450_000, source: 'rated' })
  assert.equal(choosePower({ ...none, rated: 450, limit: 400 }), {
    milliwatts: 400_000,
    source: 'driver limit',
  })
  assert.equal(choosePower({ ...none, rated: 450, limit: 400, measured: 312.5 }), {
    milliwatts: 312_500,
    source: 'measured',
  })
  assert.is(choosePower({ configuredWatts: 500, rated: 450, limit: 400, measured: 3 })?.source, 'configured')
})

test('only what a card draws under load counts as measured, averaged over the last looks', async () => {
  let watts = 25
  let looks = 0
  const meter = createPowerMeter({
    model: 'NVIDIA GeForce RTX 4090',
    gpu: true,
    readCards: async () => {
      looks++
      const other = { source: 'nvidia-smi' as const, model: 'NVIDIA GeForce GTX 1060', powerWatts: 999 }
      return [{ source: 'nvidia-smi', model: 'NVIDIA GeForce RTX 4090', powerWatts: watts }, other]
    },
  })
  assert.equal(meter.power(), { milliwatts: 450_000, source: 'rated' })
  for (let look = 0; look < 5; look++) await meter.sample(false)
  assert.is(looks, 1, 'an idle card is not asked again and again')
  assert.is(meter.power()?.source, 'rated')
  watts = 300
  await meter.sample(true)
  assert.equal(meter.power(), { milliwatts: 300_000, source: 'measured' })
  watts = 400
  await meter.sample(true)
  assert.equal(meter.power(), { milliwatts: 320_000, source: 'measured' })
  watts = 20
  await meter.sample(false)
  assert.equal(meter.power(), { milliwatts: 320_000, source: 'measured' })
})

test('a software device has no card whose draw would be its own', async () => {
  const meter = createPowerMeter({
    model: 'RTX 4090',
    gpu: false,
    readCards: async () => [{ source: 'nvidia-smi', model: 'RTX 4090', powerWatts: 300 }],
  })
  await meter.sample(true)
  assert.is(meter.power(), undefined)
})

test('every card of the table has a rated draw, but those whose makers tell none', () => {
  const without = DEVICES.filter(({ name }) => ratedWatts(name) === undefined)
  assert.ok(without.every(({ maker }) => maker === 'Apple'))
  assert.is(without.length, DEVICES.filter(({ maker }) => maker === 'Apple').length)
  const watts = DEVICES.flatMap(({ name }) => ratedWatts(name) ?? [])
  assert.ok(watts.length > 60 && watts.every((each) => each >= 50 && each <= 1_000))
})

test.run()
