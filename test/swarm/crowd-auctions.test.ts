import * as assert from 'uvu/assert'
import { JobState } from '../../protocols/job/wire.js'
import { type Crowd, STAKE_UNITS, startCrowd } from '../support/crowd.js'
import { expectBalancedBooks, expectCleanAudits, expectWholeCapacity } from '../support/crowd-books.js'
import { suite } from '../support/suite.js'

const test = suite('a crowd')

/** test/long/crowd-auctions.test.ts does the same with more. */
const PEERS = 8
const AUCTIONS = 4

test(
  'auctions at the same time: every job is done, no reservation is left, every audit is clean, the books balance',
  async () => {
    const crowd: Crowd = await startCrowd({ peers: PEERS, processes: 1 })
    try {
      const manifest = crowd.manifest()
      const posted = await Promise.all(
        crowd.nodes.slice(0, AUCTIONS).map(({ name }) => crowd.host(name).post(name, manifest, 'ended')),
      )
      const reports = posted.map(({ report }) => report)
      for (const { state, reason, detail } of reports) {
        assert.is(state, JobState.COMPLETED, `${reason} ${detail}`)
      }
      await expectWholeCapacity(crowd)
      assert.ok((await expectCleanAudits(crowd)) >= AUCTIONS)
      await expectBalancedBooks(crowd, reports, STAKE_UNITS)
    } finally {
      await crowd.stop()
    }
  },
  { timeoutMs: 200_000 },
)

test.run()
