import { MOMENTS, sweepKills } from '../support/killing.js'
import { suite } from '../support/suite.js'

const test = suite('kill and restart: the chain and the bootstrap peer')
const { awarded, leased, paid, checked } = MOMENTS

test(
  'killed under a job they cost time, and no money and no job',
  () =>
    sweepKills([
      ...[awarded, paid, checked].map((moment) => ({
        acts: [{ victim: 'chain' as const, moment: moment! }],
      })),
      { acts: [{ victim: 'bootstrap', moment: leased! }] },
    ]),
  { timeoutMs: 900_000 },
)

test.run()
