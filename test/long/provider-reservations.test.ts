import fc from 'fast-check'
import { leavesCapacityWhole, steps } from '../support/reservations.js'
import { suite } from '../support/suite.js'

const test = suite('reservations of a provider, at length')

test(
  'no sequence of orders, results, proposals, leases, pauses, restarts and set clocks leaks one',
  () =>
    fc.assert(
      fc.asyncProperty(steps, async (sequence) => void (await leavesCapacityWhole(sequence))),
      { numRuns: 1_000 },
    ),
  { timeoutMs: 600_000 },
)

test.run()
