import { MOMENTS, sweepKills } from '../support/killing.js'
import { suite } from '../support/suite.js'

const test = suite('kill and restart: the provider')
const { ordered, committed, awarded, leased, proved, paid, delivered, checked } = MOMENTS

test(
  'killed at each state of a job, the money ends where it belongs, and the next job is done by it',
  () =>
    sweepKills(
      [ordered, committed, awarded, leased, proved, paid, delivered, checked].map((moment) => ({
        acts: [{ victim: 'provider', moment: moment! }],
      })),
    ),
  { timeoutMs: 900_000 },
)

test.run()
