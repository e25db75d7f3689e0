import fc from 'fast-check'
import * as assert from 'uvu/assert'
import { depositFor, earned, formatAmount, parseAmount, U64_MAX } from '../../protocols/money.js'
import { suite } from '../support/suite.js'

const test = suite('money')
const HOUR_MS = 3_600_000n
const price = fc.bigInt(0n, U64_MAX)
const durationS = fc.integer({ min: 1, max: 2 ** 32 - 1 })
const elapsedMs = fc.double({ min: 0, max: 2 ** 53, noNaN: true })
const decimals = fc.integer({ min: 0, max: 18 })

test('no work within the duration earns more than was deposited, even without the cap', () => {
  fc.assert(
    fc.property(price, durationS, fc.double({ min: 0, max: 1, noNaN: true }), (perHour, seconds, part) => {
      const uncapped = earned(perHour, part * seconds * 1000, 2n ** 200n)
      assert.ok(uncapped <= depositFor(perHour, seconds))
    }),
  )
})

test('what is paid out is never more than the deposit, however long the work took', () => {
  fc.assert(
    fc.property(price, durationS, elapsedMs, (perHour, seconds, elapsed) => {
      const deposit = depositFor(perHour, seconds)
      const paid = earned(perHour, elapsed, deposit)
      assert.ok(paid >= 0n && paid <= deposit)
    }),
  )
})

test('the deposit is rounded up and the pay is rounded down, each by less than one unit', () => {
  fc.assert(
    fc.property(price, durationS, (perHour, seconds) => {
      const exact = perHour * BigInt(seconds) * 1000n
      const over = depositFor(perHour, seconds) * HOUR_MS - exact
      const under = exact - earned(perHour, seconds * 1000, 2n ** 200n) * HOUR_MS
      assert.ok(over >= 0n && over < HOUR_MS)
      assert.ok(under >= 0n && under < HOUR_MS)
    }),
  )
})

test('more time never earns less', () => {
  fc.assert(
    fc.property(price, elapsedMs, elapsedMs, (perHour, a, b) => {
      const [less, more] = a < b ? [a, b] : [b, a]
      assert.ok(earned(perHour, less, U64_MAX) <= earned(perHour, more, U64_MAX))
    }),
  )
})

test('work cut into pieces is never paid more than in one piece', () => {
  fc.assert(
    fc.property(price, fc.array(fc.nat(100_000), { maxLength: 20 }), (perHour, pieces) => {
      const whole = pieces.reduce((sum, ms) => sum + ms, 0)
      const apart = pieces.reduce((sum, ms) => sum + earned(perHour, ms, 2n ** 200n), 0n)
      assert.ok(apart <= earned(perHour, whole, 2n ** 200n))
    }),
  )
})

const ODD_TIMES: ReadonlyArray<[title: string, elapsedMs: number, expected: bigint]> = [
  ['nothing', 0, 0n],
  ['negative zero', -0, 0n],
  ['a time that ran backwards', -1, 0n],
  ['a time that is no number', Number.NaN, 0n],
  ['minus infinity', Number.NEGATIVE_INFINITY, 0n],
  ['infinity', Number.POSITIVE_INFINITY, 500n],
  ['the largest number', Number.MAX_VALUE, 500n],
  ['2^53', 2 ** 53, 500n],
  ['the smallest number', Number.MIN_VALUE, 0n],
]
for (const [title, time, expected] of ODD_TIMES) {
  test(`${title} earns ${expected} of a deposit of 500`, () => {
    assert.is(earned(10n ** 9n, time, 500n), expected)
  })
}

test('a duration that is no whole number of seconds is a bug and throws', () => {
  for (const duration of [1.5, Number.NaN, Number.POSITIVE_INFINITY]) {
    assert.throws(
      () => depositFor(1n, duration),
      (error: Error) => error instanceof RangeError,
    )
  }
})

test('an amount that is written and read again is the same', () => {
  fc.assert(
    fc.property(price, decimals, (amount, digits) => {
      assert.is(parseAmount(formatAmount(amount, digits), digits), amount)
    }),
  )
})

test('an amount is written in one way only, without trailing zeros', () => {
  fc.assert(
    fc.property(fc.bigInt(-U64_MAX, U64_MAX), decimals, (amount, digits) => {
      assert.match(formatAmount(amount, digits), /^-?(?:0|[1-9]\d*)(?:\.\d*[1-9])?$/)
    }),
  )
})

test('no text makes the reader throw, and what it reads is a u64', () => {
  const almost = fc.stringMatching(/^[0-9.,eE+\-x ]{0,30}$/)
  fc.assert(
    fc.property(fc.oneof(fc.string(), almost), decimals, (text, digits) => {
      const amount = parseAmount(text, digits)
      assert.ok(amount === undefined || (amount >= 0n && amount <= U64_MAX))
    }),
  )
})

const AMOUNTS: ReadonlyArray<[text: string, decimals: number, expected: bigint | undefined]> = [
  ['0.25', 6, 250_000n],
  ['12', 6, 12_000_000n],
  [' 1.5 ', 6, 1_500_000n],
  ['0', 0, 0n],
  ['007', 0, 7n],
  ['18446744073709551615', 0, U64_MAX],
  ['18446744073709.551615', 6, U64_MAX],
  ['18446744073709551616', 0, undefined],
  ['18446744073709551615', 1, undefined],
  ['0.0000001', 6, undefined],
  ['1.0', 0, undefined],
  ['-1', 6, undefined],
  ['+1', 6, undefined],
  ['1e3', 6, undefined],
  ['0x10', 6, undefined],
  ['1_000', 6, undefined],
  ['1,5', 6, undefined],
  ['.5', 6, undefined],
  ['5.', 6, undefined],
  ['1.2.3', 6, undefined],
  ['NaN', 6, undefined],
  ['Infinity', 6, undefined],
  ['', 6, undefined],
  ['١٢', 6, undefined],
  ['1\n2', 6, undefined],
  ['9'.repeat(100_000), 6, undefined],
  [`0.${'0'.repeat(100_000)}`, 6, undefined],
]
for (const [text, digits, expected] of AMOUNTS) {
  const shown = JSON.stringify(text.length > 30 ? `${text.slice(0, 10)}… (${text.length})` : text)
  test(`${shown} with ${digits} decimals is read as ${expected ?? 'nothing'}`, () => {
    assert.is(parseAmount(text, digits), expected)
  })
}

test.run()
