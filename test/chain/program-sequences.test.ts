import fc from 'fast-check'
import * as assert from 'uvu/assert'
import { ASKED, EVERY_KIND, steps } from '../support/escrow-books.js'
import { Model } from '../support/escrow-model.js'
import { suite } from '../support/suite.js'

const test = suite('the escrow program beside a model of it')

/** Set to the seed that a failing run printed to see it again. The long run is in test/long/. */
const seed = Number(process.env.NIGHTSHIFT_SEED ?? 20261120)

test('every kind of step is refused where it must be, and taken where it must be', () => {
  const model = new Model()
  for (const step of EVERY_KIND) model.run(step)
  for (const kind of ASKED) {
    assert.ok((model.taken.get(kind) ?? 0) > 0, `${kind} was never taken`)
    assert.ok((model.refused.get(kind) ?? 0) > 0, `${kind} was never refused`)
  }
})

test(
  'random steps by right and wrong signers, with jumps of the clock: every balance is what the model says',
  () => {
    const taken = new Map<string, number>()
    const refused = new Map<string, number>()
    fc.assert(
      fc.property(fc.array(steps, { minLength: 20, maxLength: 80, size: 'max' }), (sequence) => {
        const model = new Model()
        for (const step of sequence) model.run(step)
        for (const [kind, count] of model.taken) taken.set(kind, (taken.get(kind) ?? 0) + count)
        for (const [kind, count] of model.refused) refused.set(kind, (refused.get(kind) ?? 0) + count)
      }),
      { numRuns: 20, seed },
    )
    assert.ok(taken.size > 10 && refused.size > 10, 'the steps are of many kinds')
    console.log(`seed ${seed}\ntaken`, Object.fromEntries(taken), '\nrefused', Object.fromEntries(refused))
  },
  { timeoutMs: 120_000 },
)

test.run()
