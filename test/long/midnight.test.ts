import * as assert from 'uvu/assert'
import type { DemoDocument } from '../../node/demo/document.js'
import { allGone, CAN_FIND_PROCESSES, runProgram } from '../acceptance/program.js'
import { suite } from '../support/suite.js'

const test = suite('an owner who comes back at midnight')

test(
  'the job moves to the next provider and ends with the model of an undisturbed run, and both are paid',
  async () => {
    const run = runProgram(['demo', '--scenario', 'midnight', '--json'])
    try {
      const { code } = await run.exited
      assert.is(code, 0, `${run.stderr()}\n${run.stdout()}`)
      const { ok, job, bids, failover } = JSON.parse(run.stdout()) as DemoDocument
      assert.is(ok, true)
      assert.is(job.state, 'COMPLETED')
      assert.is(bids.find(({ outcome }) => outcome === 'failed')?.reason, 'PROVIDER_PAUSED')
      assert.ok(Number(failover?.continuedFrom) > 0, 'it went on from a checkpoint')
      assert.is(failover?.sameModel, true)
      if (CAN_FIND_PROCESSES) await allGone(run)
    } finally {
      run.clean()
    }
  },
  { timeoutMs: 400_000 },
)

test.run()
