import * as assert from 'uvu/assert'
import { JobState } from '../../protocols/job/wire.js'
import { STAKE_UNITS, startCrowd } from '../support/crowd.js'
import { expectBalancedBooks, expectCleanAudits, expectWholeCapacity } from '../support/crowd-books.js'
import { suite } from '../support/suite.js'

const test = suite('a large crowd')

/** As many as two cores with other work were seen to carry (protocols/README.md, "With real nodes"); the aim is 100 and 50. */
const PEERS = 12
const AUCTIONS = 6

test(
  `${PEERS} peers hold ${AUCTIONS} auctions at the same time: no reservation leaks, every audit is clean`,
  async () => {
    const crowd = await startCrowd({ peers: PEERS })
    try {
      const manifest = crowd.manifest({ timeouts: { duration: '5m', queue: '10m' } })
      const posted = await Promise.all(
        crowd.nodes.slice(0, AUCTIONS).map(({ name }) => crowd.host(name).post(name, manifest, 'ended')),
      )
      const reports = posted.map(({ report }) => report)
      for (const { state, reason, detail } of reports) {
        assert.is(state, JobState.COMPLETED, `${reason} ${detail}`)
      }
      await expectWholeCapacity(crowd)
      const verdicts = await expectCleanAudits(crowd)
      assert.ok(verdicts > AUCTIONS * 2, `${verdicts} verdicts: results reached hardly anybody`)
      await expectBalancedBooks(crowd, reports, STAKE_UNITS)
    } finally {
      await crowd.stop()
    }
  },
  { timeoutMs: 600_000 },
)

test.run()
