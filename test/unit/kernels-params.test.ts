import fc from 'fast-check'
import * as assert from 'uvu/assert'
import { checkParams, entryCount, flops, holdsEntry, openingsFor } from '../../protocols/challenge/params.js'
import { isRefusal } from '../../protocols/errors.js'
import { suite } from '../support/suite.js'

const test = suite('proof parameters')

const REFUSED: [unknown, string][] = [
  [undefined, 'PARAMS_MALFORMED'],
  [null, 'PARAMS_MALFORMED'],
  [{ n: 64 }, 'PARAMS_MALFORMED'],
  [{ n: '64', rounds: 1 }, 'PARAMS_MALFORMED'],
  [{ n: 64.5, rounds: 1 }, 'PARAMS_MALFORMED'],
  [{ n: Number.NaN, rounds: 1 }, 'PARAMS_MALFORMED'],
  [{ n: 0, rounds: 1 }, 'N_OUT_OF_RANGE'],
  [{ n: -64, rounds: 1 }, 'N_OUT_OF_RANGE'],
  [{ n: 32_784, rounds: 1 }, 'N_OUT_OF_RANGE'],
  [{ n: 102, rounds: 1 }, 'N_NOT_A_MULTIPLE'],
  [{ n: 64, rounds: 0 }, 'ROUNDS_OUT_OF_RANGE'],
  [{ n: 64, rounds: 257 }, 'ROUNDS_OUT_OF_RANGE'],
]

test('parameters that a peer sends are refused with the reason', () => {
  for (const [value, reason] of REFUSED) {
    const found = checkParams(value)
    assert.ok(isRefusal(found), JSON.stringify(value))
    assert.is(found.refused, reason)
  }
  assert.is(REFUSED.length, 12)
})

test('good parameters come back with nothing else that the peer may have added', () => {
  assert.equal(checkParams({ n: 4096, rounds: 8, extra: 'x' }), { n: 4096, rounds: 8 })
})

test('an entry lies in the proof exactly when its round, row and column do', () => {
  const params = { n: 64, rounds: 3 }
  assert.ok(holdsEntry(params, { round: 2, row: 63, column: 15 }))
  const outside = [
    { round: 3, row: 0, column: 0 },
    { round: 0, row: 64, column: 0 },
    { round: 0, row: 0, column: 16 },
    { round: -1, row: 0, column: 0 },
    { round: 0, row: 0.5, column: 0 },
  ]
  for (const entry of outside) assert.not(holdsEntry(params, entry))
  assert.is(entryCount(params), 3 * 64 * 16)
  assert.is(flops(params), 2 * 64 ** 3 * 3)
})

test('66 openings catch a prover that skipped a tenth in 99.9 % of cases', () => {
  assert.is(openingsFor(0.9, 0.001), 66)
})

test('the number of openings is the least one that is enough', () => {
  fc.assert(
    fc.property(
      fc.double({ min: 0.01, max: 0.999, noNaN: true }),
      fc.constantFrom(0.1, 0.01, 0.001),
      (fraction, miss) => {
        const count = openingsFor(fraction, miss)
        assert.ok(fraction ** count <= miss * (1 + 1e-9))
        assert.ok(fraction ** (count - 1) > miss * (1 - 1e-9))
      },
    ),
  )
})

test.run()
