import fc from 'fast-check'
import * as assert from 'uvu/assert'
import { CONTINENTS, continentOf } from '../../protocols/inventory/continent.js'
import { circlesOf, leastDistanceKm } from '../../protocols/inventory/coordinates.js'
import { continentsIn, liesIn, REGION_NAMES } from '../../protocols/inventory/place.js'
import { judgePlace, LIGHT_KM_PER_MS, type Sighting } from '../../protocols/inventory/plausibility.js'
import { ALL_SHARDS, shardsFor } from '../../protocols/inventory/shard.js'
import { suite } from '../support/suite.js'

const test = suite('places')

/** Kilometres between two cities' centres along the ground, as published route tables have them. */
const DISTANCES: ReadonlyArray<[a: string, b: string, km: number]> = [
  ['DE-Berlin', 'US-NewYork', 6_385],
  ['GB-London', 'AU-Sydney', 16_990],
  ['JP-Tokyo', 'US-SanFrancisco', 8_280],
  ['DE-Frankfurt', 'FR-Paris', 480],
]

test('the least way between two cities is their distance less the two circles around them', () => {
  for (const [a, b, km] of DISTANCES) {
    const least = leastDistanceKm(circlesOf(a)!, circlesOf(b)!)
    assert.ok(Math.abs(least - Math.max(0, km - 300)) < 40, `${a} to ${b}: ${least} km`)
  }
})

test('a city is found however its name is written, and lies in its country', () => {
  const names = [
    'BR-São Paulo',
    'BR-SaoPaulo',
    'BR-sao-paulo',
    'DE-Köln',
    'DE-Cologne',
    'CH-Zürich',
    'US-New York',
  ]
  for (const name of names) {
    const [city, second] = circlesOf(name)!
    assert.ok(city !== undefined && second === undefined && city.radiusKm === 150, name)
    assert.is(leastDistanceKm([city], circlesOf(name.slice(0, 2))!), 0)
  }
  assert.equal(circlesOf('DE-Hintertupfing'), circlesOf('DE'), 'of an unknown city the country is known')
  assert.is(circlesOf('XX-Atlantis'), undefined)
  assert.is(circlesOf(''), undefined)
})

test('neighbours touch, and every country of the continents has its circles', () => {
  const neighbours = [
    'DE FR',
    'US CA',
    'US MX',
    'CN RU',
    'ES PT',
    'IN CN',
    'FR BR',
    'MA ES',
    'RU JP',
    'GF BR',
  ]
  for (const pair of neighbours) {
    const [a, b] = pair.split(' ') as [string, string]
    assert.is(leastDistanceKm(circlesOf(a)!, circlesOf(b)!), 0, pair)
  }
  let known = 0
  for (let code = 0; code < 676; code++) {
    const country = String.fromCharCode(65 + Math.floor(code / 26), 65 + (code % 26))
    if (continentOf(country) === 'XX') continue
    if (circlesOf(country) !== undefined) known++
    else assert.ok(['BV'].includes(country), `${country} has no circle`)
  }
  assert.ok(known > 240, `${known} countries`)
})

test('a region holds exactly the countries of its continents, and leads to their shards', () => {
  for (const name of REGION_NAMES) {
    const continents = continentsIn(name)
    assert.ok(continents.length > 0 && continents.every((each) => each !== 'XX' && CONTINENTS.includes(each)))
    const shards = shardsFor({ memoryBytes: 0n, gpu: false, locations: [name] })
    assert.ok(shards.length > 0 && shards.length < ALL_SHARDS.length)
    assert.ok(shards.every((shard) => continents.some((continent) => shard.endsWith(`/${continent}`))))
  }
  assert.ok(liesIn('AU-Sydney', 'oceania') && !liesIn('AU-Sydney', 'asia') && !liesIn('', 'europe'))
})

const SELF = 'self'

function sighting(location: string, ms: number, changes: Partial<Sighting> = {}): Sighting {
  return { observer: SELF, location, ms, stake: 0n, ...changes }
}

function check(location: string, sightings: Sighting[], stake = 0n): string {
  return judgePlace({ location, stake }, sightings, SELF).check
}

test('a peer in Berlin that answers New York in 5 ms is not in Berlin', () => {
  const judged = judgePlace({ location: 'DE-Berlin', stake: 0n }, [sighting('US-NewYork', 5)], SELF)
  assert.is(judged.check, 'impossible')
  assert.match(judged.detail, /it answered from US-NewYork in 5 ms, light takes 40/)
  assert.is(check('DE-Berlin', [sighting('US-NewYork', 39)]), 'impossible')
  // Clocks count whole milliseconds: 40 may have been nearly 41.
  assert.is(check('DE-Berlin', [sighting('US-NewYork', 40)]), 'plausible')
  assert.is(check('DE-Berlin', [sighting('US-NewYork', 90)]), 'plausible')
})

test('what proves nothing is unknown, and no proof of truth', () => {
  assert.is(check('', [sighting('US-NewYork', 5)]), 'unknown')
  assert.is(check('DE-Berlin', []), 'unknown')
  assert.is(check('DE-Berlin', [sighting('', 5)]), 'unknown')
  assert.is(check('DE-Berlin', [sighting('US-NewYork', Number.NaN), sighting('US-NewYork', -1)]), 'unknown')
  assert.is(check('US', [sighting('DE-Berlin', 500)]), 'plausible', 'a machine next door may answer late')
})

test('the word of others counts by their stake, and never that of one alone', () => {
  const liar = (name: string, stake: bigint) => sighting('US-NewYork', 1, { observer: name, stake })
  assert.is(check('DE-Berlin', [liar('a', 1_000n)], 10n), 'unknown')
  assert.is(check('DE-Berlin', [liar('a', 1_000n), liar('a', 1_000n)], 10n), 'unknown', 'twice the same')
  assert.is(check('DE-Berlin', [liar('a', 5n), liar('b', 5n)], 10n), 'unknown', 'no more than its own stake')
  const crowd = Array.from({ length: 50 }, (_, at) => liar(`sybil${at}`, 0n))
  assert.is(check('DE-Berlin', crowd, 1n), 'unknown', 'names cost nothing')
  assert.is(check('DE-Berlin', [liar('a', 6n), liar('b', 5n)], 10n), 'impossible')
  assert.is(check('DE-Berlin', [liar('a', 6n), liar('b', 5n), sighting('US-NewYork', 90)], 10n), 'impossible')
})

test('whoever tells the truth is never found impossible by light that keeps to the law', () => {
  const places = ['DE-Berlin', 'US-NewYork', 'JP-Tokyo', 'AU-Sydney', 'ZA-CapeTown', 'FR', 'US', 'RU', 'NZ']
  const place = fc.constantFrom(...places)
  let ran = 0
  fc.assert(
    fc.property(
      place,
      fc.array(fc.tuple(place, fc.double({ min: 0, max: 300, noNaN: true }))),
      (home, others) => {
        const sightings = others.map(([location, delay], at) => {
          const distance = leastDistanceKm(circlesOf(home)!, circlesOf(location)!)
          const ms = Math.floor((2 * distance) / LIGHT_KM_PER_MS + delay)
          return sighting(location, ms, { observer: `o${at}`, stake: 1_000_000n })
        })
        ran += sightings.length
        assert.is.not(check(home, sightings), 'impossible')
      },
    ),
  )
  assert.ok(ran > 100)
})

test.run()
