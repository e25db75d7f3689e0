import * as assert from 'uvu/assert'
import type { DemoDocument } from '../../node/demo/document.js'
import { suite } from '../support/suite.js'
import { allGone, CAN_FIND_PROCESSES, type Run, runProgram } from './program.js'

/**
 * `kill -9` of each process of the demo. Whatever happens to the job, the end is told, the exit code says whether all
 * held, and the demo's own look at the chain finds every unit of money where it belongs.
 */
const test = suite('kill')
const TIMEOUT = { timeoutMs: 180_000 }

const CHAIN = /main\.js chain start/
const BOOTSTRAP = /bootstrap\/config\.json/
const RENTER = /job post/
const WINNER = /cheap\/config\.json/
const LOSER = /dear\/config\.json/

async function withDemo(act: (run: Run) => Promise<void>): Promise<void> {
  const run = runProgram(['demo', '--json'])
  try {
    await act(run)
    await allGone(run)
  } finally {
    run.clean()
  }
}

function kill(run: Run, pattern: RegExp): void {
  process.kill(run.find(pattern), 'SIGKILL')
}

/** The claims about money are judged by the balances on the chain. */
function checkMoneyIsKept(run: Run): DemoDocument {
  assert.match(run.stderr(), /ok {4}no money was made or lost/)
  assert.match(run.stderr(), /ok {4}no lease is left open/)
  const document = JSON.parse(run.stdout()) as DemoDocument
  const { deposited, paid, refunded } = document.chain
  assert.is(BigInt(deposited), BigInt(paid) + BigInt(refunded))
  return document
}

if (CAN_FIND_PROCESSES) {
  test(
    'chain, bootstrap peer and a losing provider may die: the chain comes back and the job is completed all the same',
    () =>
      withDemo(async (run) => {
        // In the middle of the auction, when those are in it that the story needs.
        await run.seen(/cheat committed/)
        kill(run, BOOTSTRAP)
        kill(run, LOSER)
        await run.seen(/voucher 1 /)
        kill(run, CHAIN)
        const { code } = await run.exited
        assert.is(code, 0, run.stderr())
        const document = checkMoneyIsKept(run)
        assert.is(document.job.state, 'COMPLETED')
      }),
    TIMEOUT,
  )

  test(
    'when the winner dies the next bidder does the job, and only work is paid for',
    () =>
      withDemo(async (run) => {
        await run.seen(/voucher 1 /)
        kill(run, WINNER)
        const { code } = await run.exited
        assert.is(code, 1, run.stderr())
        const document = checkMoneyIsKept(run)
        assert.is(document.ok, false)
        assert.is(document.job.state, 'COMPLETED', run.stderr())
      }),
    TIMEOUT,
  )

  test(
    'when the renter dies another process on its data directory goes on with the job, to its end',
    () =>
      withDemo(async (run) => {
        await run.seen(/voucher 1 /)
        kill(run, RENTER)
        const { code } = await run.exited
        const document = checkMoneyIsKept(run)
        assert.is(document.job.state, 'COMPLETED', run.stderr())
        assert.is(code, 0, run.stderr())
      }),
    TIMEOUT,
  )
} else {
  test.skip('kill -9 of each process', 'another process cannot be looked into on this system')
}

test.run()
