import * as assert from 'uvu/assert'
import type { Session } from '../../node/net/session.js'
import type { DeploymentEvent } from '../../node/renter/event.js'
import { equal, toHex } from '../../protocols/bytes.js'
import { NightshiftError } from '../../protocols/errors.js'
import { contentOf } from '../../protocols/job/content.js'
import { type Blob, type JobEvent, type JobRequest, JobState, type Start } from '../../protocols/job/wire.js'
import type { Script } from '../support/bidder.js'
import { until } from '../support/clock.js'
import type { Holding } from '../support/content.js'
import { all, honestJob, PLAN, RESULT, sum, withRenter } from '../support/deployment.js'
import { drive } from '../support/renter.js'
import { suite } from '../support/suite.js'

const test = suite('a job that survives its provider')
type Job = Session<JobEvent, JobRequest>

const FIRST = new Uint8Array(90_000).fill(1)
const SECOND = new Uint8Array(90_000).fill(2)
const blobOf = (bytes: Uint8Array): Blob => ({
  name: 'checkpoint',
  sha256: contentOf(bytes),
  bytes: bytes.length,
})

const say = (session: Job, kind: object, workedMs = 0) => session.send({ index: 0, workedMs, ...kind })
const run = (session: Job) => say(session, { state: { state: JobState.RUNNING, reason: '', detail: '' } })

/** Tells a checkpoint, gives it, and waits until it was asked for; `twist` changes what is sent. */
async function tell(
  session: Job,
  hold: Holding,
  step: number,
  bytes: Uint8Array,
  twist = (data: Uint8Array) => data,
): Promise<void> {
  hold.give(bytes, { chunk: twist })
  await say(session, { checkpoint: { step, blob: blobOf(bytes) } }, 100)
  await until(() => hold.asked.some(({ root, count }) => count > 0 && equal(root, contentOf(bytes))))
}

const end = (session: Job, reason: string) =>
  say(session, { state: { state: JobState.FAILED, reason, detail: 'told by the test' } }, 200)

/** Takes the checkpoint that a Start names, then finishes the job. */
function goOn(seen: { start?: Start; from?: Uint8Array }): NonNullable<Script['job']> {
  return async (session, hold) => {
    const start = (await session.receive())?.start
    seen.start = start!
    if (start?.checkpoint !== undefined) {
      const { sha256, bytes } = start.checkpoint
      seen.from = await hold.take(session.peer, { sha256, bytes })
    }
    let isGiven = false
    const rest = new Proxy(session, {
      get: (target, key) => {
        // The Start was taken already.
        if (key === 'receive' && !isGiven) {
          isGiven = true
          return async () => ({ start })
        }
        const value = Reflect.get(target, key)
        return typeof value === 'function' ? value.bind(target) : value
      },
    })
    await honestJob(rest, hold)
  }
}

async function deployWith(
  first: NonNullable<Script['job']>,
  second: (seen: { start?: Start; from?: Uint8Array }) => NonNullable<Script['job']> = goOn,
  scripts: Script[] = [],
) {
  const seen: { start?: Start; from?: Uint8Array } = {}
  let events: DeploymentEvent[] = []
  let winner = -1
  await withRenter(
    [{ pricePerHour: 1_000_000n, job: first }, { pricePerHour: 2_000_000n, job: second(seen) }, ...scripts],
    async ({ renter, clock, peers }) => {
      const posted = await renter.post(PLAN)
      const following = all(posted.events())
      const report = await drive(clock, posted.result(), 100)
      events = await drive(clock, following, 100)
      assert.is(report.state, JobState.COMPLETED)
      sum(report)
      winner = peers.indexOf(report.winner!)
    },
  )
  return { seen, events, winner }
}

const stepsOf = (events: DeploymentEvent[]) =>
  events.flatMap((event) => (event.kind === 'checkpoint' ? event.checkpoint.step : []))

test('the owner’s pause moves the job: the next provider goes on from the newest checkpoint', async () => {
  const { seen, events, winner } = await deployWith(async (session, hold) => {
    await session.receive()
    await run(session)
    await tell(session, hold, 10, FIRST)
    await tell(session, hold, 20, SECOND)
    await end(session, 'PROVIDER_PAUSED')
  })
  assert.is(winner, 1)
  assert.equal(seen.from, SECOND)
  assert.equal(stepsOf(events), [10, 20])
  const continued = events.find((event) => event.kind === 'continued')
  assert.is(continued?.kind === 'continued' && continued.step, 20)
  assert.ok(events.some((event) => event.kind === 'bid' && event.bid.reason === 'PROVIDER_PAUSED'))
  assert.not.ok(
    events.some((event) => event.kind === 'standing-lost'),
    'it may have the next job',
  )
})

test('a checkpoint that is told right before the end is still fetched', async () => {
  const { seen } = await deployWith(async (session, hold) => {
    await session.receive()
    await run(session)
    await say(session, { checkpoint: { step: 30, blob: blobOf(FIRST) } })
    await end(session, 'PROVIDER_PAUSED')
    hold.give(FIRST)
    await session.receive()
  })
  assert.equal(seen.from, FIRST)
})

test('a checkpoint with other bytes than its digest is thrown away, and the one before it used', async () => {
  const { seen, events } = await deployWith(async (session, hold) => {
    await session.receive()
    await run(session)
    await tell(session, hold, 10, FIRST)
    await tell(session, hold, 20, SECOND, (data) => data.fill(7))
    session.abort(new NightshiftError('STREAM_RESET', 'the power fails', { advice: 'none' }))
  })
  assert.equal(seen.from, FIRST)
  assert.equal(stepsOf(events), [10])
})

test('a provider that has let go of what it told, and one without checkpoints, cost nothing but the work', async () => {
  const { seen, events } = await deployWith(async (session, hold) => {
    await session.receive()
    await run(session)
    hold.refuse(FIRST, 'UNKNOWN_BLOB')
    await say(session, { checkpoint: { step: 10, blob: blobOf(FIRST) } })
    await end(session, 'DEVICE_FAILED')
  })
  assert.is(seen.start?.checkpoint, undefined)
  assert.equal(stepsOf(events), [])
})

test('a checkpoint that nobody can go on from is not used again, and costs who refused it nothing', async () => {
  const last: { start?: Start; from?: Uint8Array } = {}
  const { events, winner } = await deployWith(
    async (session, hold) => {
      await session.receive()
      await run(session)
      await tell(session, hold, 10, FIRST)
      await tell(session, hold, 20, SECOND)
      await end(session, 'DEVICE_FAILED')
    },
    () => async (session) => {
      await session.receive()
      await run(session)
      await end(session, 'CHECKPOINT_MALFORMED')
    },
    [{ pricePerHour: 3_000_000n, job: goOn(last) }],
  )
  assert.is(winner, 2)
  assert.equal(last.from, FIRST)
  const lost = events.filter((event) => event.kind === 'standing-lost')
  assert.is(lost.length, 1)
})

test('a job that two providers call invalid fails with their words, and costs neither its standing', async () => {
  const refuse: NonNullable<Script['job']> = async (session) => {
    await session.receive()
    await say(session, { refused: { reason: 'SPEC_MALFORMED', detail: 'shader:2:15: no such type' } })
  }
  const scripts = [1_000_000n, 2_000_000n, 3_000_000n].map((pricePerHour) => ({ pricePerHour, job: refuse }))
  await withRenter(scripts, async ({ renter, clock, peers, escrow }) => {
    const posted = await renter.post(PLAN)
    const following = all(posted.events())
    const report = await drive(clock, posted.result(), 100)
    const events = await drive(clock, following, 100)
    assert.is(report.state, JobState.FAILED)
    assert.is(report.reason, 'JOB_SPEC_INVALID')
    assert.match(report.detail ?? '', 'shader:2:15: no such type')
    const objected = events.flatMap((event) => (event.kind === 'objected' ? [event.peer] : []))
    assert.equal(objected, peers.slice(0, 2))
    assert.not(events.some(({ kind }) => kind === 'standing-lost'))
    sum(report)
    assert.is(escrow.leases.size, 0)
  })
})

test('a job that the only provider calls invalid in one auction after the other is given up', async () => {
  const refuse: NonNullable<Script['job']> = async (session) => {
    await session.receive()
    await say(session, { refused: { reason: 'SPEC_MALFORMED', detail: 'shader:2:15: no such type' } })
  }
  await withRenter([{ pricePerHour: 1_000_000n, job: refuse }], async ({ renter, clock }) => {
    const posted = await renter.post({ ...PLAN, queueMs: 120_000 })
    const following = all(posted.events())
    const report = await drive(clock, posted.result(), 100)
    const events = await drive(clock, following, 100)
    assert.is(report.state, JobState.FAILED)
    assert.is(report.reason, 'JOB_SPEC_INVALID')
    assert.is(events.filter(({ kind }) => kind === 'objected').length, 2)
    sum(report)
  })
})

test('a job that one provider calls invalid is done by the next', async () => {
  const { events, winner } = await deployWith(async (session) => {
    await session.receive()
    await run(session)
    await end(session, 'JOB_SPEC_INVALID')
  })
  assert.is(winner, 1)
  assert.ok(events.some(({ kind }) => kind === 'objected'))
})

test('with the result at hand the checkpoints are removed, and one under way does not get in its way', async () => {
  const job: NonNullable<Script['job']> = async (session, hold) => {
    await session.receive()
    await run(session)
    await tell(session, hold, 10, FIRST)
    await say(session, { checkpoint: { step: 20, blob: blobOf(SECOND) } })
    const blob = { name: 'model.nsmodel', sha256: contentOf(RESULT), bytes: RESULT.length }
    await say(session, { output: { blobs: [blob] } }, 400)
    await say(session, { state: { state: JobState.COMPLETED, reason: '', detail: '' } }, 400)
    hold.give(SECOND)
    hold.give(RESULT)
    await session.receive()
  }
  await withRenter([{ pricePerHour: 1_000_000n, job }], async ({ renter, clock }) => {
    const posted = await renter.post(PLAN)
    const report = await drive(clock, posted.result(), 100)
    assert.is(report.state, JobState.COMPLETED)
    assert.equal(
      report.checkpoints?.map(({ sha256 }) => sha256),
      [FIRST, SECOND].map((bytes) => toHex(contentOf(bytes))),
    )
  })
})

test.run()
