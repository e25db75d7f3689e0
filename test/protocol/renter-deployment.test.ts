import * as assert from 'uvu/assert'
import type { JobPlan } from '../../config/manifest/plan.js'
import { sourceOf } from '../../node/files/folder.js'
import { createAuctionTopic } from '../../node/market/announcements.js'
import { createHeartbeatTopic } from '../../node/market/heartbeats.js'
import type { DeploymentEvent, DeploymentReport } from '../../node/renter/event.js'
import { createRenter, type Renter } from '../../node/renter.js'
import { type ExperienceStore, openExperience } from '../../node/reputation/experience.js'
import { silentLog } from '../../node/system/log.js'
import { systemRandom } from '../../node/system/random.js'
import { PricingRule } from '../../protocols/auction/wire.js'
import { digest, equal, toHex } from '../../protocols/bytes.js'
import { NightshiftError } from '../../protocols/errors.js'
import { JobState } from '../../protocols/job/wire.js'
import { solanaKeyOf } from '../../protocols/peer.js'
import { type Bidder, joinBidder, type Script } from '../support/bidder.js'
import { createVirtualClock, until } from '../support/clock.js'
import { digitsSpec } from '../support/kernels.js'
import { createHub, type MemoryNetwork } from '../support/memory.js'
import { fill, MARKET, makeRequirements, NOW } from '../support/messages.js'
import { answer, PARAMS } from '../support/proof.js'
import { createMemoryEscrow, drive, openDisk } from '../support/renter.js'
import { suite } from '../support/suite.js'

const test = suite('the renter deploys a job')

const RESULT = new Uint8Array(1_000).fill(5)
const PLAN: JobPlan = {
  name: 'digits',
  runtime: 'tfjs',
  requirements: makeRequirements(),
  ceilingPricePerHour: 10_000_000n,
  durationS: 100,
  queueMs: 10_000,
  auction: { pricing: PricingRule.FIRST_PRICE, commitMs: 500, revealMs: 500 },
  spec: { task: 'train', ...digitsSpec },
  inputs: [{ name: 'data', path: 'data.csv' }],
  verify: { challenge: { ...PARAMS, openings: 8 } },
  expect: {},
}

/** Enough entries are opened that one wrong in four is among them. */
const ALL_OPENED: JobPlan = { ...PLAN, verify: { challenge: { ...PARAMS, openings: 200 } } }

/** Works for two seconds, leaves a result, and gives it to the renter. */
const honestJob: NonNullable<Script['job']> = async (session) => {
  await session.receive()
  const say = (kind: object, workedMs = 0) => session.send({ index: 0, workedMs, ...kind })
  await say({ state: { state: JobState.RUNNING, reason: '', detail: '' } })
  await say({ log: { line: 'at work' } })
  const blob = { name: 'model.nsmodel', sha256: digest(RESULT), bytes: RESULT.length }
  await say({ output: { blobs: [blob] } }, 400)
  await say({ state: { state: JobState.COMPLETED, reason: '', detail: '' } }, 400)
  for await (const { need } of session) {
    if (need === undefined) return
    assert.ok(equal(need.sha256, blob.sha256))
    await say({ chunk: { sha256: blob.sha256, offset: 0, data: RESULT } })
  }
}

async function withRenter(
  scripts: Script[],
  body: (world: {
    renter: Renter
    restart: () => Promise<Renter>
    clock: ReturnType<typeof createVirtualClock>
    escrow: ReturnType<typeof createMemoryEscrow>
    peers: string[]
    bidders: Bidder[]
    /** How often each thing was noted of a peer. */
    noted: (peer: string | undefined) => Record<string, number>
  }) => Promise<void>,
): Promise<void> {
  const disk = await openDisk()
  const clock = createVirtualClock(NOW)
  const escrow = createMemoryEscrow(clock)
  const hub = createHub()
  const network = await hub.join()
  const options = { network, market: MARKET, clock, log: silentLog }
  const [heartbeats, auctions] = [createHeartbeatTopic(options), createAuctionTopic(options)]
  let experience: ExperienceStore
  const open = async () => {
    experience = await openExperience({ store: disk.store, clock, log: silentLog })
    return createRenter(
      {
        network,
        heartbeats,
        auctions,
        escrow,
        store: disk.store,
        files: disk.files,
        inputs: {
          open: async (_path, name) => sourceOf(name, fill(100, 1)),
          ofBytes: sourceOf,
        },
        checker: { evaluate: async () => ({ accuracy: 1, loss: 0, rows: 1 }) },
        experience,
        clock,
        random: systemRandom,
        log: silentLog,
      },
      { wallet: fill(32, 7), sliceMs: 1_000, challengeTimeoutMs: 5_000, discoveryMs: 0 },
    )
  }
  const noted = (peer: string | undefined) =>
    Object.fromEntries(Object.entries(experience.of(peer!)).map(([what, { count }]) => [what, count]))
  let renter = await open()
  const peers: string[] = []
  const bidders: Bidder[] = []
  for (const script of scripts) {
    const bidder = await joinBidder(hub, { clock, escrow }, script)
    peers.push(bidder.network.peer)
    bidders.push(bidder)
  }
  const restart = async () => {
    await disk.reopen()
    renter = await open()
    return renter
  }
  try {
    await body({ renter, restart, clock, escrow, peers, bidders, noted })
  } finally {
    await drive(clock, renter.stop(), 200)
    await disk.remove()
  }
}

const honest = (pricePerHour: bigint, change: Partial<Script> = {}): Script => ({
  pricePerHour,
  job: honestJob,
  ...change,
})

async function all(events: AsyncIterable<DeploymentEvent>): Promise<DeploymentEvent[]> {
  const list: DeploymentEvent[] = []
  for await (const event of events) list.push(event)
  return list
}

const sum = (report: DeploymentReport) => {
  for (const { deposited, paid, refunded } of report.settlements) assert.is(paid + refunded, deposited)
}

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

test('after a kill the job has ended, its lease is brought to its end, and the report says so', async () => {
  await withRenter(
    [honest(3_600_000n, { job: () => new Promise(() => {}) })],
    async ({ renter, restart, clock }) => {
      const { id } = await renter.post(PLAN)
      await drive(
        clock,
        until(async () => (await renter.job(id))?.state === JobState.RUNNING),
        25,
      )
      const again = await restart()
      assert.is((await again.job(id))?.reason, 'RENTER_RESTARTED')
      await drive(
        clock,
        until(async () => (await again.job(id))?.settlements.length === 1),
        200,
      )
      const report = (await again.job(id))!
      assert.is(report.state, JobState.FAILED)
      sum(report)
      const events = await all(again.events(id))
      assert.equal(
        events.slice(-2).map(({ kind }) => kind),
        ['state', 'settled'],
      )
      assert.is(events[0]?.kind, 'state', 'nothing of what was told before is lost')
    },
  )
})

test.run()
