import fc from 'fast-check'
import * as assert from 'uvu/assert'
import { depositFor, earned, U64_MAX } from '../../protocols/money.js'
import { type Claim, due, judgeVoucher, type Meter, mayGoOn } from '../../protocols/settlement/rules.js'
import { suite } from '../support/suite.js'

const test = suite('settlement rules')
const DEPOSIT = 1_000n
const BEST: Claim = { amount: 500n, sequence: 5n }

test('a higher voucher within the deposit is taken, and so is the first', () => {
  assert.is(judgeVoucher({ amount: 501n, sequence: 6n }, { best: BEST, deposit: DEPOSIT }), undefined)
  assert.is(judgeVoucher({ amount: 500n, sequence: 6n }, { best: BEST, deposit: DEPOSIT }), undefined)
  assert.is(judgeVoucher({ amount: DEPOSIT, sequence: U64_MAX }, { best: BEST, deposit: DEPOSIT }), undefined)
  assert.is(judgeVoucher({ amount: 0n, sequence: 0n }, { best: undefined, deposit: DEPOSIT }), undefined)
})

test('the same voucher again is taken: its answer was lost', () => {
  assert.is(judgeVoucher({ ...BEST }, { best: BEST, deposit: DEPOSIT }), undefined)
})

type Judged = NonNullable<ReturnType<typeof judgeVoucher>>['refused']
const REFUSED: Readonly<Record<Judged, readonly Claim[]>> = {
  ABOVE_DEPOSIT: [
    { amount: DEPOSIT + 1n, sequence: 6n },
    { amount: U64_MAX, sequence: U64_MAX },
    { amount: DEPOSIT + 1n, sequence: 0n },
  ],
  NOT_HIGHER: [
    { amount: 600n, sequence: 5n },
    { amount: 600n, sequence: 4n },
    { amount: 499n, sequence: 6n },
    { amount: 499n, sequence: U64_MAX },
    { amount: 499n, sequence: 5n },
    { amount: 500n, sequence: 4n },
    { amount: 0n, sequence: 0n },
  ],
}
for (const [reason, rows] of Object.entries(REFUSED)) {
  test(`${reason} is what ${rows.length} vouchers are refused for`, () => {
    assert.ok(rows.length > 0)
    for (const voucher of rows) {
      assert.is(judgeVoucher(voucher, { best: BEST, deposit: DEPOSIT })?.refused, reason)
    }
  })
}

const claim = fc.record({ amount: fc.bigInt(0n, 1_200n), sequence: fc.bigInt(0n, 30n) })

test('no sequence of vouchers lowers what is held, or raises it above the deposit', () => {
  fc.assert(
    fc.property(fc.array(claim, { maxLength: 40 }), (vouchers) => {
      let best: Claim | undefined
      for (const voucher of vouchers) {
        if (judgeVoucher(voucher, { best, deposit: DEPOSIT }) !== undefined) continue
        if (best !== undefined) {
          assert.ok(voucher.amount >= best.amount && voucher.sequence >= best.sequence)
          assert.ok(voucher.sequence > best.sequence || voucher.amount === best.amount)
        }
        best = voucher
        assert.ok(best.amount <= DEPOSIT)
      }
    }),
  )
})

const meter: fc.Arbitrary<Meter & { durationS: number }> = fc
  .record({
    pricePerHour: fc.bigInt(1n, 10n ** 12n),
    durationS: fc.integer({ min: 1, max: 86_400 }),
    sliceMs: fc.integer({ min: 100, max: 60_000 }),
  })
  .map((given) => ({ ...given, deposit: depositFor(given.pricePerHour, given.durationS) }))

test('a provider that goes on is never more than a slice and a half unpaid', () => {
  fc.assert(
    fc.property(
      meter,
      fc.nat(2 * 86_400_000),
      fc.double({ min: 0, max: 1, noNaN: true }),
      (given, ms, part) => {
        const paid = (given.deposit * BigInt(Math.floor(part * 1_000))) / 1_000n
        if (!mayGoOn(given, ms, paid)) return
        const owed = earned(given.pricePerHour, ms, U64_MAX)
        const ahead = earned(given.pricePerHour, given.sliceMs * 1.5, U64_MAX)
        assert.ok(owed - paid <= ahead + 2n, `${owed} - ${paid} > ${ahead}`)
      },
    ),
    { numRuns: 1_000 },
  )
})

test('a provider that is paid for every slice on time goes on to the end of the lease', () => {
  let slices = 0
  fc.assert(
    fc.property(meter, (given) => {
      const step = Math.max(given.sliceMs, Math.ceil((given.durationS * 1000) / 50))
      const coarse = { ...given, sliceMs: step }
      for (let ms = 0; ms <= given.durationS * 1000; ms += step) {
        slices++
        assert.ok(mayGoOn(coarse, ms + step, due(coarse, ms)))
      }
    }),
  )
  assert.ok(slices > 100)
})

test('without a voucher it stops after the first slice and its grace', () => {
  const given = { pricePerHour: 3_600_000n, deposit: 3_600_000n, sliceMs: 1_000 }
  assert.ok(mayGoOn(given, 1_500, 0n))
  assert.not.ok(mayGoOn(given, 1_502, 0n))
})

test('a lease that is paid in full does not buy more time than it covers', () => {
  const given = { pricePerHour: 3_600_000n, deposit: depositFor(3_600_000n, 60), sliceMs: 1_000 }
  assert.ok(mayGoOn(given, 60_000, given.deposit))
  assert.not.ok(mayGoOn(given, 62_000, given.deposit))
  assert.not.ok(mayGoOn(given, Number.MAX_SAFE_INTEGER, given.deposit))
})

test('what is owed follows the work and ends at the deposit', () => {
  fc.assert(
    fc.property(meter, fc.maxSafeNat(), fc.maxSafeNat(), (given, a, b) => {
      const [less, more] = a < b ? [a, b] : [b, a]
      assert.ok(due(given, less) <= due(given, more))
      assert.ok(due(given, more) <= given.deposit)
    }),
  )
})

test.run()
