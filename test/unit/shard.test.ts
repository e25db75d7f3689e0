import fc from 'fast-check'
import * as assert from 'uvu/assert'
import { BEATS_PER_MINUTE, isUrgent, LONGEST_PERIOD_MS, periodFor } from '../../protocols/heartbeat/period.js'
import { HEARTBEAT_LIMITS, judgeHeartbeat } from '../../protocols/heartbeat/rules.js'
import { offenceWeight, standingScore } from '../../protocols/heartbeat/standing.js'
import { Availability } from '../../protocols/heartbeat/wire.js'
import { CONTINENTS, continentOf } from '../../protocols/inventory/continent.js'
import { findMismatches } from '../../protocols/inventory/rules.js'
import {
  ALL_SHARDS,
  isShard,
  shardOf,
  shardsFor,
  shardsOf,
  VRAM_CLASSES,
  vramClassOf,
} from '../../protocols/inventory/shard.js'
import { MARKET, makeDevice, makeHeartbeat, makeRequirements, NOW } from '../support/messages.js'
import { suite } from '../support/suite.js'

const test = suite('shards of a market')
const GIB = 2n ** 30n
const MIB = 2n ** 20n

test('every country of ISO 3166-1 is on one continent, and whatever is no country on none', () => {
  const letters = [...'ABCDEFGHIJKLMNOPQRSTUVWXYZ']
  const codes = letters.flatMap((first) => letters.map((second) => first + second))
  assert.is(codes.filter((code) => continentOf(code) !== 'XX').length, 249)
  for (const [country, continent] of [
    ['DE', 'EU'],
    ['US', 'NA'],
    ['NA', 'AF'],
    ['JP', 'AS'],
    ['BR', 'SA'],
    ['NZ', 'OC'],
    ['AQ', 'AN'],
    ['', 'XX'],
    ['de', 'XX'],
    ['ZZ', 'XX'],
    ['constructor', 'XX'],
  ] as const) {
    assert.is(continentOf(country), continent, country)
  }
})

test('a card belongs to the class that it is sold as, though its driver reports less', () => {
  for (const [mib, expected] of [
    [0n, '0g'],
    [6_144n, '0g'],
    [8_188n, '8g'],
    [12_288n, '12g'],
    [15_360n, '16g'],
    [23_028n, '24g'],
    [24_564n, '24g'],
    [32_607n, '24g'],
    [46_068n, '48g'],
    [81_559n, '80g'],
    [143_771n, '141g'],
    [196_608n, '141g'],
  ] as const) {
    assert.is(vramClassOf(mib * MIB), expected, `${mib} MiB`)
  }
  assert.is(shardOf(24n * GIB, 'DE-Berlin'), '24g/EU')
  assert.is(shardOf(24n * GIB, ''), '24g/XX')
})

test('a provider is in one shard for each class of its devices, and software devices are in the least', () => {
  const devices = [
    makeDevice(),
    makeDevice({ model: 'another of 24 GiB' }),
    makeDevice({ memoryBytes: 80n * GIB }),
    makeDevice({ gpu: false, memoryBytes: 512n * GIB }),
  ]
  assert.equal(shardsOf({ devices, location: 'US-Texas' }), ['24g/NA', '80g/NA', '0g/NA'])
})

test('a renter joins every class from the least memory upwards, on the continents that it names', () => {
  const wanted = { memoryBytes: 24n * GIB, gpu: true, locations: ['DE', 'FR-Paris'] }
  assert.equal(shardsFor(wanted), ['24g/EU', '48g/EU', '80g/EU', '141g/EU'])
  assert.equal(shardsFor({ ...wanted, gpu: false }), ['0g/EU', '24g/EU', '48g/EU', '80g/EU', '141g/EU'])
  const large = { ...wanted, memoryBytes: 141n * GIB }
  assert.equal(shardsFor({ ...large, locations: ['NA'] }), ['141g/AF'], 'Namibia')
  assert.equal(shardsFor({ ...large, locations: ['north-america', 'EEA'] }), ['141g/EU', '141g/NA'])
  assert.is(shardsFor({ memoryBytes: 0n, gpu: false, locations: [] }).length, ALL_SHARDS.length)
  assert.is(ALL_SHARDS.length, VRAM_CLASSES.length * CONTINENTS.length)
  assert.ok(ALL_SHARDS.every(isShard))
  assert.not(isShard('24g/eu'))
})

test('whoever meets the requirements is in a shard that the renter joins', () => {
  const places = ['', 'DE-Berlin', 'US-Texas', 'US', 'NA-Windhoek', 'ZZ-Nowhere', 'JP']
  let qualified = 0
  fc.assert(
    fc.property(
      fc.array(fc.record({ gib: fc.integer({ min: 0, max: 200 }), gpu: fc.boolean() }), {
        minLength: 1,
        maxLength: 4,
      }),
      fc.constantFrom(...places),
      fc.integer({ min: 0, max: 200 }),
      fc.boolean(),
      fc.subarray(places.filter((place) => place !== '')),
      (groups, location, leastGib, gpu, locations) => {
        const devices = groups.map((group) =>
          makeDevice({ gpu: group.gpu, memoryBytes: BigInt(group.gib) * GIB }),
        )
        const requirements = makeRequirements({ memoryBytes: BigInt(leastGib) * GIB, gpu, locations })
        const offer = {
          peer: 'p',
          devices,
          location,
          pricePerHour: 1n,
          runtimes: ['tfjs'],
          available: true,
          stake: 0n,
        }
        if (findMismatches(offer, requirements).length > 0) return
        qualified++
        const joined = shardsFor(requirements)
        assert.ok(shardsOf(offer).some((shard) => joined.includes(shard)))
      },
    ),
    { numRuns: 2_000 },
  )
  assert.ok(qualified > 100, `only ${qualified} offers qualified`)
})

test('the period grows with the shard, so that nobody hears more than a thousand beats a minute', () => {
  assert.is(periodFor(1, 60_000), 60_000)
  assert.is(periodFor(1_000, 60_000), 60_000)
  assert.is(periodFor(5_000, 60_000), 300_000)
  assert.is(periodFor(1, 500), 500)
  assert.is(periodFor(10_000_000, 60_000), LONGEST_PERIOD_MS)
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 60_000 }), (members) => {
      const perMinute = members * (60_000 / periodFor(members, 60_000))
      assert.ok(perMinute <= BEATS_PER_MINUTE * 1.001, `${members} members: ${perMinute}`)
      assert.ok(periodFor(members + 1, 60_000) >= periodFor(members, 60_000))
    }),
  )
})

test('what is stale follows from the period that was announced', () => {
  const facts = { now: NOW, market: MARKET }
  const refusalOf = (ageMs: number, periodMs?: number) =>
    judgeHeartbeat(
      makeHeartbeat({ timeMs: NOW - ageMs, ...(periodMs === undefined ? {} : { periodMs }) }),
      facts,
    )?.refused
  assert.is(refusalOf(HEARTBEAT_LIMITS.maxAgeMs), undefined)
  assert.is(refusalOf(HEARTBEAT_LIMITS.maxAgeMs + 1), 'STALE')
  assert.is(refusalOf(HEARTBEAT_LIMITS.maxAgeMs + 1, 300_000), undefined)
  assert.is(refusalOf(900_001, 300_000), 'STALE')
  assert.is(refusalOf(HEARTBEAT_LIMITS.maxAgeMs, 1_000), undefined)
  assert.is(refusalOf(0, LONGEST_PERIOD_MS + 1), 'MALFORMED')
})

test('a change is urgent when it decides whether an order can be met', () => {
  const before = makeHeartbeat()
  const cases = [
    [{ pricePerHour: 1n }, true],
    [{ availability: Availability.PAUSED }, true],
    [{ devices: [makeDevice({ free: 0 })] }, true],
    [{ devices: [makeDevice({ count: 3 })] }, true],
    [{ location: 'FR-Paris' }, true],
    [{ addresses: ['/ip4/127.0.0.1/tcp/4002'] }, true],
    [{ devices: [makeDevice({ free: 1 })] }, false],
    [{ attestations: 3 }, false],
    [{}, false],
  ] as const
  for (const [changes, expected] of cases) {
    assert.is(isUrgent(before, makeHeartbeat(changes as object)), expected, Object.keys(changes).join())
  }
})

test('no stake outweighs invalid messages, and offences are forgotten slowly', () => {
  const facts = { minimumStake: 100n, stake: 100n, offences: 0 }
  assert.is(standingScore(facts), 5)
  assert.is(standingScore({ ...facts, stake: 10n ** 30n }), 10)
  assert.is(standingScore({ ...facts, stake: 99n }), 0)
  assert.is(standingScore({ ...facts, minimumStake: 0n, stake: 0n }), 0)
  assert.is(standingScore({ ...facts, stake: 10n ** 30n, reliability: 1 }), 20)
  assert.is(standingScore({ ...facts, stake: 0n, reliability: 0 }), -10)
  const graylist = -100
  assert.ok(20 + 5 + 4 * 4 * -8 < graylist + 25, 'four invalid messages still cost the place')
  assert.ok(standingScore({ ...facts, stake: 10n ** 30n, reliability: 1, offences: 4 }) + 5 < graylist)
  assert.is(offenceWeight(0), 1)
  assert.is(offenceWeight(600_000), 0.5)
})

test.run()
