import fc from 'fast-check'
import * as assert from 'uvu/assert'
import { isRefusal } from '../../protocols/errors.js'
import { continentsIn, liesIn } from '../../protocols/inventory/place.js'
import {
  findMismatches,
  judgedByProvider,
  type MismatchReason,
  type Offer,
  REQUIREMENTS_LIMITS,
  readRequirements,
} from '../../protocols/inventory/rules.js'
import { Requirements } from '../../protocols/inventory/wire.js'
import { formatAmount } from '../../protocols/money.js'
import { makeDevice, makeRequirements } from '../support/messages.js'
import { suite } from '../support/suite.js'

const test = suite('inventory rules')
const CEILING = 1_000_000n

function makeOffer(changes: Partial<Offer> = {}): Offer {
  return {
    peer: 'alice',
    devices: [makeDevice()],
    pricePerHour: 250_000n,
    location: 'DE-Berlin',
    runtimes: ['tfjs'],
    available: true,
    stake: 100n,
    ...changes,
  }
}

function reasonsOf(offer: Partial<Offer>, wanted: Partial<Requirements>): MismatchReason[] {
  return findMismatches(makeOffer(offer), makeRequirements(wanted), CEILING).map(({ reason }) => reason)
}

const MISSED: Readonly<
  Record<MismatchReason, ReadonlyArray<[offer: Partial<Offer>, wanted: Partial<Requirements>]>>
> = {
  NOT_AVAILABLE: [[{ available: false }, {}]],
  NOTICE: [
    [{}, { noticeS: 1 }],
    [{ noticeS: 59 }, { noticeS: 60 }],
  ],
  NOT_A_GPU: [[{ devices: [makeDevice({ gpu: false })] }, {}]],
  MEMORY: [
    [{}, { memoryBytes: 24n * 2n ** 30n + 1n }],
    [{}, { memoryBytes: 2n ** 64n - 1n }],
  ],
  MODEL: [
    [{}, { models: ['h100', 'a100'] }],
    [{ devices: [makeDevice({ model: '' })] }, { models: ['4090'] }],
  ],
  GFLOPS: [
    [{}, { minimumGflops: 41_001 }],
    [{}, { minimumGflops: Number.POSITIVE_INFINITY }],
    [{}, { minimumGflops: Number.NaN }],
    [{ devices: [makeDevice({ gflops: Number.NaN })] }, {}],
    [{ devices: [makeDevice({ gflops: Number.NEGATIVE_INFINITY })] }, {}],
  ],
  DEVICES: [
    [{}, { devices: 3 }],
    [{ devices: [] }, {}],
    [{ devices: [makeDevice({ free: 0 })] }, {}],
    // Two hosts' worth of one device each do not make a host with two.
    [{ devices: [makeDevice({ free: 1 }), makeDevice({ free: 1 })] }, { devices: 2 }],
  ],
  RUNTIME: [
    [{}, { runtime: 'wgsl' }],
    [{ runtimes: [] }, {}],
    [{ runtimes: ['tfjs2'] }, { runtime: 'tfjs' }],
  ],
  LOCATION: [
    [{}, { locations: ['FR'] }],
    [{ location: '' }, { locations: ['DE'] }],
    [{ location: 'DEN-Aarhus' }, { locations: ['DE'] }],
    [{ location: 'DE-Berlinchen' }, { locations: ['DE-Berlin'] }],
    [{ location: 'DE' }, { locations: ['DE-Berlin'] }],
    [{}, { locations: [''] }],
    [{}, { locations: ['D', 'de', 'DE-'] }],
    [{ location: 'US-NewYork' }, { locations: ['EU'] }],
    [{ location: 'CH-Zurich' }, { locations: ['EU', 'EEA', 'asia'] }],
    [{ location: '' }, { locations: ['europe'] }],
  ],
  STAKE: [[{}, { minimumStake: 101n }]],
  PRICE: [[{ pricePerHour: CEILING + 1n }, {}]],
  DENIED: [[{}, { deny: ['bob', 'alice', 'alice'] }]],
  NOT_ALLOWED: [
    [{}, { allow: ['bob'] }],
    [{}, { allow: [''] }],
    [{}, { allow: ['alic', 'alicee'] }],
  ],
  PLACE: [
    [{ place: { check: 'impossible', detail: 'it answered too fast' } }, { locations: ['DE'] }],
    [{ place: { check: 'impossible', detail: 'it answered too fast' } }, { locations: ['EU'] }],
  ],
  LATENCY: [
    [{ latencyMs: 80.1 }, { maxLatencyMs: 80 }],
    [{}, { maxLatencyMs: 80 }],
    [{ latencyMs: Number.NaN }, { maxLatencyMs: 80 }],
  ],
  RELIABILITY: [
    [{ reliability: 0.89 }, { minimumReliability: 0.9 }],
    [{}, { minimumReliability: 0 }],
    [{ reliability: Number.NaN }, { minimumReliability: 0.5 }],
  ],
  ATTESTATIONS: [
    [{}, { minimumAttestations: 1 }],
    [{ attestedBy: ['bob', 'carol'] }, { minimumAttestations: 2, attesters: ['carol', 'dave'] }],
  ],
}
for (const [reason, rows] of Object.entries(MISSED)) {
  test(`${reason} alone is what ${rows.length} offers lack`, () => {
    assert.ok(rows.length > 0)
    for (const [offer, wanted] of rows) assert.equal(reasonsOf(offer, wanted), [reason])
  })
}

test('an offer that meets every requirement exactly qualifies', () => {
  const wanted: Partial<Requirements> = {
    devices: 2,
    memoryBytes: 24n * 2n ** 30n,
    models: ['h100', 'rtx 4090'],
    locations: ['FR', 'DE'],
    minimumStake: 100n,
    minimumGflops: 41_000,
    allow: ['alice'],
    deny: ['bob'],
  }
  assert.equal(reasonsOf({ pricePerHour: CEILING }, wanted), [])
  assert.equal(reasonsOf({}, { locations: ['DE-Berlin'] }), [])
  assert.equal(reasonsOf({ location: 'DE-Berlin-Mitte' }, { locations: ['DE-Berlin'] }), [])
  assert.equal(reasonsOf({ runtimes: [] }, { runtime: '' }), [])
  const measured: Partial<Offer> = { latencyMs: 80, reliability: 0.9, attestedBy: ['bob', 'carol'] }
  const measurable = { maxLatencyMs: 80, minimumReliability: 0.9, minimumAttestations: 1 }
  assert.equal(reasonsOf(measured, { ...measurable, attesters: ['carol'] }), [])
  assert.equal(
    findMismatches(makeOffer(), judgedByProvider(makeRequirements(measurable)), CEILING),
    [],
    'a provider passes what only the renter can measure',
  )
})

test('a place lies in its country, its union and its continent', () => {
  for (const place of ['DE-Berlin', 'DE', 'EU', 'EEA', 'europe']) assert.ok(liesIn('DE-Berlin', place), place)
  assert.ok(liesIn('NO', 'EEA') && !liesIn('NO', 'EU'))
  assert.ok(liesIn('US', 'north-america') && liesIn('BR-Recife', 'south-america'))
  assert.equal(continentsIn('JP-Tokyo'), ['AS'])
  assert.equal(continentsIn('EEA'), ['EU'])
  assert.equal(continentsIn('oceania'), ['OC'])
  // Two letters are a country, whatever else they abbreviate: Namibia is no part of America.
  assert.ok(!liesIn('US', 'NA') && liesIn('NA-Windhoek', 'africa'))
})

const TEXTS: ReadonlyArray<[offer: Partial<Offer>, wanted: Partial<Requirements>, text: string]> = [
  [
    { devices: [makeDevice({ memoryBytes: 8n * 2n ** 30n })] },
    { memoryBytes: 24n * 2n ** 30n },
    'vram 8 < 24',
  ],
  [
    { devices: [makeDevice({ memoryBytes: 24n * 2n ** 30n - 1n })] },
    { memoryBytes: 24n * 2n ** 30n },
    'vram 25769803775 < 25769803776 bytes',
  ],
  [{ pricePerHour: 1_500_000n }, {}, 'price 1.50 > 1.00'],
  [{ stake: 0n }, { minimumStake: 1n }, 'stake 0.00 < 0.000001'],
  [{ location: 'US' }, { locations: ['EU'] }, 'location US not in EU'],
  [{ devices: [makeDevice({ free: 0 })] }, {}, 'no free device on one host'],
  [{ devices: [makeDevice({ free: 1 })] }, { devices: 4 }, 'free devices on one host 1 < 4'],
  [{}, { models: ['h100', 'a100'] }, `model ${makeDevice().model} is none of h100, a100`],
  [{ latencyMs: 120.456 }, { maxLatencyMs: 80 }, 'latency 120.46 ms > 80 ms'],
  [{}, { minimumReliability: 0.9 }, 'reliability unknown < 0.9'],
]

test('a reason is told as a person reads it, amounts with the decimals of the mint', () => {
  const show = (amount: bigint) => formatAmount(amount, 6, 2)
  for (const [offer, wanted, text] of TEXTS) {
    const found = findMismatches(makeOffer(offer), makeRequirements(wanted), CEILING, show)
    assert.equal(
      found.map((mismatch) => mismatch.text),
      [text],
    )
  }
})

test('alternatives have memories of their own', () => {
  const GIB = 2n ** 30n
  const choices = [
    { models: ['h100'], memoryBytes: 80n * GIB },
    { models: ['a100'], memoryBytes: 40n * GIB },
  ]
  const reasons = (model: string, gib: bigint) =>
    reasonsOf({ devices: [makeDevice({ model, memoryBytes: gib * GIB })] }, { choices, memoryBytes: 0n })
  assert.equal(reasons('NVIDIA A100-SXM4-40GB', 40n), [])
  assert.equal(reasons('NVIDIA H100 PCIe', 80n), [])
  assert.equal(reasons('NVIDIA H100 PCIe', 40n), ['MEMORY'])
  assert.equal(reasons('NVIDIA A100-SXM4-40GB', 39n), ['MEMORY'])
  assert.equal(reasons('NVIDIA L4', 80n), ['MODEL'])
  const any = [...choices, { models: [], memoryBytes: 96n * GIB }]
  assert.equal(
    reasonsOf({ devices: [makeDevice({ model: 'a card', memoryBytes: 96n * GIB })] }, { choices: any }),
    [],
  )
})

const SAME: Array<[device: string, wanted: string]> = [
  ['NVIDIA GeForce RTX 4090', 'rtx 4090'],
  ['NVIDIA GeForce RTX 4090', 'RTX4090'],
  ['NVIDIA GeForce RTX 4090', 'rtx-4090'],
  ['NVIDIA GeForce RTX 4090', '4090'],
  ['NVIDIA GeForce RTX 4070 Ti', 'rtx 4070ti'],
  ['NVIDIA GeForce RTX 4070 Ti SUPER', 'rtx4070 ti super'],
  ['NVIDIA A100-SXM4-80GB', 'a100'],
  ['NVIDIA A100 80GB PCIe', 'A100'],
  ['NVIDIA H200', 'h200'],
  ['AMD Radeon RX 7900 XTX', 'rx 7900 xtx'],
  ['Tesla T4', 't4'],
]

const OTHER: Array<[device: string, wanted: string]> = [
  ['NVIDIA A100-SXM4-80GB', 'a10'],
  ['NVIDIA A10', 'a100'],
  ['NVIDIA A10G', 'a10'],
  ['NVIDIA L40S', 'l40'],
  ['NVIDIA GeForce RTX 4070 Ti', 'rtx 4070'],
  ['NVIDIA GeForce RTX 4070 Ti SUPER', 'rtx 4070 ti'],
  ['NVIDIA GeForce RTX 4070 Laptop GPU', 'rtx4070'],
  ['AMD Radeon RX 7900 XTX', 'rx 7900 xt'],
  ['NVIDIA RTX 6000 Ada Generation', 'rtx 6000'],
  ['NVIDIA RTX A4000', 'rtx 4000'],
  ['NVIDIA A100', '100'],
  ['NVIDIA GeForce RTX 4090', 'tx 4090'],
  ['', 'a100'],
]

test('a model is matched by whole words, however they are spelt', () => {
  const misses = (device: string, wanted: string) =>
    reasonsOf({ devices: [makeDevice({ model: device })] }, { models: [wanted] })
  for (const [device, wanted] of SAME) assert.equal(misses(device, wanted), [], `${device} is a ${wanted}`)
  for (const [device, wanted] of OTHER)
    assert.equal(misses(device, wanted), ['MODEL'], `${device} is no ${wanted}`)
  for (const wanted of ['', ' ', '-'])
    assert.equal(misses('NVIDIA H200', wanted), ['MODEL'], 'no words, no match')
})

test('every requirement that is missed is named, of the devices that come nearest', () => {
  const small = makeDevice({ gpu: false, memoryBytes: 0n, gflops: 1, free: 0 })
  const offer = { available: false, devices: [small, makeDevice({ memoryBytes: 1n }), small] }
  assert.equal(reasonsOf(offer, { runtime: 'wgsl', minimumGflops: 5 }), [
    'NOT_AVAILABLE',
    'RUNTIME',
    'MEMORY',
  ])
})

test('one good group of devices is enough, wherever it stands', () => {
  fc.assert(
    fc.property(fc.nat(7), (at) => {
      const devices = Array.from({ length: 8 }, (_, index) => makeDevice({ free: index === at ? 2 : 0 }))
      assert.equal(reasonsOf({ devices }, { devices: 2 }), [])
    }),
  )
})

const larger = (a: bigint, b: bigint): bigint => [a, b].sort((x, y) => (x < y ? 1 : -1))[0]!

test('asking for more never makes an offer qualify that did not', () => {
  const wanted = fc.record({
    memoryBytes: fc.bigInt(0n, 48n * 2n ** 30n),
    minimumGflops: fc.integer({ min: 0, max: 80_000 }),
    devices: fc.integer({ min: 1, max: 4 }),
    minimumStake: fc.bigInt(0n, 200n),
  })
  fc.assert(
    fc.property(wanted, wanted, (a, b) => {
      const both = {
        memoryBytes: larger(a.memoryBytes, b.memoryBytes),
        minimumGflops: Math.max(a.minimumGflops, b.minimumGflops),
        devices: Math.max(a.devices, b.devices),
        minimumStake: larger(a.minimumStake, b.minimumStake),
      }
      const fits = (requirements: Partial<Requirements>) => reasonsOf({}, requirements).length === 0
      assert.is(fits(both), fits(a) && fits(b))
    }),
  )
})

test('requirements at their limits are read as they were written', () => {
  const texts = (count: number) => Array.from({ length: count }, () => 'x'.repeat(20))
  const full = makeRequirements({
    devices: REQUIREMENTS_LIMITS.maxDevices,
    models: texts(REQUIREMENTS_LIMITS.maxChoices),
    locations: texts(REQUIREMENTS_LIMITS.maxChoices),
    runtime: 'x'.repeat(REQUIREMENTS_LIMITS.maxTextChars),
    memoryBytes: 2n ** 64n - 1n,
    minimumGflops: Number.MAX_VALUE,
  })
  assert.equal(readRequirements(Requirements.encode(full)), full)
})

const many = (count: number, text: string) => Array.from({ length: count }, () => text)
const MALFORMED: ReadonlyArray<[title: string, wanted: Partial<Requirements>]> = [
  ['no devices', { devices: 0 }],
  ['more devices than a host has', { devices: REQUIREMENTS_LIMITS.maxDevices + 1 }],
  ['as many devices as a u32 holds', { devices: 2 ** 32 - 1 }],
  ['a speed that is no number', { minimumGflops: Number.NaN }],
  ['an infinite speed', { minimumGflops: Number.POSITIVE_INFINITY }],
  ['a negative speed', { minimumGflops: -1 }],
  ['too many models', { models: many(REQUIREMENTS_LIMITS.maxChoices + 1, 'a') }],
  ['too many locations', { locations: many(REQUIREMENTS_LIMITS.maxChoices + 1, 'DE') }],
  ['a long runtime', { runtime: 'x'.repeat(REQUIREMENTS_LIMITS.maxTextChars + 1) }],
  ['a long name to deny', { deny: ['x'.repeat(REQUIREMENTS_LIMITS.maxTextChars + 1)] }],
  ['no latency at all', { maxLatencyMs: 0 }],
  ['a latency beyond any', { maxLatencyMs: REQUIREMENTS_LIMITS.maxLatencyMs + 1 }],
  ['a reliability above one', { minimumReliability: 1.01 }],
  ['a reliability that is no number', { minimumReliability: Number.NaN }],
  ['more attestations than are kept', { minimumAttestations: REQUIREMENTS_LIMITS.maxAttestations + 1 }],
  ['too many attesters', { attesters: many(REQUIREMENTS_LIMITS.maxChoices + 1, 'a') }],
  ['too many choices', { choices: many(65, '').map(() => ({ models: [], memoryBytes: 0n })) }],
  ['too many models in a choice', { choices: [{ models: many(64, 'a'), memoryBytes: 0n }] }],
  ['a long model in a choice', { choices: [{ models: ['x'.repeat(129)], memoryBytes: 0n }] }],
  ['more bytes than an order may spend', { allow: many(200, 'x'.repeat(52)) }],
]
for (const [title, wanted] of MALFORMED) {
  test(`requirements with ${title} are malformed`, () => {
    const read = readRequirements(Requirements.encode(makeRequirements(wanted)))
    assert.ok(isRefusal(read) && read.refused === 'MALFORMED')
  })
}

test('no bytes make the reader of requirements throw', () => {
  let refused = 0
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
      if (isRefusal(readRequirements(bytes))) refused++
    }),
    { numRuns: 2_000 },
  )
  assert.ok(refused > 0)
})

test.run()
