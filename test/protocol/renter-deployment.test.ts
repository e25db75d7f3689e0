import * as assert from 'uvu/assert'
import type { JobPlan } from '../../config/manifest/plan.js'
import type { DeploymentEvent } from '../../node/renter/event.js'
import { toHex } from '../../protocols/bytes.js'
import { NightshiftError } from '../../protocols/errors.js'
import { JobState } from '../../protocols/job/wire.js'
import { solanaKeyOf } from '../../protocols/peer.js'
import type { Script } from '../support/bidder.js'
import { until, type VirtualClock } from '../support/clock.js'
import { all, honest, PLAN, sum, withRenter } from '../support/deployment.js'
import type { MemoryNetwork } from '../support/memory.js'
import { fill } from '../support/messages.js'
import { answer, PARAMS } from '../support/proof.js'
import { drive } from '../support/renter.js'
import { suite } from '../support/suite.js'

const test = suite('the renter deploys a job')

/** Enough entries are opened that one wrong in four is among them. */
const ALL_OPENED: JobPlan = { ...PLAN, verify: { challenge: { ...PARAMS, openings: 200 } } }

test('the cheapest fails its challenge, the next one does the job, and every deposit comes back or is paid', async () => {
  await withRenter(
    [
      honest(3_600_000n),
      { pricePerHour: 1_000_000n, challenge: async (session) => void (await session.receive()) },
    ],
    async ({ renter, clock, escrow, peers, noted }) => {
      const deployment = await renter.post(PLAN)
      const following = all(deployment.events())
      const report = await drive(clock, deployment.result(), 100)
      assert.is(report.state, JobState.COMPLETED, `${report.reason} ${report.detail}`)
      assert.is(report.winner, peers[0])
      assert.equal(
        report.challenges.map(({ peer, ok, reason }) => [peer, ok, reason]),
        [
          [peers[1], false, 'DECLINED'],
          [peers[0], true, undefined],
        ],
      )
      assert.equal(
        new Map(report.bids.map(({ peer, outcome }) => [peer, outcome])),
        new Map([
          [peers[1]!, 'failed'],
          [peers[0]!, 'won'],
        ]),
      )
      assert.is(report.settlements.length, 2)
      sum(report)
      const refund = report.settlements.find(({ peer }) => peer === peers[1])
      assert.is(refund?.paid, 0n)
      assert.is(report.settlements.find(({ peer }) => peer === peers[0])?.paid, 400n)
      assert.is(escrow.leases.size, 0)
      const events = await following
      const kinds = events.map(({ kind }) => kind)
      for (const kind of [
        'ordered',
        'committed',
        'bid',
        'awarded',
        'leased',
        'challenged',
        'standing-lost',
        'output',
      ])
        assert.ok(kinds.includes(kind as DeploymentEvent['kind']), kind)
      assert.equal(await all(renter.events(deployment.id)), events, 'the store tells the same story')
      assert.equal(await renter.job(deployment.id), report)
      assert.equal(noted(peers[0]), { 'challenge-passed': 1, completed: 1 })
      assert.equal(noted(peers[1]), { 'challenge-failed': 1 }, 'once, though it lost its standing too')
    },
  )
})

/** The cheapest of all: signs a proof in which one entry in four is off by one. */
const liar = (hub: { network: () => MemoryNetwork }): Script => ({
  pricePerHour: 1_000_000n,
  challenge: (session) =>
    answer(session, hub.network(), solanaKeyOf(session.peer), {
      digest: (rows) => {
        for (const row of rows) row[0]! ^= 1
      },
    }),
})

const slashesIn = (events: DeploymentEvent[]) => events.filter(({ kind }) => kind === 'slashed')

test('a liar is slashed by its own receipt while the next provider works, and no window is waited for', async () => {
  const self: { network?: MemoryNetwork } = {}
  await withRenter(
    [honest(3_600_000n), liar({ network: () => self.network! })],
    async ({ renter, clock, escrow, peers, bidders }) => {
      self.network = bidders[1]!.network
      const deployment = await renter.post(ALL_OPENED)
      const report = await drive(clock, deployment.result(), 100)
      assert.is(report.state, JobState.COMPLETED, `${report.reason} ${report.detail}`)
      assert.is(report.challenges[0]?.reason, 'OPENING_DIFFERS')
      const [slash] = report.slashes
      assert.equal(report.slashes.length, 1)
      assert.is(slash?.peer, peers[1])
      assert.is(slash?.amount, 500n)
      assert.is(slash?.bounty, 50n)
      assert.is(escrow.stakes.get(toHex(self.network.publicKey)), 500n)
      assert.equal(slash?.transactions, ['slash-2'])
      const refund = report.settlements.find(({ peer }) => peer === peers[1])
      assert.is(slash?.lease, refund?.lease)
      assert.is(refund?.refunded, refund?.deposited)
      assert.is(escrow.sent.includes('cancel'), false, 'a void lease ends at once')
      sum(report)
      const events = await all(renter.events(deployment.id))
      assert.is(slashesIn(events).length, 1)
      assert.equal(await renter.job(deployment.id), report)
    },
  )
})

/** Signs a root of nothing, so that there is nothing that it could open. */
const mute = (self: { network?: MemoryNetwork }): Script => ({
  pricePerHour: 1_000_000n,
  challenge: (session) =>
    answer(session, self.network!, solanaKeyOf(session.peer), { receipt: { root: fill(32, 1) } }),
})

test('what a provider signed and does not open is demanded before its lease is ended, and its silence punished later', async () => {
  const self: { network?: MemoryNetwork } = {}
  await withRenter(
    [honest(3_600_000n), mute(self)],
    async ({ renter, restart, clock, escrow, peers, bidders }) => {
      self.network = bidders[1]!.network
      const deployment = await renter.post(PLAN)
      const report = await drive(clock, deployment.result(), 100)
      assert.is(report.state, JobState.COMPLETED, `${report.reason} ${report.detail}`)
      assert.is(report.challenges[0]?.reason, 'OPENING_OUTSIDE_ROOT')
      assert.is(escrow.sent.filter((kind) => kind === 'demand').length, 1)
      assert.ok(
        escrow.sent.indexOf('demand') < escrow.sent.indexOf('cancel'),
        'the lease must be open for it',
      )
      assert.equal(report.slashes, [])
      sum(report)
      const slash = { transactions: ['silence'], slashed: 40n, compensation: 0n, bounty: 0n }
      for (const key of escrow.demandStates.keys()) escrow.demandStates.set(key, { state: 'slashed', slash })
      const again = await restart()
      await drive(
        clock,
        until(async () => (await again.job(deployment.id))?.slashes.length === 1),
        60_000,
      )
      const [punished] = (await again.job(deployment.id))!.slashes
      assert.is(punished?.peer, peers[1])
      assert.is(punished?.amount, 40n)
    },
  )
})

test('who passes the first proof and lies in a later one is caught while it works, and the next one does the job', async () => {
  const world: { network?: MemoryNetwork; honest?: MemoryNetwork; clock?: VirtualClock } = {}
  let proofs = 0
  const cheat: Script = {
    pricePerHour: 1_000_000n,
    challenge: (session) =>
      answer(session, world.network!, solanaKeyOf(session.peer), {
        receipt: { endedMs: world.clock!.now() },
        digest: (rows) => {
          if (proofs++ > 0) for (const row of rows) for (const at of row.keys()) row[at]! ^= 1
        },
      }),
    job: async (session) => {
      const clock = world.clock!
      await session.receive()
      const startedAt = clock.elapsed()
      await session.send({
        index: 0,
        workedMs: 0,
        state: { state: JobState.RUNNING, reason: '', detail: '' },
      })
      for (let index = 1; !session.signal.aborted; index++) {
        await clock.sleep(500, session.signal)
        await session.send({ index, workedMs: clock.elapsed() - startedAt, log: { line: 'at work' } })
      }
    },
  }
  const plan: JobPlan = {
    ...ALL_OPENED,
    durationS: 3_000,
    verify: { challenge: { ...ALL_OPENED.verify.challenge, random: true } },
  }
  const timely = honest(3_600_000n, {
    challenge: (session) =>
      answer(session, world.honest!, solanaKeyOf(session.peer), { receipt: { endedMs: world.clock!.now() } }),
  })
  await withRenter([timely, cheat], async ({ renter, clock, escrow, peers, bidders }) => {
    world.honest = bidders[0]!.network
    world.network = bidders[1]!.network
    world.clock = clock
    const deployment = await renter.post(plan)
    const report = await drive(clock, deployment.result(), 250)
    assert.is(report.state, JobState.COMPLETED, `${report.reason} ${report.detail}`)
    assert.is(report.winner, peers[0])
    assert.equal(
      report.challenges.slice(0, 3).map(({ peer, reason }) => [peer, reason]),
      [
        [peers[1], undefined],
        [peers[1], 'OPENING_DIFFERS'],
        [peers[0], undefined],
      ],
    )
    assert.equal(
      report.slashes.map(({ peer, amount }) => [peer, amount]),
      [[peers[1], 500n]],
    )
    assert.is(escrow.sent.filter((kind) => kind === 'slash').length, 1)
    sum(report)
  })
})

for (const phase of ['report', 'reported'] as const) {
  test(`a renter killed ${phase === 'report' ? 'before' : 'right after'} the slash reports the lie at its next start, once`, async () => {
    const self: { network?: MemoryNetwork } = {}
    await withRenter(
      [liar({ network: () => self.network! })],
      async ({ renter, restart, clock, escrow, bidders }) => {
        self.network = bidders[0]!.network
        let reached = false
        escrow.before = (call) => {
          if (call !== phase) return
          reached = true
          return new Promise(() => {})
        }
        const { id } = await renter.post(ALL_OPENED)
        await drive(
          clock,
          until(async () => reached),
          25,
        )
        escrow.before = () => {}
        const again = await restart()
        await drive(
          clock,
          until(async () => {
            const report = await again.job(id)
            return report?.slashes.length === 1 && report.settlements.length === 1
          }),
          200,
        )
        const report = (await again.job(id))!
        sum(report)
        assert.is(report.settlements[0]?.refunded, report.settlements[0]?.deposited)
        assert.is(escrow.sent.filter((kind) => kind === 'slash').length, 1)
        assert.is(escrow.stakes.get(toHex(self.network.publicKey)), 500n)
        assert.is(slashesIn(await all(again.events(id))).length, 1)
      },
    )
  })
}

test('while the program cannot be reached the deposit comes back all the same, and the lie is reported later', async () => {
  const self: { network?: MemoryNetwork } = {}
  await withRenter([liar({ network: () => self.network! })], async ({ renter, clock, escrow, bidders }) => {
    self.network = bidders[0]!.network
    escrow.before = (call) => {
      if (call === 'report') throw new NightshiftError('CHAIN_UNREACHABLE', 'down', { advice: 'none' })
    }
    const deployment = await renter.post(ALL_OPENED)
    const report = await drive(clock, deployment.result(), 100)
    assert.is(report.state, JobState.FAILED)
    assert.equal(report.slashes, [])
    assert.is(report.settlements[0]?.refunded, report.settlements[0]?.deposited)
    assert.equal(escrow.sent, ['open', 'cancel', 'expire'])
    escrow.before = () => {}
    await drive(
      clock,
      until(async () => (await renter.job(deployment.id))?.slashes.length === 1),
      200,
    )
    assert.equal(escrow.sent, ['open', 'cancel', 'expire', 'slash'])
  })
})

test('evidence that the program refuses for good is not sent again, and the deposit comes back', async () => {
  const self: { network?: MemoryNetwork } = {}
  await withRenter(
    [liar({ network: () => self.network! })],
    async ({ renter, restart, clock, escrow, bidders }) => {
      self.network = bidders[0]!.network
      let asked = 0
      escrow.reportFraud = async () => {
        asked++
        return { refused: 'PROVIDER_GONE', detail: 'it left' }
      }
      const report = await drive(clock, (await renter.post(ALL_OPENED)).result(), 100)
      assert.equal(report.slashes, [])
      assert.is(report.settlements[0]?.refunded, report.settlements[0]?.deposited)
      await restart()
      await drive(clock, clock.sleep(30_000), 1_000)
      assert.is(asked, 1)
    },
  )
})

test('a slash that comes between a look and a cancellation does not keep the deposit from coming back', async () => {
  const silent: Script = { pricePerHour: 1n, challenge: async (session) => void (await session.receive()) }
  await withRenter([silent], async ({ renter, clock, escrow }) => {
    escrow.before = (call) => {
      if (call !== 'cancel') return
      for (const lease of escrow.leases.values()) lease.deadline = Math.floor(clock.now() / 1000)
    }
    const report = await drive(clock, (await renter.post(PLAN)).result(), 100)
    assert.is(report.settlements[0]?.refunded, report.settlements[0]?.deposited)
    assert.equal(escrow.sent, ['open', 'expire'])
  })
})

test('a provider that refuses, signs nonsense or never answers the proposal loses its place, not our money', async () => {
  const signing: Array<NonNullable<Script['sign']>> = [
    () => ({ refused: 'NO_CAPACITY', detail: '', signature: new Uint8Array() }),
    () => ({ refused: '\u001b[2J evil', detail: '', signature: new Uint8Array() }),
    () => ({ refused: '', detail: '', signature: new Uint8Array(5) }),
    () => new Promise(() => {}),
  ]
  const bad = signing.map((sign, at): Script => ({ pricePerHour: BigInt(at + 1), sign }))
  await withRenter([...bad, honest(3_600_000n)], async ({ renter, clock, escrow, peers, noted }) => {
    const report = await drive(clock, (await renter.post(PLAN)).result(), 100)
    assert.is(report.state, JobState.COMPLETED, `${report.reason} ${report.detail}`)
    const reasons = peers.slice(0, 4).map((peer) => report.bids.find((bid) => bid.peer === peer)?.reason)
    assert.equal(reasons, ['NO_CAPACITY', 'REFUSED', 'PROVIDER_SIGNATURE_INVALID', 'PROVIDER_SILENT'])
    assert.is(report.settlements.length, 1)
    assert.equal(escrow.sent, ['open', 'close'], 'one lease, which the provider closed')
    for (const peer of peers.slice(0, 4)) assert.equal(noted(peer), { unsigned: 1 })
  })
})

test('with nobody there the job fails when its time in the queue is over', async () => {
  await withRenter([], async ({ renter, clock }) => {
    const startedMs = clock.elapsed()
    const report = await drive(clock, (await renter.post(PLAN)).result(), 100)
    assert.is(report.state, JobState.FAILED)
    assert.is(report.reason, 'NO_PROVIDER')
    assert.ok(clock.elapsed() - startedMs < 15_000)
    assert.equal(
      (await renter.jobs()).map(({ id }) => id),
      [report.id],
    )
  })
})

test('a job that is stopped in the middle ends STOPPED, and its deposit comes back', async () => {
  const endless: NonNullable<Script['job']> = async (session) => {
    await session.receive()
    await session.send({ index: 0, workedMs: 0, state: { state: JobState.RUNNING, reason: '', detail: '' } })
    await session.receive()
  }
  await withRenter([honest(3_600_000n, { job: endless })], async ({ renter, clock, escrow }) => {
    const deployment = await renter.post(PLAN)
    const running = until(async () => (await renter.job(deployment.id))?.state === JobState.RUNNING)
    await drive(clock, running, 25)
    const report = await drive(clock, deployment.stop(), 100)
    assert.is(report.state, JobState.STOPPED)
    assert.is(report.settlements.length, 1)
    assert.is(report.settlements[0]?.refunded, report.settlements[0]?.deposited)
    assert.is(escrow.leases.size, 0)
  })
})

test('an error that is ours or the chain’s ends the job with its code and costs nobody its standing', async () => {
  await withRenter([honest(3_600_000n)], async ({ renter, clock, escrow }) => {
    escrow.before = (call) => {
      if (call === 'open') throw new NightshiftError('CHAIN_INSUFFICIENT_TOKENS', 'empty', { advice: 'none' })
    }
    const deployment = await renter.post(PLAN)
    const report = await drive(clock, deployment.result(), 100)
    assert.is(report.state, JobState.FAILED)
    assert.is(report.reason, 'CHAIN_INSUFFICIENT_TOKENS')
    const events = await all(renter.events(deployment.id))
    assert.is(
      events.some(({ kind }) => kind === 'standing-lost'),
      false,
    )
  })
})

test('a job that nobody takes waits in the queue, is asked for again, and ends with it', async () => {
  await withRenter([honest(1_000_000n, { bids: false })], async ({ renter, clock }) => {
    const startedMs = clock.elapsed()
    const deployment = await renter.post({ ...PLAN, queueMs: 20_000 })
    const report = await drive(clock, deployment.result(), 100)
    assert.is(report.reason, 'NO_PROVIDER')
    assert.ok(clock.elapsed() - startedMs >= 18_000, 'it was given up too early')
    const events = await all(renter.events(deployment.id))
    const states = events.flatMap((event) => (event.kind === 'state' ? [event.state] : []))
    const orders = events.filter(({ kind }) => kind === 'ordered').length
    assert.ok(orders >= 3, `${orders} auctions`)
    assert.is(states.filter((state) => state === JobState.MATCHING).length, orders)
    assert.is(states.filter((state) => state === JobState.QUEUED).length, orders - 1)
    assert.is(states.at(-1), JobState.FAILED)
  })
})

test('a ladder raises the ceiling step by step, to its top and no further', async () => {
  const auction = { ...PLAN.auction, ladder: { step: 5_000, everyMs: 5_000, maxPricePerHour: 2_200_000n } }
  const plan: JobPlan = { ...PLAN, ceilingPricePerHour: 1_000_000n, queueMs: 60_000, auction }
  await withRenter(
    [honest(2_100_000n, { bids: 'fair' }), honest(2_300_000n, { bids: 'fair' })],
    async ({ renter, clock, peers }) => {
      const deployment = await renter.post(plan)
      const report = await drive(clock, deployment.result(), 100)
      assert.is(report.state, JobState.COMPLETED, `${report.reason} ${report.detail}`)
      assert.is(report.winner, peers[0])
      const events = await all(renter.events(deployment.id))
      const ceilings = events.flatMap((event) =>
        event.kind === 'ordered' ? [event.ceilingPricePerHour] : [],
      )
      assert.is(ceilings[0], 1_000_000n)
      assert.is(ceilings.at(-1), 2_200_000n)
      assert.ok(ceilings.every((ceiling, at) => at === 0 || ceiling >= ceilings[at - 1]!))
      assert.ok(ceilings.includes(1_500_000n))
    },
  )
})

test('whoever commits and never reveals is named, and keeps nobody waiting after that', async () => {
  const withholds = honest(500_000n, { reveal: async () => {} })
  const plan: JobPlan = { ...PLAN, auction: { ...PLAN.auction, revealMs: 20_000 } }
  await withRenter([honest(1_000_000n), withholds], async ({ renter, clock, peers, bidders, noted }) => {
    const named: string[][] = []
    bidders[0]!.auctions.onResult(({ result }) => void named.push(result.withheld))
    const tookMs: number[] = []
    const reasons: Array<string | undefined> = []
    for (let at = 0; at < 3; at++) {
      const deployment = await renter.post(plan)
      const report = await drive(clock, deployment.result(), 100)
      assert.is(report.winner, peers[0], `${report.reason} ${report.detail}`)
      tookMs.push(report.orderToLeaseMs!)
      reasons.push(report.bids.find(({ peer }) => peer === peers[1])?.reason)
    }
    assert.ok(tookMs[0]! >= 20_000, `${tookMs}`)
    assert.ok(
      tookMs.slice(1, 3).every((ms) => ms < 5_000),
      `${tookMs}`,
    )
    assert.equal(reasons, ['BID_WITHHELD', 'NOT_REVEALED', 'NOT_REVEALED'])
    assert.is(noted(peers[1]).withheld, 1)
    assert.equal(named, Array(3).fill([peers[1]]))
  })
})

test.run()
