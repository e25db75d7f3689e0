import fc from 'fast-check'
import * as assert from 'uvu/assert'
import { orderIdOf } from '../../protocols/auction/rules.js'
import { Order, type Result } from '../../protocols/auction/wire.js'
import { toHex } from '../../protocols/bytes.js'
import { judgeProposal, termsHashOf } from '../../protocols/lease/rules.js'
import { Terms } from '../../protocols/lease/wire.js'
import { U64_MAX } from '../../protocols/money.js'
import { fill, makeResult as makeEmptyResult, makeOrder } from '../support/messages.js'
import { suite } from '../support/suite.js'

const test = suite('lease rules')
type Facts = Parameters<typeof judgeProposal>[1]

const order = makeOrder()
const orderId = orderIdOf('renter', Order.encode(order))

function makeResult(changes: Partial<Result> = {}): Result {
  return makeEmptyResult({ orderId, winner: 'provider', pricePerHour: 250_000n, ...changes })
}

function makeTerms(changes: Partial<Terms> = {}): Terms {
  return {
    market: order.market,
    orderId,
    provider: 'provider',
    renter: 'renter',
    wallet: order.wallet,
    pricePerHour: 500_000n,
    durationS: order.durationS,
    sliceMs: order.sliceMs,
    jobHash: order.jobHash,
    devices: 2,
    ...changes,
  }
}

const FACTS: Facts = {
  order,
  orderId,
  result: makeResult(),
  self: 'provider',
  renter: 'renter',
  devices: 2,
  bidPricePerHour: 250_000n,
}

const judge = (terms: Partial<Terms>, facts: Partial<Facts> = {}) =>
  judgeProposal(makeTerms(terms), { ...FACTS, ...facts })

test('terms that say what order, bid and result say may be signed, also at a better price', () => {
  assert.is(judge({}), undefined)
  assert.is(judge({}, { bidPricePerHour: 249_999n }), undefined)
})

const OTHER: Readonly<Required<Terms>> = {
  market: fill(32, 9),
  orderId: fill(32, 9),
  provider: 'other',
  renter: 'other',
  wallet: fill(32, 9),
  pricePerHour: 499_999n,
  durationS: 3_601,
  sliceMs: 10_001,
  jobHash: fill(32, 9),
  devices: 3,
}
const FIELDS = Object.keys(OTHER) as Array<keyof Terms>

type Judged = NonNullable<ReturnType<typeof judgeProposal>>['refused']
const REFUSED: Readonly<Record<Judged, ReadonlyArray<ReturnType<typeof judgeProposal>>>> = {
  NOT_THE_WINNER: [
    judge({}, { result: makeResult({ winner: 'other' }) }),
    judge({}, { result: makeResult({ winner: '' }) }),
    judge({}, { result: makeResult({ orderId: fill(32, 9) }) }),
    judge({}, { result: makeResult({ orderId: new Uint8Array(0) }) }),
  ],
  PRICE_BELOW_BID: [
    judge({}, { bidPricePerHour: 250_001n }),
    judge({ pricePerHour: 0n }, { result: makeResult({ pricePerHour: 0n }) }),
  ],
  TERMS_DIFFER: [
    ...FIELDS.map((field) => judge({ [field]: OTHER[field] })),
    judge({ pricePerHour: 0n }),
    judge({ pricePerHour: 250_000n }),
    judge({ pricePerHour: U64_MAX }),
    judge({ wallet: new Uint8Array(0) }),
    judge({ renter: '' }),
    judge({ durationS: Number.NaN }),
    judge({}, { devices: 1 }),
    // Twice the price overflows a u64: no encoding of it can be what was ordered.
    judge({ pricePerHour: U64_MAX - 1n }, { result: makeResult({ pricePerHour: U64_MAX }) }),
  ],
}
for (const [reason, refusals] of Object.entries(REFUSED)) {
  test(`${reason} is what ${refusals.length} proposals are refused for`, () => {
    assert.ok(refusals.length > 0)
    refusals.forEach((refusal, index) => {
      assert.is(refusal?.refused, reason, `row ${index}`)
    })
  })
}

test('each field of the terms that differs is named', () => {
  const details = FIELDS.map((field) => judge({ [field]: OTHER[field] })?.detail)
  assert.is(new Set(details).size, FIELDS.length)
})

test('the hash of the terms changes with every field', () => {
  const hashes = FIELDS.map((field) => toHex(termsHashOf(makeTerms({ [field]: OTHER[field] }))))
  assert.is(new Set([...hashes, toHex(termsHashOf(makeTerms()))]).size, FIELDS.length + 1)
})

const terms: fc.Arbitrary<Terms> = fc.record(
  {
    market: fc.uint8Array({ maxLength: 32 }),
    orderId: fc.uint8Array({ maxLength: 32 }),
    provider: fc.string({ unit: 'grapheme', maxLength: 10 }),
    renter: fc.string({ unit: 'grapheme', maxLength: 10 }),
    wallet: fc.uint8Array({ maxLength: 32 }),
    pricePerHour: fc.bigInt(0n, U64_MAX),
    durationS: fc.integer({ min: 0, max: 2 ** 32 - 1 }),
    sliceMs: fc.integer({ min: 0, max: 2 ** 32 - 1 }),
    jobHash: fc.uint8Array({ maxLength: 32 }),
    devices: fc.integer({ min: 0, max: 2 ** 32 - 1 }),
  },
  { noNullPrototype: true },
)

test('both sides hash the same terms, before and after they travelled', () => {
  fc.assert(
    fc.property(terms, (given) => {
      assert.equal(Terms.decode(Terms.encode(given)), given)
      assert.equal(termsHashOf(Terms.decode(Terms.encode(given))), termsHashOf(given))
    }),
  )
})

test('different terms have different hashes', () => {
  fc.assert(
    fc.property(terms, terms, fc.constantFrom(...FIELDS), (a, b, field) => {
      const mixed = { ...a, [field]: b[field] }
      const same = toHex(Terms.encode(a)) === toHex(Terms.encode(mixed))
      assert.is(toHex(termsHashOf(a)) === toHex(termsHashOf(mixed)), same)
    }),
  )
})

test.run()
