import fc from 'fast-check'
import * as assert from 'uvu/assert'
import { parseSearch, SEARCH_FIELDS, SEARCH_LIMITS } from '../../config/search.js'
import { NightshiftError } from '../../protocols/errors.js'
import { findUnmet, widen } from '../../protocols/inventory/filter.js'
import { OFFER_ORDERS, sortOffers } from '../../protocols/inventory/order.js'
import { findMismatches, type Offer } from '../../protocols/inventory/rules.js'
import { formatAmount } from '../../protocols/money.js'
import { makeDevice } from '../support/messages.js'
import { suite } from '../support/suite.js'

const test = suite('searching offers')
const GIB = 2n ** 30n

/** An RTX 4090 as its driver reports it: 24,564 MiB of the 24 GiB that it is sold with. */
const CARD = makeDevice({
  model: 'NVIDIA GeForce RTX 4090',
  memoryBytes: 24_564n * 2n ** 20n,
  count: 4,
  free: 2,
})

function makeOffer(changes: Partial<Offer> = {}): Offer {
  return {
    peer: 'alice',
    devices: [CARD],
    pricePerHour: 350_000n,
    location: 'DE-Berlin',
    runtimes: ['tfjs'],
    available: true,
    stake: 100_000_000n,
    latencyMs: 20,
    reliability: 0.8,
    ...changes,
  }
}

function unmet(text: string, changes: Partial<Offer> = {}): string[] {
  const show = (amount: bigint) => formatAmount(amount, 6, 2)
  return findUnmet(makeOffer(changes), parseSearch(text, 6), show).map((mismatch) => mismatch.text)
}

const HOLDS = [
  'vram_gb>=24 price<0.4 location=DE',
  'vram_gb>=24, price<=0.35 and location = "DE-Berlin"',
  'vram>20 vram_gb=24 vram_gb!=16 vram_gb<=24 vram_gb<32',
  'model=rtx4090 model!=a100 model in (h100, "rtx 4090")',
  'location in (FR, EU) location not in (US, asia)',
  'GPUS>=2 devices=4 gflops>1',
  'reliability>0.5 latency_ms<=20 stake>=100',
  'cuda>=12.8 cuda<12.10 backend=webgpu runtime=tfjs',
]

test('an offer meets an expression of which every term holds', () => {
  for (const text of HOLDS) assert.equal(unmet(text), [], text)
})

const UNMET: ReadonlyArray<[text: string, changes: Partial<Offer>, reasons: string[]]> = [
  ['vram_gb>=24', { devices: [makeDevice({ memoryBytes: 8n * GIB })] }, ['vram 8 < 24']],
  // A software device has what it says, and no card's rounding.
  ['vram_gb>=24', { devices: [makeDevice({ gpu: false, memoryBytes: 23n * GIB })] }, ['memory 23 < 24']],
  ['price<0.4', { pricePerHour: 500_000n }, ['price 0.50 >= 0.40']],
  ['price<0.35', {}, ['price 0.35 >= 0.35']],
  ['location=EU', { location: 'US' }, ['location US not in EU']],
  ['location!=DE', {}, ['location DE-Berlin in DE']],
  ['model in (h100, a100)', {}, ['model NVIDIA GeForce RTX 4090 not in h100, a100']],
  ['free>=3', {}, ['free 2 < 3']],
  ['stake>=100.5', {}, ['stake 100.00 < 100.50']],
  ['latency_ms<20', {}, ['latency 20 >= 20']],
  ['latency_ms<20', { latencyMs: Number.NaN }, ['latency NaN >= 20']],
  ['reliability>=0.81', {}, ['reliability 0.8 < 0.81']],
  ['cuda>12.8', {}, ['cuda 12.8 <= 12.8']],
  ['runtime=wgsl', { runtimes: [] }, ['runtime unknown not in wgsl']],
  ['vram_gb>=80 price<0.1', {}, ['price 0.35 >= 0.10', 'vram 23.99 < 80']],
  ['vram_gb>=1', { devices: [] }, ['no devices']],
]

test('what does not hold is told with both sides', () => {
  for (const [text, changes, reasons] of UNMET) assert.equal(unmet(text, changes), reasons, text)
})

test('of several groups of devices one must meet all terms about devices', () => {
  const devices = [
    makeDevice({ memoryBytes: 80n * GIB, free: 0 }),
    makeDevice({ memoryBytes: 8n * GIB, free: 4 }),
  ]
  assert.equal(unmet('vram_gb>=80 free>=1', { devices }), ['free 0 < 1'])
  assert.equal(unmet('vram_gb<=8 free>=4', { devices }), [])
})

const REFUSED: ReadonlyArray<[text: string, column: number, told: RegExp]> = [
  ['', 1, /read the end; expected a term such as vram_gb>=24/],
  ['vram_gb>>24', 8, /read ">>"; expected one of = != < <= > >=/],
  ['vram_gb=>24', 8, /read "=>"; expected >= \(did you mean that\?\)/],
  ['price == 1', 7, /read "=="; expected = \(did you mean/],
  ['vrm_gb>=24', 1, /read "vrm_gb"; expected vram_gb \(did you mean that\?\)/],
  ['colour=red', 1, /expected one of vram_gb, free/],
  ['price<0.4 locaton=DE', 11, /expected location \(did you mean/],
  ['price<', 7, /read the end; expected a value/],
  ['price<cheap', 7, /read "cheap"; expected tokens such as 0.25, with at most 6 decimals/],
  ['price<0.1234567', 7, /at most 6 decimals/],
  ['vram_gb>=24GB', 10, /read "24GB"; expected a number such as 24, without a unit/],
  ['reliability>90', 13, /expected a number from 0 to 1/],
  ['cuda>=twelve', 7, /expected a version such as 12.4/],
  ['location=EUR', 10, /or one of EU, EEA, .*\(did you mean EU\?\)/],
  ['location>DE', 9, /read ">"; expected = or != for location/],
  ['model in h100', 10, /read "h100"; expected \( before the first value/],
  ['model in (h100', 15, /read the end; expected , and another value, or \)/],
  ['model not = a', 11, /expected in after not/],
  ['price in (1, 2)', 1, /expected price with = != < <= > or >=; lists are for model/],
  ['model=h100 or model=a100', 12, /alternatives are written "model in \(h100, a100\)"/],
  ['model="h100', 7, /expected " at the end of the value as well/],
  ['price<1 ; stake>1', 9, /read ";"/],
  ['model=""', 7, /a value between the quotes/],
  ['x'.repeat(SEARCH_LIMITS.maxChars + 1), 1, /at most 1024/],
  [
    Array(SEARCH_LIMITS.maxTerms + 1)
      .fill('free>1')
      .join(' '),
    225,
    /at most 32 terms/,
  ],
]

test('an expression that is none says the column, what was read and what would be right', () => {
  for (const [text, column, told] of REFUSED) {
    try {
      parseSearch(text, 6)
      assert.unreachable(`${text} was taken`)
    } catch (error) {
      if (!(error instanceof NightshiftError)) throw error
      assert.is(error.code, 'SEARCH_INVALID')
      assert.is(error.context.column, column, `${text}: ${error.message}`)
      assert.match(error.message, told)
      const [, shown = '', mark = ''] = error.message.split('\n')
      assert.is(shown[mark.indexOf('^')] ?? '', text[column - 1] ?? '', 'the mark stands under the place')
    }
  }
})

test('no text makes the reader of expressions throw anything else, or take long', () => {
  const piece = fc.constantFrom(
    ...SEARCH_FIELDS,
    '>=',
    '<',
    '=',
    'in',
    '(',
    ')',
    ',',
    'DE',
    '24',
    '0.5',
    '"',
    "'",
    ' ',
  )
  let refused = 0
  const read = (text: string) => {
    try {
      parseSearch(text, 6)
    } catch (error) {
      assert.instance(error, NightshiftError)
      refused++
    }
  }
  fc.assert(
    fc.property(
      fc.array(piece).map((pieces) => pieces.join('')),
      read,
    ),
    { numRuns: 2_000 },
  )
  fc.assert(fc.property(fc.string({ unit: 'binary' }), read))
  for (const text of ['('.repeat(1_000), ' '.repeat(1_000), `"${'a'.repeat(1_000)}`, '='.repeat(1_000)])
    read(text)
  assert.ok(refused > 100)
})

const term = fc.oneof(
  fc.tuple(
    fc.constantFrom('vram_gb', 'free', 'gflops', 'latency_ms'),
    fc.constantFrom('=', '!=', '<', '<=', '>', '>='),
    fc.nat(40),
  ),
  fc.tuple(
    fc.constantFrom('price', 'stake', 'reliability'),
    fc.constantFrom('=', '<', '<=', '>', '>='),
    fc.constantFrom('0', '0.5', '1'),
  ),
  fc.tuple(
    fc.constantFrom('location'),
    fc.constantFrom('=', '!='),
    fc.constantFrom('DE', 'EU', 'US', 'europe'),
  ),
  fc.tuple(fc.constantFrom('model'), fc.constantFrom('=', '!='), fc.constantFrom('h100', 'rtx4090')),
  fc.tuple(fc.constantFrom('runtime'), fc.constantFrom('=', '!='), fc.constantFrom('tfjs', 'wgsl')),
)

test('the requirements that an index is asked for let every offer through that meets the expression', () => {
  let met = 0
  const offer = fc.record({
    devices: fc.array(
      fc
        .record({
          model: fc.constantFrom('NVIDIA H100', 'NVIDIA GeForce RTX 4090'),
          memoryBytes: fc.nat(40).map((gib) => BigInt(gib) * GIB),
          gpu: fc.boolean(),
          free: fc.integer({ min: 1, max: 40 }),
          gflops: fc.nat(40),
        })
        .map((device) => makeDevice(device)),
      { minLength: 1, maxLength: 3 },
    ),
    pricePerHour: fc.constantFrom(0n, 500_000n, 1_000_000n),
    stake: fc.constantFrom(0n, 500_000n, 1_000_000n),
    location: fc.constantFrom('DE-Berlin', 'US', ''),
    runtimes: fc.subarray(['tfjs', 'wgsl']),
    latencyMs: fc.nat(40),
    reliability: fc.constantFrom(0, 0.5, 1),
  })
  fc.assert(
    fc.property(offer, fc.array(term, { minLength: 1, maxLength: 3 }), (changes, written) => {
      const terms = parseSearch(written.map((parts) => parts.join('')).join(' '), 6)
      const found = makeOffer(changes)
      if (findUnmet(found, terms).length > 0) return
      met++
      const { requirements, ceilingPricePerHour } = widen(terms)
      assert.equal(findMismatches(found, requirements, ceilingPricePerHour), [])
    }),
    { numRuns: 3_000 },
  )
  assert.ok(met > 50, `${met} offers met their expression`)
})

test('a list begins with the best, and what is not known comes last', () => {
  const { latencyMs: _, ...unmeasured } = makeOffer({ peer: 'unknown' })
  const rows = [
    { offer: makeOffer({ peer: 'far', latencyMs: 90, pricePerHour: 1n }) },
    { offer: unmeasured },
    {
      offer: makeOffer({
        peer: 'near',
        latencyMs: 5,
        pricePerHour: 3n,
        devices: [makeDevice({ gflops: 1 })],
      }),
    },
  ]
  const order = (name: Parameters<typeof sortOffers>[1]) =>
    sortOffers(rows, name).map(({ offer }) => offer.peer)
  assert.equal(order('latency_ms'), ['near', 'far', 'unknown'])
  assert.equal(order('-latency_ms'), ['far', 'near', 'unknown'])
  assert.equal(order('price'), ['far', 'near', 'unknown'])
  assert.is(order('gflops').at(-1), 'near')
  for (const name of OFFER_ORDERS) assert.is(order(name).length, 3)
})

test('who promises no notice promises none, and a search may ask for one', () => {
  assert.equal(unmet('notice>=60', {}), ['notice 0 < 60'])
  assert.equal(unmet('notice>=60', { noticeS: 60 }), [])
  assert.is(widen(parseSearch('notice>=60', 6)).requirements.noticeS, 60)
})

test.run()
