import * as assert from 'uvu/assert'
import type { JobPlan } from '../../config/manifest/plan.js'
import { judgeResult } from '../../protocols/auction/audit.js'
import type { Result } from '../../protocols/auction/wire.js'
import { toHex } from '../../protocols/bytes.js'
import { contentOf } from '../../protocols/job/content.js'
import { JobState } from '../../protocols/job/wire.js'
import type { Script } from '../support/bidder.js'
import { all, honest, honestJob, PLAN, RESULT, sum, withRenter } from '../support/deployment.js'
import { drive } from '../support/renter.js'
import { suite } from '../support/suite.js'

const test = suite('the renter asks for several providers')

const TWO: JobPlan = { ...PLAN, count: 2 }
const THREE: JobPlan = { ...PLAN, count: 3 }

/** Works as an honest provider does, and leaves this. */
const leaving =
  (result: Uint8Array): NonNullable<Script['job']> =>
  async (session, hold) => {
    hold.give(result)
    await session.receive()
    const say = (kind: object, workedMs = 0) => session.send({ index: 0, workedMs, ...kind })
    await say({ state: { state: JobState.RUNNING, reason: '', detail: '' } })
    const blob = { name: 'model.nsmodel', sha256: contentOf(result), bytes: result.length }
    await say({ output: { blobs: [blob] } }, 400)
    await say({ state: { state: JobState.COMPLETED, reason: '', detail: '' } }, 400)
    await session.receive()
  }

const refuses = () => ({ refused: 'NO_CAPACITY', detail: '', signature: new Uint8Array() })

test('the two best do the job, each paid from a lease of its own, and the results are compared', async () => {
  await withRenter(
    [honest(3_600_000n), honest(1_000_000n), honest(2_000_000n)],
    async ({ renter, clock, escrow, peers, bidders }) => {
      const results: Result[] = []
      bidders[0]!.auctions.onResult(({ result }) => void results.push(result))
      const deployment = await renter.post(TWO)
      const report = await drive(clock, deployment.result(), 100)
      assert.is(report.state, JobState.COMPLETED, `${report.reason} ${report.detail}`)
      assert.equal(
        report.copies?.map(({ peer, state }) => [peer, state]).sort(),
        [
          [peers[1], 'done'],
          [peers[2], 'done'],
        ].sort(),
      )
      assert.equal(report.comparison, { agreed: true, odd: [] })
      assert.is(new Set(report.copies?.map(({ hash }) => hash)).size, 1)
      assert.is(report.outputs.length, 2)
      assert.is(new Set(report.outputs.map(({ path }) => path)).size, 2, 'each has a folder of its own')
      for (const { bytes } of report.outputs) assert.is(bytes, RESULT.length)
      assert.is(report.settlements.length, 2)
      sum(report)
      assert.is(escrow.sent.filter((kind) => kind === 'open').length, 2, 'only for what was matched')
      assert.is(escrow.leases.size, 0)
      assert.equal(
        results.map(({ winners }) => winners.map(({ peer }) => peer)),
        [[peers[1], peers[2]]],
      )
      const events = await all(renter.events(deployment.id))
      const lines = events.filter((event) => event.kind === 'log')
      assert.equal(new Set(lines.map((event) => event.kind === 'log' && event.peer)), new Set(peers.slice(1)))
    },
  )
})

test('all or nothing: where only one qualifies, nothing is proposed, opened or paid', async () => {
  let proposed = 0
  const counting = () => {
    proposed++
    return { refused: '', detail: '', signature: new Uint8Array(64) }
  }
  await withRenter(
    [honest(1_000_000n, { sign: counting }), honest(2_000_000n, { bids: false })],
    async ({ renter, clock, escrow }) => {
      const report = await drive(clock, (await renter.post(TWO)).result(), 100)
      assert.is(report.state, JobState.FAILED)
      assert.is(report.reason, 'NO_PROVIDER')
      assert.is(proposed, 0)
      assert.equal(escrow.sent, [])
      assert.equal(report.settlements, [])
    },
  )
})

test('two of one owner, or on one host, do not count for two', async () => {
  const remotes = ['/ip4/93.184.216.34/tcp/50001']
  await withRenter(
    [
      honest(1_000_000n, { remotes }),
      honest(2_000_000n, { remotes: ['/ip4/93.184.216.34/tcp/50002'] }),
      honest(3_000_000n),
      honest(4_000_000n),
    ],
    async ({ renter, clock, escrow, peers, bidders }) => {
      const keyOf = (at: number) => bidders[at]!.network.publicKey
      escrow.owners.set(toHex(keyOf(2)), keyOf(0))
      const report = await drive(clock, (await renter.post(TWO)).result(), 100)
      assert.is(report.state, JobState.COMPLETED, `${report.reason} ${report.detail}`)
      assert.equal(report.copies?.map(({ peer }) => peer).sort(), [peers[0], peers[3]].sort())
      const more = await drive(clock, (await renter.post(THREE)).result(), 100)
      assert.is(more.state, JobState.FAILED)
      assert.is(more.copies, undefined)
    },
  )
})

test('a rival that announces another’s address keeps nobody out: what counts is where connections come from', async () => {
  const victim = '/ip4/93.184.216.34/tcp/4001'
  await withRenter(
    [
      honest(1_000_000n, { addresses: [victim], remotes: ['/ip4/198.51.100.7/tcp/50001'] }),
      honest(2_000_000n, { addresses: [victim], remotes: ['/ip4/93.184.216.34/tcp/50001'] }),
      honest(3_000_000n),
    ],
    async ({ renter, clock, peers, bidders }) => {
      const results: Result[] = []
      bidders[2]!.auctions.onResult(({ result }) => void results.push(result))
      const report = await drive(clock, (await renter.post(TWO)).result(), 100)
      assert.is(report.state, JobState.COMPLETED, `${report.reason} ${report.detail}`)
      assert.equal(report.copies?.map(({ peer }) => peer).sort(), [peers[0], peers[1]].sort())
      const shown = results[0]!.bids.map(({ hosts }) => hosts).filter((hosts) => hosts.length > 0)
      assert.equal(shown.sort(), [['198.51.100.7'], ['93.184.216.34']], 'the result shows what was counted')
    },
  )
})

test('no lease is opened before all have signed; the next best takes the place of one that does not', async () => {
  await withRenter(
    [
      honest(1_000_000n),
      honest(2_000_000n, { sign: refuses }),
      honest(3_000_000n, { sign: () => new Promise(() => {}) }),
      honest(4_000_000n),
    ],
    async ({ renter, clock, escrow, peers, bidders }) => {
      const results: Result[] = []
      bidders[0]!.auctions.onResult(({ result }) => void results.push(result))
      const deployment = await renter.post(TWO)
      const report = await drive(clock, deployment.result(), 100)
      assert.is(report.state, JobState.COMPLETED, `${report.reason} ${report.detail}`)
      const events = await all(renter.events(deployment.id))
      const at = (test: (event: (typeof events)[number]) => boolean) => events.findIndex(test)
      const lastSigned = at((event) => event.kind === 'copy' && event.copy.peer === peers[3])
      const firstOpened = at((event) => event.kind === 'leased')
      assert.ok(lastSigned >= 0 && firstOpened > lastSigned, `${lastSigned} ${firstOpened}`)
      assert.is(escrow.sent.filter((kind) => kind === 'open').length, 2)
      assert.equal(
        results.map(({ round, winners }) => [round, ...winners.map(({ peer }) => peer)]),
        [
          [0, peers[0], peers[1]],
          [1, peers[0], peers[2]],
          [2, peers[0], peers[3]],
        ],
      )
      const outcomes = new Map(report.copies?.map(({ peer, state, reason }) => [peer, reason ?? state]))
      assert.is(outcomes.get(peers[1]!), 'NO_CAPACITY')
      assert.is(outcomes.get(peers[2]!), 'PROVIDER_SILENT')
      assert.is(outcomes.get(peers[3]!), 'done')
      sum(report)
    },
  )
})

test('when too few sign, whoever has signed is not bound and nothing is deposited', async () => {
  await withRenter(
    [honest(1_000_000n), honest(2_000_000n, { sign: refuses })],
    async ({ renter, clock, escrow, peers }) => {
      const report = await drive(clock, (await renter.post(TWO)).result(), 100)
      assert.is(report.state, JobState.FAILED)
      assert.is(report.reason, 'NO_PROVIDER')
      assert.equal(escrow.sent, [])
      assert.equal(report.copies?.find(({ peer }) => peer === peers[0])?.reason, 'TOO_FEW_PROVIDERS')
    },
  )
})

test('one that fails its proof is replaced while the other works', async () => {
  await withRenter(
    [
      honest(1_000_000n),
      { pricePerHour: 2_000_000n, challenge: async (session) => void (await session.receive()) },
      honest(3_000_000n),
    ],
    async ({ renter, clock, peers }) => {
      const report = await drive(clock, (await renter.post(TWO)).result(), 100)
      assert.is(report.state, JobState.COMPLETED, `${report.reason} ${report.detail}`)
      const states = new Map(report.copies?.map(({ peer, state }) => [peer, state]))
      assert.equal(
        [...peers].map((peer) => states.get(peer)),
        ['done', 'failed', 'done'],
      )
      assert.is(report.settlements.length, 3)
      sum(report)
    },
  )
})

test('what the others left when one place cannot be filled is kept, and the job says so', async () => {
  await withRenter(
    [
      honest(1_000_000n),
      { pricePerHour: 2_000_000n, challenge: async (session) => void (await session.receive()) },
    ],
    async ({ renter, clock, peers }) => {
      const report = await drive(clock, (await renter.post(TWO)).result(), 100)
      assert.is(report.state, JobState.FAILED)
      assert.is(report.reason, 'TOO_FEW_COPIES')
      assert.equal(
        report.outputs.map(({ peer }) => peer),
        [peers[0]],
      )
      sum(report)
    },
  )
})

for (const [count, odd] of [
  [3, 1],
  [2, 0],
] as const) {
  test(`of ${count} results that differ ${odd === 1 ? 'the odd one is named' : 'none can be called wrong'}`, async () => {
    const lie = new Uint8Array(1_000).fill(6)
    const scripts = [
      honest(1_000_000n),
      { pricePerHour: 2_000_000n, job: leaving(lie) },
      { pricePerHour: 3_000_000n, job: leaving(RESULT) },
    ].slice(0, count)
    await withRenter(scripts, async ({ renter, clock, peers }) => {
      const report = await drive(clock, (await renter.post({ ...PLAN, count })).result(), 100)
      assert.is(report.state, JobState.COMPLETED, `${report.reason} ${report.detail}`)
      assert.equal(report.comparison, { agreed: false, odd: odd === 1 ? [peers[1]] : [] })
    })
  })
}

test('a job that is stopped leaves none of its leases open', async () => {
  const endless: NonNullable<Script['job']> = async (session) => {
    await session.receive()
    await session.send({
      index: 0,
      workedMs: 0,
      state: { state: JobState.RUNNING, reason: '', detail: '' },
    })
    for await (const _ of session);
  }
  await withRenter(
    [honest(1_000_000n, { job: endless }), honest(2_000_000n, { job: honestJob })],
    async ({ renter, clock, escrow }) => {
      const deployment = await renter.post(TWO)
      const following = (async () => {
        for await (const event of deployment.events()) {
          if (event.kind === 'copy' && event.copy.state === 'done') return
        }
      })()
      await drive(clock, following, 100)
      const report = await drive(clock, deployment.stop(), 200)
      assert.is(report.state, JobState.STOPPED)
      assert.is(report.settlements.length, 2)
      assert.is(escrow.leases.size, 0)
      sum(report)
    },
  )
})

test('every result of an auction for several is fair by audit', async () => {
  await withRenter(
    [honest(1_000_000n), honest(2_000_000n, { sign: refuses }), honest(3_000_000n), honest(4_000_000n)],
    async ({ renter, clock, bidders }) => {
      const { auctions } = bidders[0]!
      const commitments = new Map<string, Uint8Array>()
      const results: Result[] = []
      for (const { auctions } of bidders) {
        auctions.onCommitment(({ peer, hash }) => void commitments.set(peer, hash))
      }
      auctions.onResult(({ result }) => void results.push(result))
      const report = await drive(clock, (await renter.post(TWO)).result(), 100)
      assert.is(report.state, JobState.COMPLETED, `${report.reason} ${report.detail}`)
      const order = auctions.orders().at(-1)!
      assert.is(results.length, 2)
      assert.is(commitments.size, 4)
      const audits = await Promise.all(
        results.map((result) => judgeResult({ ...order, commitments }, result)),
      )
      assert.equal(audits[0]?.findings, [])
      // Why a winner lost its place is the renter's word alone.
      assert.equal(
        audits[1]?.findings.map(({ code }) => code),
        ['EXCLUDED'],
      )
    },
  )
})

test.run()
