import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import * as assert from 'uvu/assert'
import { toHex } from '../../protocols/bytes.js'
import {
  decodeReceipt,
  encodeReceipt,
  RECEIPT_BYTES,
  RECEIPT_DOMAIN,
  type Receipt,
} from '../../protocols/challenge/receipt.js'
import { type ChallengeFailure, isLie } from '../../protocols/challenge/rules.js'
import { suite } from '../support/suite.js'

const test = suite('challenge rules')

const key = fc.uint8Array({ minLength: 32, maxLength: 32 })
const timeMs = fc.maxSafeNat()
const u32 = fc.integer({ min: 0, max: 2 ** 32 - 1 })
const PLAIN = { noNullPrototype: true }
const receipt: fc.Arbitrary<Receipt> = fc.record(
  {
    market: key,
    lease: key,
    provider: key,
    asker: key,
    seed: key,
    params: fc.record({ n: u32, rounds: u32 }, PLAIN),
    root: key,
    startedMs: timeMs,
    endedMs: timeMs,
  },
  PLAIN,
)

interface Vector {
  fields: Record<'market' | 'lease' | 'provider' | 'asker' | 'seed' | 'root', string> &
    Record<'n' | 'rounds' | 'startedMs' | 'endedMs', number>
  bytes: string
}
const vector = JSON.parse(
  readFileSync(new URL('../../../test/vectors/receipt.json', import.meta.url), 'utf8'),
) as Vector
const bytesOf = (hex: string) => new Uint8Array(Buffer.from(hex, 'hex'))
const { fields } = vector
const known: Receipt = {
  market: bytesOf(fields.market),
  lease: bytesOf(fields.lease),
  provider: bytesOf(fields.provider),
  asker: bytesOf(fields.asker),
  seed: bytesOf(fields.seed),
  params: { n: fields.n, rounds: fields.rounds },
  root: bytesOf(fields.root),
  startedMs: fields.startedMs,
  endedMs: fields.endedMs,
}

test('a receipt has the bytes that the escrow program reads', () => {
  assert.is(toHex(encodeReceipt(known)), vector.bytes)
  assert.equal(decodeReceipt(bytesOf(vector.bytes)), known)
})

test('what was written is read again, also from the middle of a buffer', () => {
  fc.assert(
    fc.property(receipt, fc.nat(9), (given, offset) => {
      const bytes = encodeReceipt(given)
      const padded = new Uint8Array(offset + bytes.length + 3)
      padded.set(bytes, offset)
      assert.equal(decodeReceipt(bytes), given)
      assert.equal(decodeReceipt(padded.subarray(offset, offset + bytes.length)), given)
    }),
  )
})

test('any 248 bytes that are read are written again as they were', () => {
  const domain = encodeReceipt(known).subarray(0, 32)
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 216, maxLength: 216 }), (rest) => {
      const bytes = Uint8Array.of(...domain, ...rest)
      const read = decodeReceipt(bytes)
      if (read !== undefined) assert.equal(encodeReceipt(read), bytes)
    }),
  )
})

test('times that a number cannot hold are not read', () => {
  for (const offset of [232, 240]) {
    const bytes = encodeReceipt(known)
    new DataView(bytes.buffer).setBigUint64(offset, 2n ** 53n, true)
    assert.is(decodeReceipt(bytes), undefined)
    new DataView(bytes.buffer).setBigUint64(offset, 2n ** 64n - 1n, true)
    assert.is(decodeReceipt(bytes), undefined)
  }
})

test('any other length is no receipt', () => {
  const bytes = Uint8Array.of(...encodeReceipt(known), ...encodeReceipt(known))
  for (let length = 0; length <= bytes.length; length++) {
    const read = decodeReceipt(bytes.subarray(0, length))
    assert.is(read === undefined, length !== RECEIPT_BYTES)
  }
})

test('any other domain is no receipt, not even one that differs in its padding', () => {
  for (let at = 0; at < 32; at++) {
    const bytes = encodeReceipt(known)
    bytes[at]! ^= 1
    assert.is(decodeReceipt(bytes), undefined)
  }
  assert.ok(RECEIPT_DOMAIN.length < 32)
})

const UNFIT: ReadonlyArray<[title: string, field: string, changes: Partial<Receipt>]> = [
  ['a short key', 'provider', { provider: new Uint8Array(31) }],
  ['a long seed', 'seed', { seed: new Uint8Array(33) }],
  ['an empty lease', 'lease', { lease: new Uint8Array(0) }],
  ['n beyond a u32', 'n', { params: { n: 2 ** 32, rounds: 1 } }],
  ['n that is no whole number', 'n', { params: { n: 1.5, rounds: 1 } }],
  ['n that is no number', 'n', { params: { n: Number.NaN, rounds: 1 } }],
  ['negative rounds', 'rounds', { params: { n: 1, rounds: -1 } }],
  ['a time before 1970', 'startedMs', { startedMs: -1 }],
  ['a time that is no number', 'endedMs', { endedMs: Number.NaN }],
  ['an infinite time', 'endedMs', { endedMs: Number.POSITIVE_INFINITY }],
  ['a time of 2^53', 'startedMs', { startedMs: 2 ** 53 }],
]
for (const [title, field, changes] of UNFIT) {
  test(`${title} is not written into a receipt`, () => {
    assert.throws(
      () => encodeReceipt({ ...known, ...changes }),
      (error: Error) => error instanceof RangeError && error.message.startsWith(`${field} must`),
    )
  })
}

const LIES: Readonly<Record<ChallengeFailure, boolean>> = {
  DECLINED: false,
  RECEIPT_MALFORMED: false,
  RECEIPT_DIFFERS: true,
  RECEIPT_BAD_SIGNATURE: true,
  OPENING_MISSING: false,
  OPENING_MALFORMED: false,
  OPENING_OUTSIDE_ROOT: true,
  OPENING_DIFFERS: true,
  RECALL_MISSING: false,
  RECALL_MALFORMED: false,
  RECALL_DIFFERS: true,
  RECALL_BAD_SIGNATURE: true,
  FOLD_MISSING: false,
  FOLD_MALFORMED: false,
  FOLD_OUTSIDE_ROOT: true,
  FOLD_DIFFERS: true,
  TOO_SLOW: false,
  UNREACHABLE: false,
}
for (const [failure, lie] of Object.entries(LIES) as Array<[ChallengeFailure, boolean]>) {
  test(`${failure} ${lie ? 'proves a lie' : 'is a fault, and proves no lie'}`, () => {
    assert.is(isLie(failure), lie)
  })
}

test.run()
