import * as assert from 'uvu/assert'
import type { Session } from '../../node/net/session.js'
import type { DeploymentEvent } from '../../node/renter/event.js'
import { windowsOf } from '../../protocols/auction/rules.js'
import { type JobEvent, type JobRequest, JobState } from '../../protocols/job/wire.js'
import type { Clock } from '../../protocols/ports.js'
import type { Script } from '../support/bidder.js'
import { until } from '../support/clock.js'
import { all, honest, PLAN, sum, withRenter } from '../support/deployment.js'
import { NOW } from '../support/messages.js'
import { upload } from '../support/provider.js'
import { drive } from '../support/renter.js'
import { suite } from '../support/suite.js'
import { withWorld } from '../support/world.js'

const test = suite('a provider gives notice')
type Job = Session<JobEvent, JobRequest>

const NOTICE_S = 30
const DATA = { name: 'data', bytes: new Uint8Array(1_000).fill(3) }

const say = (session: Job, kind: object, workedMs = 0) => session.send({ index: 0, workedMs, ...kind })
const run = (session: Job) => say(session, { state: { state: JobState.RUNNING, reason: '', detail: '' } })
const pause = (session: Job) =>
  say(session, { state: { state: JobState.FAILED, reason: 'PROVIDER_PAUSED', detail: '' } }, 200)

/** Works, says so long before that it leaves, and leaves; a job that is heard of every second. */
const leaving =
  (clock: () => Clock, toldMs: number | undefined, staysMs: number): NonNullable<Script['job']> =>
  async (session) => {
    await session.receive()
    await run(session)
    if (toldMs !== undefined)
      await say(session, { leaving: { atMs: clock().now() + toldMs, reason: 'its schedule ends' } })
    for (let passed = 0; passed < staysMs; passed += 1_000) {
      await clock().sleep(1_000)
      await run(session)
    }
    await pause(session)
  }

async function move(
  first: Omit<Script, 'pricePerHour' | 'job'>,
  toldMs: number | undefined,
  staysMs: number,
) {
  const found: { events: DeploymentEvent[]; noted: Record<string, number>; winner: number } = {
    events: [],
    noted: {},
    winner: -1,
  }
  let running: Clock | undefined
  const job = leaving(() => running!, toldMs, staysMs)
  await withRenter(
    [{ pricePerHour: 1_000_000n, bids: 'once', ...first, job }, honest(2_000_000n)],
    async ({ renter, clock, peers, noted }) => {
      running = clock
      const posted = await renter.post({ ...PLAN, durationS: 1_000 })
      const following = all(posted.events())
      const report = await drive(clock, posted.result(), 200)
      found.events = await drive(clock, following, 100)
      assert.is(report.state, JobState.COMPLETED)
      sum(report)
      found.noted = noted(peers[0])
      found.winner = peers.indexOf(report.winner!)
    },
  )
  return found
}

const atOf = (events: DeploymentEvent[], wanted: (event: DeploymentEvent) => boolean) =>
  events.filter(wanted).map(({ atMs }) => atMs - NOW)

test('the rest of the job is auctioned before the provider is gone, and whoever keeps its word loses nothing', async () => {
  const { events, noted, winner } = await move({ noticeS: NOTICE_S }, NOTICE_S * 1_000, NOTICE_S * 1_000)
  assert.is(winner, 1)
  const [told = 0] = atOf(events, ({ kind }) => kind === 'leaving')
  const [gone = 0] = atOf(events, (event) => event.kind === 'bid' && event.bid.outcome === 'failed')
  const orders = atOf(events, ({ kind }) => kind === 'ordered')
  assert.ok(gone - told >= NOTICE_S * 1_000)
  const [, ordered = 0] = orders
  assert.is(orders.length, 2, 'no auction stands between')
  assert.ok(ordered > told && ordered < gone, `ordered at ${ordered}, gone at ${gone}`)
  assert.not.ok(events.some(({ kind }) => kind === 'standing-lost'))
  assert.is(noted.failed, undefined)
  assert.is(noted.paused, undefined)
})

test('a provider that is gone before it said is replaced at once', async () => {
  const { events, winner } = await move({}, 3_600_000, 5_000)
  assert.is(winner, 1)
  const [gone = 0] = atOf(events, (event) => event.kind === 'bid' && event.bid.outcome === 'failed')
  const [, awarded = 0] = atOf(events, ({ kind }) => kind === 'awarded')
  assert.ok(awarded - gone < 5_000, `${awarded - gone} ms`)
})

test('who promised a notice and gives none, or less, loses its standing and some of its reliability', async () => {
  for (const toldMs of [undefined, 5_000]) {
    const { events, noted, winner } = await move({ noticeS: NOTICE_S }, toldMs, 5_000)
    assert.is(winner, 1)
    const lost = events.flatMap((event) => (event.kind === 'standing-lost' ? event.reason : []))
    assert.equal(lost, ['NOTICE_BROKEN'])
    assert.is(noted.failed, 1)
  }
})

test('who promised nothing and leaves in the middle is remembered for it, and dealt with again', async () => {
  const { events, noted } = await move({}, undefined, 5_000)
  assert.not.ok(events.some(({ kind }) => kind === 'standing-lost'))
  assert.is(noted.paused, 1)
  assert.is(noted.failed, undefined)
})

test('an order that asks for notice takes no bid that promises less', async () => {
  await withRenter(
    [honest(1_000_000n), honest(1_500_000n, { noticeS: 59 }), honest(2_000_000n, { noticeS: 60 })],
    async ({ renter, clock, peers }) => {
      const posted = await renter.post({ ...PLAN, requirements: { ...PLAN.requirements, noticeS: 60 } })
      const report = await drive(clock, posted.result(), 100)
      assert.is(report.state, JobState.COMPLETED)
      assert.is(peers.indexOf(report.winner!), 2)
      const refused = report.bids.filter(({ outcome }) => outcome === 'refused')
      assert.equal(
        refused.map(({ reason }) => reason),
        ['NOTICE', 'NOTICE'],
      )
    },
  )
})

test('a bid says what notice it gives and when the schedule ends, and there is none beyond that', () =>
  withWorld(
    async ({ clock, house, renter, renterToo }) => {
      const stranger = (await renterToo()).network.peer
      const passed = () => house.provider.status().counters.passed.SCHEDULE ?? 0
      /** The device is free again when the order is somebody else's. */
      const bidFor = async (...ordering: Parameters<typeof renter.order>) => {
        const before = renter.bids.length
        const ordered = await renter.order(...ordering)
        await until(() => renter.bids.length > before)
        await renter.award(ordered, stranger)
        await until(() => house.provider.status().promised === 0)
        return renter.bids.at(-1)!.bid
      }
      const first = await bidFor({ durationS: 60 })
      assert.is(first.noticeS, 20)
      assert.is(first.untilMs, undefined)
      const endsMs = clock.now() + 120_000
      await house.provider.resume(endsMs)
      assert.is((await bidFor({ durationS: 60 })).untilMs, endsMs)
      const long = await renter.order({ durationS: 600 })
      await until(() => passed() === 1)
      assert.ok(windowsOf(long.order).revealUntil + 600_000 > endsMs)
      await bidFor({ durationS: 600 }, { noticeS: 20 })
      await house.provider.resume(clock.now() + 35_000)
      await renter.order({ durationS: 600 }, { noticeS: 20 })
      await until(() => passed() === 2)
    },
    { noticeS: 20 },
  ))

test('what runs is told of the end and asked for a checkpoint before it, and nothing new is taken', () =>
  withWorld(async ({ clock, house, renter }) => {
    const lease = await renter.lease(house.network.peer)
    const talk = await renter.startJob(lease, [DATA])
    await upload(talk, [DATA])
    await until(house.device.isRunning)
    let asked = 0
    house.device.onAsked = () => asked++
    const atMs = clock.now() + 1_000
    await house.provider.leaveAt(atMs, 'its schedule ends')
    assert.is(house.provider.status().availability, 'PAUSED')
    let told: JobEvent['leaving']
    while (told === undefined) told = (await talk.receive())?.leaving
    assert.equal({ ...told }, { atMs, reason: 'its schedule ends' })
    await renter.order()
    await until(() => house.provider.status().counters.passed.PAUSED === 1)
    await until(() => asked === 1)
    assert.ok(house.device.isRunning(), 'it goes on until the end')
    await house.provider.standStill('the card has 90 °C')
    await until(() => !house.device.isRunning())
    await house.provider.resume()
    await until(() => house.provider.status().availability === 'FREE')
  }))

test.run()
