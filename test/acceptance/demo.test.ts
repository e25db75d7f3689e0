import { readdirSync } from 'node:fs'
import * as assert from 'uvu/assert'
import type { DemoDocument } from '../../node/demo/document.js'
import { suite } from '../support/suite.js'
import { allGone, CAN_FIND_PROCESSES, type Run, runProgram } from './program.js'

const test = suite('demo')
const TIMEOUT = { timeoutMs: 120_000 }
const AMOUNT = /^\d+$/

async function withDemo(act: (run: Run) => Promise<void>): Promise<void> {
  const run = runProgram(['demo', '--json'])
  try {
    await act(run)
  } finally {
    run.clean()
  }
}

test(
  'the whole story holds: the cheat is caught, the cheap honest provider wins, the money adds up',
  () =>
    withDemo(async (run) => {
      const { code } = await run.exited
      assert.is(code, 0, `${run.stderr()}\n${run.stdout()}`)
      const document = JSON.parse(run.stdout()) as DemoDocument
      assert.equal(Object.keys(document), [
        'ok',
        'orderToLeaseMs',
        'bids',
        'winner',
        'challenges',
        'job',
        'chain',
      ])
      assert.is(document.ok, true)
      assert.ok(Number(document.orderToLeaseMs) > 0)
      checkAuction(document)
      checkMoney(document)
      assert.is(document.job.state, 'COMPLETED')
      assert.ok(Number(document.job.accuracy) >= 0.95, `accuracy ${document.job.accuracy}`)
      assert.equal(readdirSync(run.folder), [])
      if (CAN_FIND_PROCESSES) await allGone(run)
    }),
  TIMEOUT,
)

function checkAuction({ bids, winner, challenges }: DemoDocument): void {
  assert.is(bids.length, 5)
  for (const bid of bids) assert.match(bid.pricePerHour, AMOUNT)
  const outcomes = [...bids]
    .sort((a, b) => Number(a.pricePerHour) - Number(b.pricePerHour))
    .map(({ outcome }) => outcome)
  assert.equal(outcomes, ['failed', 'unqualified', 'won', 'lost', 'unqualified'])
  const cheat = bids.find(({ outcome }) => outcome === 'failed')!
  assert.is(bids.find(({ outcome }) => outcome === 'won')!.peer, winner)
  assert.equal(challenges, [
    { peer: cheat.peer, ok: false, reason: 'OPENING_DIFFERS' },
    { peer: winner, ok: true },
  ])
  for (const bid of bids.filter(({ outcome }) => outcome === 'unqualified')) assert.ok(bid.reason)
}

function checkMoney({ chain }: DemoDocument): void {
  const { deposited, paid, refunded } = chain
  for (const amount of [deposited, paid, refunded]) assert.match(amount, AMOUNT)
  assert.is(BigInt(deposited), BigInt(paid) + BigInt(refunded))
  assert.ok(BigInt(paid) > 0n)
  assert.ok(chain.transactions >= 4)
  assert.match(chain.slashed, AMOUNT)
  assert.ok(BigInt(chain.slashed) > 0n, 'the cheat lost stake')
}

const MOMENTS: ReadonlyArray<{ when: string; pattern: RegExp }> = [
  { when: 'while the chain starts', pattern: /^1\. / },
  { when: 'while the providers start', pattern: /^2\. /m },
  { when: 'during the auction', pattern: /order published/ },
]

if (CAN_FIND_PROCESSES) {
  for (const { when, pattern } of MOMENTS) {
    test(
      `Ctrl-C ${when} ends all of it with 130 and leaves no process and no file`,
      () =>
        withDemo(async (run) => {
          await run.seen(pattern)
          run.kill('SIGINT')
          const { code } = await run.exited
          assert.is(code, 130, run.stderr())
          assert.equal(JSON.parse(run.stdout()).error.code, 'INTERRUPTED')
          await allGone(run)
          assert.equal(readdirSync(run.folder), [])
          assert.not.match(run.stderr(), /at .*\.js:\d+/, 'no stack trace')
        }),
      TIMEOUT,
    )
  }

  test(
    'nothing outlives a demo that is killed while the job runs',
    () =>
      withDemo(async (run) => {
        await run.seen(/voucher 1 /)
        run.kill('SIGKILL')
        await run.exited
        await allGone(run)
      }),
    TIMEOUT,
  )
} else {
  test.skip('processes that are left behind', 'another process cannot be looked into on this system')
}

test.run()
