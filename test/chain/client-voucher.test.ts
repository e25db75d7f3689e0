import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import * as assert from 'uvu/assert'
import { createSigner, createVerifier } from '../../chain/client/signing.js'
import { codeOf } from '../../protocols/errors.js'
import {
  decodeVoucher,
  encodeVoucher,
  VOUCHER_BYTES,
  type Voucher,
} from '../../protocols/settlement/voucher.js'
import { MarketWorld } from '../support/escrow.js'
import { suite } from '../support/suite.js'

const test = suite('voucher')

interface Vector {
  seed: string
  lease: string
  serial: string
  amount: string
  sequence: string
  final: boolean
  message: string
  signature: string
}

const vectors: Vector[] = JSON.parse(
  readFileSync(new URL('../../../test/vectors/voucher.json', import.meta.url), 'utf8'),
)

const hex = (text: string) => new Uint8Array(Buffer.from(text, 'hex'))

function voucherOf(vector: Vector): Voucher {
  return {
    lease: hex(vector.lease),
    serial: BigInt(vector.serial),
    amount: BigInt(vector.amount),
    sequence: BigInt(vector.sequence),
    final: vector.final,
  }
}

const u64 = fc.bigInt(0n, 2n ** 64n - 1n)
const vouchers: fc.Arbitrary<Voucher> = fc.record(
  {
    lease: fc.uint8Array({ minLength: 32, maxLength: 32 }),
    serial: u64,
    amount: u64,
    sequence: u64,
    final: fc.boolean(),
  },
  { noNullPrototype: true },
)

test('the vectors are encoded, signed and decoded byte by byte', () => {
  assert.ok(vectors.length >= 4)
  for (const vector of vectors) {
    const message = encodeVoucher(voucherOf(vector))
    assert.is(Buffer.from(message).toString('hex'), vector.message)
    assert.equal(decodeVoucher(hex(vector.message)), voucherOf(vector))
    const signer = createSigner(hex(vector.seed))
    assert.is(Buffer.from(signer.sign(message)).toString('hex'), vector.signature)
    assert.ok(createVerifier(signer.publicKey.toBytes())(message, hex(vector.signature)))
  }
})

test('what is encoded is decoded again', () => {
  fc.assert(
    fc.property(vouchers, (voucher) => {
      assert.equal(decodeVoucher(encodeVoucher(voucher)), voucher)
    }),
  )
})

test('bytes that decode encode to themselves: there is one form of each voucher', () => {
  let refused = 0
  fc.assert(
    fc.property(
      vouchers,
      fc.nat(VOUCHER_BYTES - 1),
      fc.integer({ min: 1, max: 255 }),
      (voucher, at, change) => {
        const bytes = encodeVoucher(voucher)
        bytes[at]! ^= change
        try {
          assert.equal(encodeVoucher(decodeVoucher(bytes)), bytes)
        } catch (error) {
          assert.is(codeOf(error), 'VOUCHER_MALFORMED')
          refused++
        }
      },
    ),
  )
  assert.ok(refused > 10)
})

test('a field that does not fit is named', () => {
  const good = voucherOf(vectors[0]!)
  const bad: [Partial<Voucher>, string][] = [
    [{ lease: new Uint8Array(31) }, 'lease'],
    [{ amount: -1n }, 'amount'],
    [{ amount: 2n ** 64n }, 'amount'],
    [{ sequence: 2n ** 64n }, 'sequence'],
    [{ serial: -1n }, 'serial'],
  ]
  for (const [change, field] of bad) {
    try {
      encodeVoucher({ ...good, ...change })
      assert.unreachable(field)
    } catch (error) {
      assert.is(codeOf(error), 'VOUCHER_OUT_OF_RANGE')
      assert.match((error as Error).message, field)
    }
  }
})

test('a signature by another key, over other bytes, or of a wrong length does not verify', () => {
  const [first, second] = vectors
  const verify = createVerifier(createSigner(hex(first!.seed)).publicKey.toBytes())
  assert.ok(verify(hex(first!.message), hex(first!.signature)))
  assert.not(verify(hex(second!.message), hex(first!.signature)))
  assert.not(verify(hex(first!.message), hex(first!.signature).subarray(1)))
  assert.not(createVerifier(new Uint8Array(31))(hex(first!.message), hex(first!.signature)))
})

test('the escrow program reads the same fields out of the same bytes', () => {
  const world = new MarketWorld()
  const lease = world.open(world.newProvider(), world.newRenter())
  const voucher = world.voucher(lease, { amount: 123_456n, sequence: 77n })
  const outcome = world.expect(world.send(world.settling(lease, voucher), [world.payer]))
  assert.equal({ ...outcome.events[0]!.values }, { paid: 123_456n, amount: 123_456n, fee: 0n, sequence: 77n })
})

test.run()
