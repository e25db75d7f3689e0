import fc from 'fast-check'
import * as assert from 'uvu/assert'
import { ASKED, EVERY_KIND, steps } from '../support/escrow-books.js'
import { Model } from '../support/escrow-model.js'
import { suite } from '../support/suite.js'

const test = suite('the escrow program beside a model of it, for long')

const seed = Number(process.env.NIGHTSHIFT_SEED ?? Date.now() % 2 ** 31)
const runs = Number(process.env.NIGHTSHIFT_RUNS ?? 300)

test(
  `${runs} sequences of up to 150 steps; to see a failure again, run with NIGHTSHIFT_SEED=${seed}`,
  () => {
    const taken = new Map<string, number>()
    let count = 0
    console.log(`NIGHTSHIFT_SEED=${seed}`)
    const add = (model: Model) => {
      for (const [kind, times] of model.taken) taken.set(kind, (taken.get(kind) ?? 0) + times)
    }
    const directed = new Model()
    for (const step of EVERY_KIND) directed.run(step)
    add(directed)
    fc.assert(
      fc.property(fc.array(steps, { minLength: 50, maxLength: 150, size: 'max' }), (sequence) => {
        const model = new Model()
        for (const step of sequence) model.run(step)
        add(model)
        count += sequence.length
      }),
      { numRuns: runs, seed },
    )
    console.log(`${count} steps`, Object.fromEntries(taken))
    assert.ok(count >= 50 * runs)
    assert.equal([...taken.keys()].sort(), [...ASKED].sort(), 'every kind of step was taken at least once')
  },
  { timeoutMs: 1_400_000 },
)

test.run()
