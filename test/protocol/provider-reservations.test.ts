import fc from 'fast-check'
import * as assert from 'uvu/assert'
import { leavesCapacityWhole, type Reached, type Step, steps } from '../support/reservations.js'
import { suite } from '../support/suite.js'

const test = suite('reservations of a provider')
const RUNS = 24

test(
  'no sequence of orders, results, proposals, leases, pauses, restarts and set clocks leaks one',
  async () => {
    const reached: Reached = { bids: 0, won: 0, signed: 0, opened: 0 }
    const keeps = async (sequence: Step[]) => {
      const more = await leavesCapacityWhole(sequence)
      for (const name of Object.keys(reached) as Array<keyof Reached>) reached[name] += more[name]
    }
    await fc.assert(fc.asyncProperty(steps, keeps), { numRuns: RUNS })
    assert.ok(
      Object.values(reached).every((count) => count > 0),
      JSON.stringify(reached),
    )
  },
  { timeoutMs: 120_000 },
)

const life = (length: number): Step[] =>
  (
    [
      { kind: 'order', answer: 'taken' },
      { kind: 'result', of: 0, winner: 'self', round: 0 },
      { kind: 'propose', of: 0 },
      { kind: 'open', of: 0 },
    ] satisfies Step[]
  ).slice(0, length)

const NAMED: ReadonlyArray<[string, Step[]]> = [
  ['a renter that never awards', life(1)],
  ['a renter that awards and never proposes', life(2)],
  ['a renter that takes the signature and never opens the lease', life(3)],
  ['the same, when the time of day is put back by an hour', [...life(3), { kind: 'clock', ms: -3_600_000 }]],
  ['the same, when the provider is started again', [...life(3), { kind: 'restart' }]],
  ['a renter that opens the lease and is gone', life(4)],
  ['a renter that cannot be reached for the bid', [{ kind: 'order', answer: 'silent' }]],
  ['a result that is replayed after the award', [...life(2), ...life(2).slice(1), ...life(2).slice(1)]],
]
for (const [name, sequence] of NAMED) {
  test(`its devices are free again after ${name}`, async () => void (await leavesCapacityWhole(sequence)))
}

test.run()
