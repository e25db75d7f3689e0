import * as assert from 'uvu/assert'
import { createContent } from '../../node/content/content.js'
import type { Session } from '../../node/net/session.js'
import type { DeploymentEvent } from '../../node/renter/event.js'
import type { JobOrder } from '../../node/renter/job.js'
import { runJobThrough } from '../../node/renter/returning.js'
import { silentLog } from '../../node/system/log.js'
import { systemRandom } from '../../node/system/random.js'
import { equal, toHex } from '../../protocols/bytes.js'
import { NightshiftError } from '../../protocols/errors.js'
import { contentOf } from '../../protocols/job/content.js'
import { jobProtocol, SILENCE_MS, STALL_MS } from '../../protocols/job/protocol.js'
import { type JobEvent, type JobRequest, JobState, type Start } from '../../protocols/job/wire.js'
import { createVirtualClock } from '../support/clock.js'
import { holdContent } from '../support/content.js'
import { all, honest, honestJob, PLAN, sum, withRenter } from '../support/deployment.js'
import { createHub } from '../support/memory.js'
import { fill } from '../support/messages.js'
import { codeThrown, type Disk, drive, openDisk } from '../support/renter.js'
import { suite } from '../support/suite.js'

const test = suite('a provider that is lost and comes back')
type Provider = Session<JobEvent, JobRequest>

let disk: Disk
test.before(async () => {
  disk = await openDisk()
})
test.after(() => disk.remove())

const RESULT = fill(1_000, 5)
const BLOB = { name: 'model', sha256: contentOf(RESULT), bytes: RESULT.length }
/** As the other side of a real network meets it. */
const lost = () => new NightshiftError('PEER_RESET', 'the process was killed', { advice: 'none' })
const say = (session: Provider, kind: Partial<JobEvent>, workedMs = 0, index = 0) =>
  session.send({ index, workedMs, ...kind })
const tellState = (session: Provider, state: JobState, workedMs = 0, reason = '') =>
  say(session, { state: { state, reason, detail: '' } }, workedMs)

async function finish(session: Provider, workedMs: number): Promise<void> {
  await say(session, { output: { blobs: [BLOB] } }, workedMs)
  await tellState(session, JobState.COMPLETED, workedMs)
  await session.receive()
}

/** Runs a job; the n-th stream is served by the n-th behaviour, and by the last one from then on. */
async function run(
  behaviours: Array<(session: Provider, clock: ReturnType<typeof createVirtualClock>) => Promise<unknown>>,
  change: Partial<JobOrder> = {},
) {
  const clock = createVirtualClock()
  const hub = createHub()
  const [renter, provider] = [await hub.join(), await hub.join()]
  const starts: Start[] = []
  const hold = await holdContent(provider)
  hold.give(RESULT)
  const content = createContent({ network: renter, clock, random: systemRandom, log: silentLog })
  await provider.engine.handle(jobProtocol, async (session) => {
    starts.push((await session.receive())!.start!)
    const behave = behaviours[Math.min(starts.length, behaviours.length) - 1]!
    await behave(session, clock)
  })
  const told = {
    returned: [] as number[],
    begun: 0,
    worked: 0,
    lines: [] as string[],
    dropped: 0,
    health: [] as string[],
    leaving: 0,
  }
  const order: JobOrder = {
    peer: provider.peer,
    lease: fill(32, 1),
    spec: fill(10, 2),
    key: fill(32, 3),
    inputs: [],
    outputs: `outputs/${toHex(renter.publicKey)}`,
    durationMs: 3_600_000,
    ...change,
  }
  const act = runJobThrough(
    { engine: renter.engine, content, files: disk.files, clock },
    order,
    {
      onLog: (line, _index, dropped = 0) => {
        told.lines.push(line)
        told.dropped += dropped
      },
      onBegun: () => told.begun++,
      onProgress: () => {},
      onCheckpoint: async () => {},
      onService: ({ status }) => told.health.push(status),
      onCheckpointLost: () => {},
      onTransfer: () => {},
      onWorked: (ms) => {
        told.worked = ms
      },
      onLeaving: () => told.leaving++,
      onReturned: (ms) => told.returned.push(ms),
      onDiskFull: () => {},
    },
    new AbortController().signal,
  )
  const code = await codeThrown(drive(clock, act, 100))
  await renter.stop()
  return { ...told, code, starts, tookMs: clock.elapsed() }
}

test('is called again with the job’s key, and goes on after what was heard', async () => {
  const ended = await run([
    async (session, clock) => {
      await tellState(session, JobState.RUNNING)
      await clock.sleep(3_000)
      await say(session, { log: { line: 'one' } }, 3_000, 41)
      session.abort(lost())
    },
    async (session, clock) => {
      await tellState(session, JobState.QUEUED, 1_000, 'PROVIDER_RESTARTED')
      await tellState(session, JobState.RUNNING, 1_000)
      await clock.sleep(4_000)
      await say(session, { log: { line: 'two' } }, 5_000, 2 ** 24)
      await finish(session, 5_000)
    },
  ])
  assert.is(ended.code, undefined)
  assert.equal(ended.lines, ['one', 'two'])
  assert.equal(
    ended.starts.map(({ fromEvent }) => fromEvent),
    [0, 42],
  )
  assert.ok(ended.starts.every(({ key }) => equal(key, fill(32, 3))))
  assert.is(ended.begun, 1)
  assert.is(ended.returned.length, 1)
  assert.is(ended.worked, 5_000, 'what was done twice counts once')
})

test('how many lines were not kept, and how a service stands, are told once across a break', async () => {
  const ended = await run([
    async (session, clock) => {
      await tellState(session, JobState.RUNNING)
      await say(session, { log: { line: '(7 older lines are not kept)', dropped: 7 } }, 0, 4)
      await say(session, { service: { status: 'HEALTHY', detail: '', restarts: 0 } }, 0, 5)
      await clock.sleep(1_000)
      session.abort(lost())
    },
    (session) => finish(session, 0),
  ])
  assert.is(ended.code, undefined)
  assert.is(ended.dropped, 7)
  assert.equal(ended.health, ['HEALTHY'])
  assert.equal(
    ended.starts.map(({ fromEvent }) => fromEvent),
    [0, 6],
  )
})

test('is heard when it says that it leaves, in any flood of lines, and only once', async () => {
  const ended = await run([
    async (session) => {
      await tellState(session, JobState.RUNNING)
      for (let index = 0; index < 700; index++) await say(session, { log: { line: 'x' } }, 0, index)
      for (const index of [700, 701]) await say(session, { leaving: { atMs: 1, reason: 'x' } }, 0, index)
      await finish(session, 0)
    },
  ])
  assert.is(ended.code, undefined)
  assert.ok(ended.lines.length < 700, 'the flood was cut')
  assert.is(ended.leaving, 1)
})

test('is left when it does not come back for as long as the plan waits, with what it was lost by', async () => {
  for (const silenceMs of [SILENCE_MS, 60_000]) {
    const ended = await run(
      [
        async (session) => {
          await tellState(session, JobState.RUNNING)
          session.abort(lost())
        },
        async (session) => session.abort(lost()),
      ],
      { silenceMs },
    )
    assert.is(ended.code, 'PEER_RESET')
    assert.ok(ended.tookMs <= silenceMs + 500, `${ended.tookMs} ms`)
    assert.ok(ended.tookMs >= silenceMs - 1_500, `${ended.tookMs} ms`)
    assert.ok(ended.starts.length > 3)
  }
})

test('is left after the same time when it takes the call and says nothing', async () => {
  const ended = await run([
    async (session) => {
      await tellState(session, JobState.RUNNING)
      session.abort(lost())
    },
    () => new Promise(() => {}),
  ])
  assert.is(ended.code, 'PEER_RESET')
  assert.ok(ended.tookMs <= SILENCE_MS + 500, `${ended.tookMs} ms`)
})

test('is left at once when it is back and does not know the job any more', async () => {
  const ended = await run([
    async (session) => {
      await tellState(session, JobState.RUNNING)
      session.abort(lost())
    },
    async (session) => say(session, { refused: { reason: 'UNKNOWN_LEASE', detail: '' } }),
  ])
  assert.is(ended.code, 'JOB_REFUSED')
  assert.ok(ended.tookMs < 2_000)
})

test('does not hold a job for ever by coming and going', async () => {
  const ended = await run([
    async (session) => {
      await tellState(session, JobState.RUNNING)
      session.abort(lost())
    },
  ])
  assert.is(ended.code, 'PEER_RESET')
  assert.ok(ended.starts.length < 20, `${ended.starts.length} calls`)
})

test('a provider that says that it runs and works nothing loses the job to the next one', async () => {
  let told: DeploymentEvent[] = []
  let passedMs = 0
  await withRenter(
    [
      honest(1_000_000n, {
        job: async (session) => {
          await session.receive()
          await tellState(session, JobState.RUNNING)
          for (;;) {
            await new Promise((resolve) => setTimeout(resolve, 5))
            await tellState(session, JobState.RUNNING, 700)
          }
        },
      }),
      { pricePerHour: 2_000_000n, job: honestJob },
    ],
    async ({ renter, clock, peers }) => {
      const posted = await renter.post({ ...PLAN, durationS: 3_600 })
      const following = all(posted.events())
      const report = await drive(clock, posted.result(), 250)
      told = await drive(clock, following, 250)
      assert.is(report.state, JobState.COMPLETED)
      assert.is(report.winner, peers[1])
      sum(report)
      const failed = told.find((event) => event.kind === 'bid' && event.bid.outcome === 'failed')
      assert.ok(failed?.kind === 'bid')
      assert.is(failed.bid.reason, 'PROVIDER_STALLED')
      const leased = told.find(({ kind }) => kind === 'leased')!
      passedMs = failed.atMs - leased.atMs
    },
  )
  assert.ok(passedMs >= STALL_MS && passedMs < STALL_MS + 10_000, `${passedMs} ms`)
})

test.run()
