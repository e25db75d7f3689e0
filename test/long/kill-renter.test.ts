import { MOMENTS, sweepKills } from '../support/killing.js'
import { suite } from '../support/suite.js'

const test = suite('kill and restart: the renter')
const { ordered, committed, awarded, leased, proved, paid, delivered, checked } = MOMENTS

for (const [part, moments] of [
  ['while a provider is sought', [ordered, committed, awarded, leased]],
  ['while the job runs and ends', [proved, paid, delivered, checked]],
] as const) {
  test(
    `killed at each state ${part}, it finds its job again, and the money ends where it belongs`,
    () => sweepKills(moments.map((moment) => ({ acts: [{ victim: 'renter', moment: moment! }] }))),
    { timeoutMs: 900_000 },
  )
}

test.run()
