import * as fc from 'fast-check'
import * as assert from 'uvu/assert'
import { createContent } from '../../node/content/content.js'
import { sourceOf } from '../../node/files/folder.js'
import type { Session } from '../../node/net/session.js'
import { type JobListener, type JobOrder, runJob } from '../../node/renter/job.js'
import { silentLog } from '../../node/system/log.js'
import { systemRandom } from '../../node/system/random.js'
import { toHex } from '../../protocols/bytes.js'
import { CHUNK_BYTES, contentOf } from '../../protocols/job/content.js'
import { jobProtocol, SILENCE_MS } from '../../protocols/job/protocol.js'
import { JOB_LIMITS } from '../../protocols/job/rules.js'
import {
  type Blob,
  type ContentRequest,
  type JobEvent,
  type JobRequest,
  JobState,
} from '../../protocols/job/wire.js'
import { createVirtualClock } from '../support/clock.js'
import { type Holding, holdContent, type Lie } from '../support/content.js'
import { createHub } from '../support/memory.js'
import { fill } from '../support/messages.js'
import { codeThrown, type Disk, drive, openDisk } from '../support/renter.js'
import { suite } from '../support/suite.js'

const test = suite('the renter runs a job')
type Provider = Session<JobEvent, JobRequest>

let disk: Disk
test.before(async () => {
  disk = await openDisk()
})
test.after(() => disk.remove())

const INPUT = sourceOf(
  'data',
  new Uint8Array(300_000).map((_, at) => at % 251),
)
const RESULT = new Uint8Array(600_000).map((_, at) => at % 7)
let folders = 0

const event = (kind: Partial<JobEvent>, workedMs = 0): JobEvent => ({ index: 0, workedMs, ...kind })
const state = (to: JobState, workedMs = 0, reason = '') =>
  event({ state: { state: to, reason, detail: '' } }, workedMs)
const blobOf = (bytes: Uint8Array, name = 'model.nsmodel'): Blob => ({
  name,
  sha256: contentOf(bytes),
  bytes: bytes.length,
})
const output = (...blobs: Blob[]) => event({ output: { blobs } })

/** Waits for the renter's last word. */
async function lastWord(session: Provider): Promise<string> {
  for await (const request of session) {
    if (request.accepted !== undefined) return 'accepted'
    if (request.stop !== undefined) return request.stop.reason
  }
  return 'gone'
}

interface Run {
  worked: number[]
  logs: string[]
  progress: Array<Record<string, number>>
  folder: string
  clock: ReturnType<typeof createVirtualClock>
}

/** Runs a job with a provider that does as `behave` says. */
async function run(
  behave: (session: Provider, clock: Run['clock'], hold: Holding) => Promise<unknown>,
  change: Partial<JobOrder> = {},
  use: (act: ReturnType<typeof runJob>, run: Run) => Promise<void> = async (act) => void (await act),
): Promise<Run & { code: string | undefined }> {
  const clock = createVirtualClock()
  const hub = createHub()
  const [renter, provider] = [await hub.join(), await hub.join()]
  const hold = await holdContent(provider)
  hold.give(RESULT)
  const content = createContent({ network: renter, clock, random: systemRandom, log: silentLog })
  await content.serve()
  await provider.engine.handle(jobProtocol, async (session) => {
    const first = await session.receive()
    assert.ok(first?.start !== undefined)
    await behave(session, clock, hold)
  })
  const folder = `outputs/${folders++}`
  const told: Run = { worked: [], logs: [], progress: [], folder, clock }
  const listener: JobListener = {
    onLog: (line) => told.logs.push(line),
    onBegun: () => {},
    onProgress: ({ metrics }) => told.progress.push(metrics),
    onLeaving: () => {},
    onCheckpoint: async () => {},
    onService: () => {},
    onCheckpointLost: () => {},
    onTransfer: () => {},
    onWorked: (ms) => told.worked.push(ms),
  }
  const order: JobOrder = {
    peer: provider.peer,
    lease: fill(32, 1),
    spec: fill(10, 2),
    inputs: [INPUT],
    outputs: folder,
    durationMs: 3_600_000,
    ...change,
  }
  const act = runJob(
    { engine: renter.engine, content, files: disk.files, clock },
    order,
    listener,
    new AbortController().signal,
  )
  const code = await codeThrown(drive(clock, use(act, told), 200))
  await renter.stop()
  return { ...told, code }
}

test('inputs are given to the provider, outputs are fetched whole, and the provider is told', async () => {
  let received: Uint8Array = new Uint8Array()
  let word = ''
  const { code, worked } = await run(
    async (session, clock, hold) => {
      received = await hold.take(session.peer, INPUT)
      await session.send(state(JobState.RUNNING))
      await clock.sleep(3_000)
      await session.send(
        event({ progress: { step: 1, steps: 2, metrics: [{ name: 'loss', value: 0.5 }] } }, 3_000),
      )
      await session.send(output(blobOf(RESULT)))
      await session.send(state(JobState.COMPLETED, 3_000))
      word = await lastWord(session)
    },
    {},
    async (act, { folder, progress }) => {
      const result = await act
      assert.is(result.workedMs, 3_000)
      assert.equal(result.outputs, [
        {
          name: 'model.nsmodel',
          bytes: RESULT.length,
          file: `${folder}/model.nsmodel`,
          sha256: contentOf(RESULT),
        },
      ])
      assert.equal(await disk.files.read(`${folder}/model.nsmodel`, 0, RESULT.length), RESULT)
      assert.equal(progress, [{ loss: 0.5 }])
      await result.accept()
    },
  )
  assert.is(code, undefined)
  assert.equal(received, await INPUT.read(0, INPUT.bytes))
  assert.is(worked.at(-1), 3_000)
  assert.is(word, 'accepted')
})

test('a transfer that broke off goes on from what is on the disk', async () => {
  const folder = `outputs/${folders}`
  await disk.files.append(
    `${folder}/.partial/${toHex(contentOf(RESULT))}`,
    RESULT.slice(0, CHUNK_BYTES + 100_000),
  )
  let asked: ContentRequest[] = []
  const { code } = await run(async (session, _clock, hold) => {
    await session.send(output(blobOf(RESULT)))
    await session.send(state(JobState.COMPLETED))
    await session.send(event({ log: { line: 'a word in between' } }))
    asked = hold.asked
    await lastWord(session)
  })
  assert.is(code, undefined)
  assert.equal(
    asked.filter(({ count }) => count > 0).map(({ first, count, held }) => [first, count, held]),
    [[1, 2, CHUNK_BYTES]],
  )
  assert.equal(await disk.files.read(`${folder}/model.nsmodel`, 0, RESULT.length), RESULT)
})

/** Leaves a result, and gives something else. */
const lies = (lie: Lie) => async (session: Provider, _clock: unknown, hold: Holding) => {
  hold.give(RESULT, lie)
  await session.send(output(blobOf(RESULT)))
  await session.send(state(JobState.COMPLETED))
  await session.receive()
}
const ends =
  (...events: JobEvent[]) =>
  async (session: Provider) => {
    for (const sent of events) await session.send(sent)
    await session.receive()
  }
const named = (name: string) => ends(output(blobOf(RESULT, name)), state(JobState.COMPLETED))

const HOSTILE: Array<[what: string, code: string, behave: Parameters<typeof run>[0]]> = [
  ['refuses', 'JOB_REFUSED', ends(event({ refused: { reason: 'UNKNOWN_LEASE', detail: '' } }))],
  ['fails', 'JOB_FAILED', ends(state(JobState.FAILED, 0, 'DEVICE_FAILED'))],
  ['is stopped', 'JOB_STOPPED', ends(state(JobState.STOPPED, 0, 'OWNER_CAME_BACK'))],
  [
    'asks for the inputs again and again',
    'PROVIDER_FAULTY',
    async (session, _clock, hold) => {
      for (let times = 0; times < 3; times++) await hold.take(session.peer, INPUT)
      await session.receive()
    },
  ],
  ['leads out of the folder', 'OUTPUT_INVALID', named('../../id_ed25519')],
  ['names an absolute path', 'OUTPUT_INVALID', named('/etc/cron.d/x')],
  ['hides its output', 'OUTPUT_INVALID', named('.bashrc')],
  ['names nothing', 'OUTPUT_INVALID', named('')],
  ['names two outputs alike', 'OUTPUT_INVALID', ends(output(blobOf(RESULT, 'a'), blobOf(RESULT, 'A')))],
  [
    'announces more than a disk holds',
    'OUTPUT_INVALID',
    ends(output({ ...blobOf(RESULT), bytes: JOB_LIMITS.maxOutputBytes + 1 })),
  ],
  [
    'announces too many outputs',
    'OUTPUT_INVALID',
    ends(output(...Array.from({ length: JOB_LIMITS.maxOutputs + 1 }, (_, at) => blobOf(RESULT, `o${at}`)))),
  ],
  ['gives hashes of something else', 'OUTPUT_INVALID', lies({ leaves: (list) => list.fill(1) })],
  ['gives too few hashes', 'OUTPUT_INVALID', lies({ leaves: (list) => list.subarray(32) })],
  ['gives other bytes than it announced', 'OUTPUT_INVALID', lies({ chunk: (data) => data.fill(1) })],
  ['gives too much', 'OUTPUT_INVALID', lies({ chunk: (data) => Buffer.concat([data, Buffer.of(1)]) })],
  ['gives too little', 'OUTPUT_INVALID', lies({ chunk: (data) => data.subarray(1) })],
  ['gives nothing in a chunk', 'OUTPUT_INVALID', lies({ chunk: () => new Uint8Array() })],
  [
    'announces fewer bytes than it gives',
    'OUTPUT_INVALID',
    ends(output({ ...blobOf(RESULT), bytes: 300_000 }), state(JobState.COMPLETED)),
  ],
  [
    'says that it has not what it announced',
    'JOB_REFUSED',
    async (session, _clock, hold) => {
      hold.refuse(RESULT, 'UNKNOWN_BLOB')
      await ends(output(blobOf(RESULT)), state(JobState.COMPLETED))(session)
    },
  ],
  [
    'floods with metrics',
    'PROVIDER_FAULTY',
    ends(event({ progress: { step: 1, steps: 1, metrics: many() } })),
  ],
  ['ends before the result', 'PROVIDER_GONE', async () => {}],
  ['falls silent', 'PROVIDER_SILENT', ends(state(JobState.RUNNING))],
  ['breaks off', 'HANDLER_FAILED', async () => Promise.reject(new Error('cable'))],
]

function many() {
  return Array.from({ length: JOB_LIMITS.maxMetrics + 1 }, (_, at) => ({ name: `m${at}`, value: 1 }))
}

for (const [what, code, behave] of HOSTILE) {
  test(`a provider that ${what} ends the job with ${code}`, async () => {
    const ended = await run(behave)
    assert.is(ended.code, code)
    assert.is(await disk.files.size(`${ended.folder}/model.nsmodel`), 0, 'nothing got its name')
  })
}

test('a provider that only says that it is alive is left at the end of the lease', async () => {
  const ended = await run(
    async (session, clock) => {
      await session.send(state(JobState.RUNNING))
      for (;;) {
        await clock.sleep(2_000)
        await session.send(state(JobState.RUNNING, 1e12))
      }
    },
    { durationMs: 30_000 },
  )
  assert.is(ended.code, 'PROVIDER_OUT_OF_TIME')
  assert.ok(ended.worked.at(-1)! <= 30_000 * 1.1, `${ended.worked.at(-1)} ms`)
  assert.ok(SILENCE_MS < 30_000, 'it was not silent')
})

test('what a provider says acts on no terminal, breaks no document, and is limited', async () => {
  const metrics = [
    { name: 'loss', value: 0.25 },
    { name: '$bigint', value: 0.5 },
    { name: 'nan', value: Number.NaN },
    { name: '\u001b[2J', value: 1 },
  ]
  const { logs, progress } = await run(async (session) => {
    await session.send(event({ log: { line: 'red \u001b[31malert\u0007\r\n\ttab' } }))
    await session.send(event({ progress: { step: 1, steps: 1, metrics } }))
    for (let line = 0; line < 2_000; line++) await session.send(event({ log: { line: 'x' } }))
    await session.send(state(JobState.COMPLETED))
  })
  assert.is(logs[0], 'red [31malert\ttab')
  assert.equal(progress, [{ loss: 0.25 }])
  assert.ok(logs.length < 1_000, `${logs.length} lines were taken`)
})

test('whatever a provider claims, it is credited no more than the time that has passed, and never less than before', async () => {
  const step = fc.record({
    waitMs: fc.integer({ min: 0, max: 5_000 }),
    claimMs: fc.oneof(fc.integer({ min: 0, max: 60_000 }), fc.constant(Number.MAX_SAFE_INTEGER)),
    running: fc.boolean(),
  })
  let runs = 0
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 12 }), async (steps) => {
      runs++
      let begunAt: number | undefined
      const { worked, clock, code } = await run(async (session, time) => {
        for (const { waitMs, claimMs, running } of steps) {
          await time.sleep(waitMs)
          if (running) begunAt ??= time.elapsed()
          await session.send(
            running ? state(JobState.RUNNING, claimMs) : event({ log: { line: '' } }, claimMs),
          )
        }
        await session.send(state(JobState.COMPLETED))
      })
      assert.is(code, undefined)
      const seen = begunAt === undefined ? 0 : (clock.elapsed() - begunAt) * 1.02 + 500
      for (const [at, ms] of worked.entries())
        assert.ok(ms <= seen && ms >= (worked[at - 1] ?? 0), `${ms} of ${seen}`)
    }),
    { numRuns: 15 },
  )
  assert.is(runs, 15)
})

test.run()
