import fc from 'fast-check'
import * as assert from 'uvu/assert'
import { ceilingAt, type Ladder } from '../../protocols/auction/ladder.js'
import { digest } from '../../protocols/bytes.js'
import { compareCopies, outputsHashOf } from '../../protocols/job/copies.js'
import { suite } from '../support/suite.js'

const test = suite('price ladders and copies of a job')
const TENTH: Ladder = { step: 1_000, everyMs: 30_000, maxPricePerHour: 600_000n }

test('a tenth more every half minute, up to the top', () => {
  const at = (ms: number) => ceilingAt(400_000n, TENTH, ms)
  assert.equal([0, 29_999, 30_000, 60_000].map(at), [400_000n, 400_000n, 440_000n, 480_000n])
  assert.equal([150_000, 150_001, 1e12].map(at), [600_000n, 600_000n, 600_000n])
  assert.is(ceilingAt(400_000n, undefined, 1e9), 400_000n)
  assert.is(ceilingAt(700_000n, TENTH, 1e9), 700_000n, 'a ladder never lowers the ceiling')
  assert.is(at(Number.NaN), 400_000n)
})

test('a ladder rises with time and never passes its top', () => {
  const ladder = fc.record({
    step: fc.nat(100_000),
    everyMs: fc.nat(100_000),
    maxPricePerHour: fc.bigInt(0n, 2n ** 64n),
  })
  fc.assert(
    fc.property(fc.bigInt(1n, 2n ** 64n), ladder, fc.nat(), fc.nat(), (first, ladder, a, b) => {
      const [early, late] = a < b ? [a, b] : [b, a]
      const [low, high] = [ceilingAt(first, ladder, early), ceilingAt(first, ladder, late)]
      assert.ok(first <= low && low <= high)
      assert.ok(high === first || high <= ladder.maxPricePerHour)
    }),
  )
})

test('the same outputs have the same hash, in whatever order they were sent', () => {
  const [a, b] = ['a', 'b'].map((name) => ({ name, sha256: digest(new TextEncoder().encode(name)) }))
  assert.equal(outputsHashOf([a!, b!]), outputsHashOf([b!, a!]))
  const others = [[a!], [a!, { ...b!, name: 'c' }], [a!, { ...b!, sha256: a!.sha256 }], []]
  for (const other of others) assert.is.not(String(outputsHashOf(other)), String(outputsHashOf([a!, b!])))
})

test('the odd ones out are named where more than half agree, and nobody where no half does', () => {
  const copies = (text: string) =>
    [...text].map((letter, at) => ({ peer: `${at}`, hash: new TextEncoder().encode(letter) }))
  assert.equal(compareCopies(copies('aa')), { agreed: true, odd: [] })
  assert.equal(compareCopies(copies('ab')), { agreed: false, odd: [] })
  assert.equal(compareCopies(copies('aba')), { agreed: false, odd: ['1'] })
  assert.equal(compareCopies(copies('bbaac')), { agreed: false, odd: [] })
  assert.equal(compareCopies(copies('abaca')), { agreed: false, odd: ['1', '3'] })
  assert.equal(compareCopies([]), { agreed: true, odd: [] })
})

test.run()
