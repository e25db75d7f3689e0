import fc from 'fast-check'
import * as assert from 'uvu/assert'
import { Bid } from '../../protocols/auction/wire.js'
import { U64_MAX } from '../../protocols/money.js'
import { suite } from '../support/suite.js'

const test = suite('unsigned 64-bit integers on the wire')

const bid = (pricePerHour: bigint): Bid => ({
  orderId: new Uint8Array(32),
  pricePerHour,
  salt: new Uint8Array(32).fill(255),
  payout: new Uint8Array(32),
})

test('every value that fits comes back as it was', () => {
  const edges = [1n, 7n, 14n, 28n, 31n, 32n, 35n, 53n, 63n, 64n].flatMap((bits) => [
    2n ** bits - 1n,
    ...(bits < 64n ? [2n ** bits, 2n ** bits + 1n] : []),
  ])
  const values = fc.oneof(fc.bigInt(0n, U64_MAX), fc.bigInt(0n, 2n ** 34n), fc.constantFrom(...edges))
  fc.assert(
    fc.property(values, (value) => assert.is(Bid.decode(Bid.encode(bid(value))).pricePerHour, value)),
    { numRuns: 2_000 },
  )
})

test('a value that does not fit is an error, not another value', () => {
  assert.throws(() => Bid.encode(bid(U64_MAX + 1n)), /no unsigned 64-bit integer/)
  assert.throws(() => Bid.encode(bid(-1n)), /no unsigned 64-bit integer/)
})

test.run()
