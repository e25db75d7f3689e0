import * as fc from 'fast-check'
import * as assert from 'uvu/assert'
import { sourceOf } from '../../node/files/folder.js'
import type { Session } from '../../node/net/session.js'
import { type JobListener, type JobOrder, runJob } from '../../node/renter/job.js'
import { digest, toHex } from '../../protocols/bytes.js'
import { jobProtocol, SILENCE_MS } from '../../protocols/job/protocol.js'
import { JOB_LIMITS } from '../../protocols/job/rules.js'
import { type Blob, type JobEvent, type JobRequest, JobState } from '../../protocols/job/wire.js'
import { createVirtualClock } from '../support/clock.js'
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
  new Uint8Array(200_000).map((_, at) => at % 251),
)
const RESULT = new Uint8Array(150_000).map((_, at) => at % 7)
let folders = 0

const event = (kind: Partial<JobEvent>, workedMs = 0): JobEvent => ({ index: 0, workedMs, ...kind })
const state = (to: JobState, workedMs = 0, reason = '') =>
  event({ state: { state: to, reason, detail: '' } }, workedMs)
const blobOf = (bytes: Uint8Array, name = 'model.nsmodel'): Blob => ({
  name,
  sha256: digest(bytes),
  bytes: bytes.length,
})
const output = (...blobs: Blob[]) => event({ output: { blobs } })

/** Answers what is asked for with `content`, until the renter accepts or stops. */
async function give(session: Provider, content: Uint8Array[]): Promise<string> {
  for await (const request of session) {
    if (request.accepted !== undefined) return 'accepted'
    if (request.stop !== undefined) return request.stop.reason
    const { need } = request
    const found = content.find((bytes) => need !== undefined && toHex(digest(bytes)) === toHex(need.sha256))
    if (need === undefined || found === undefined) throw new Error('not what was expected')
    for (let offset = need.offset; offset < found.length; offset += JOB_LIMITS.chunkBytes) {
      const data = found.slice(offset, offset + JOB_LIMITS.chunkBytes)
      await session.send(event({ chunk: { sha256: need.sha256, offset, data } }))
    }
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
  behave: (session: Provider, clock: Run['clock']) => Promise<unknown>,
  change: Partial<JobOrder> = {},
  use: (act: ReturnType<typeof runJob>, run: Run) => Promise<void> = async (act) => void (await act),
): Promise<Run & { code: string | undefined }> {
  const clock = createVirtualClock()
  const hub = createHub()
  const [renter, provider] = [await hub.join(), await hub.join()]
  await provider.engine.handle(jobProtocol, async (session) => {
    const first = await session.receive()
    assert.ok(first?.start !== undefined)
    await behave(session, clock)
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
    { engine: renter.engine, files: disk.files, clock },
    order,
    listener,
    new AbortController().signal,
  )
  const code = await codeThrown(drive(clock, use(act, told), 200))
  await renter.stop()
  return { ...told, code }
}

test('inputs are sent from the offset that was asked for, outputs are fetched whole, and the provider is told', async () => {
  let received = new Uint8Array()
  let word = ''
  const { code, worked } = await run(
    async (session, clock) => {
      await session.send(event({ need: { sha256: INPUT.sha256, offset: 1_000 } }))
      for (let bytes = 1_000; bytes < INPUT.bytes; ) {
        const request = await session.receive()
        assert.is(request?.chunk?.offset, bytes)
        received = Uint8Array.from([...received, ...request!.chunk!.data])
        bytes += request!.chunk!.data.length
      }
      await session.send(state(JobState.RUNNING))
      await clock.sleep(3_000)
      await session.send(
        event({ progress: { step: 1, steps: 2, metrics: [{ name: 'loss', value: 0.5 }] } }, 3_000),
      )
      await session.send(output(blobOf(RESULT)))
      await session.send(state(JobState.COMPLETED, 3_000))
      word = await give(session, [RESULT])
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
          sha256: digest(RESULT),
        },
      ])
      assert.equal(await disk.files.read(`${folder}/model.nsmodel`, 0, RESULT.length), RESULT)
      assert.equal(progress, [{ loss: 0.5 }])
      await result.accept()
    },
  )
  assert.is(code, undefined)
  assert.equal(received, await INPUT.read(1_000, INPUT.bytes))
  assert.is(worked.at(-1), 3_000)
  assert.is(word, 'accepted')
})

test('a transfer that broke off goes on from what is on the disk', async () => {
  const folder = `outputs/${folders}`
  await disk.files.append(`${folder}/.partial/${toHex(digest(RESULT))}`, RESULT.slice(0, 100_000))
  let from = 0
  const { code } = await run(async (session) => {
    await session.send(output(blobOf(RESULT)))
    await session.send(state(JobState.COMPLETED))
    const request = await session.receive()
    from = request!.need!.offset
    const [first, second] = [RESULT.slice(100_000, 140_000), RESULT.slice(140_000)]
    const { sha256 } = request!.need!
    await session.send(event({ chunk: { sha256, offset: 100_000, data: first } }))
    await session.send(event({ log: { line: 'a word in between' } }))
    await session.send(event({ chunk: { sha256, offset: 140_000, data: second } }))
  })
  assert.is(code, undefined)
  assert.is(from, 100_000)
  assert.equal(await disk.files.read(`${folder}/model.nsmodel`, 0, RESULT.length), RESULT)
})

const chunk = (change: Partial<NonNullable<JobEvent['chunk']>>) => async (session: Provider) => {
  await session.send(output(blobOf(RESULT)))
  await session.send(state(JobState.COMPLETED))
  await session.receive()
  const { sha256 } = blobOf(RESULT)
  await session.send(event({ chunk: { sha256, offset: 0, data: RESULT.slice(0, 65_536), ...change } }))
  await session.receive()
}
const ends =
  (...events: JobEvent[]) =>
  async (session: Provider) => {
    for (const sent of events) await session.send(sent)
    await session.receive()
  }
const named = (name: string) => ends(output(blobOf(RESULT, name)), state(JobState.COMPLETED))

const HOSTILE: Array<[what: string, code: string, behave: (session: Provider) => Promise<unknown>]> = [
  ['refuses', 'JOB_REFUSED', ends(event({ refused: { reason: 'UNKNOWN_LEASE', detail: '' } }))],
  ['fails', 'JOB_FAILED', ends(state(JobState.FAILED, 0, 'DEVICE_FAILED'))],
  ['is stopped', 'JOB_STOPPED', ends(state(JobState.STOPPED, 0, 'OWNER_CAME_BACK'))],
  ['asks for an unknown input', 'PROVIDER_FAULTY', ends(event({ need: { sha256: fill(32, 9), offset: 0 } }))],
  [
    'asks beyond the end of an input',
    'PROVIDER_FAULTY',
    ends(event({ need: { sha256: INPUT.sha256, offset: INPUT.bytes + 1 } })),
  ],
  [
    'asks for the inputs again and again',
    'PROVIDER_FAULTY',
    async (session) => {
      for (let times = 0; times < 3; times++) {
        await session.send(event({ need: { sha256: INPUT.sha256, offset: 0 } }))
        for (let chunks = 0; chunks < Math.ceil(INPUT.bytes / JOB_LIMITS.chunkBytes); chunks++)
          await session.receive()
      }
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
  ['sends a chunk of another blob', 'OUTPUT_INVALID', chunk({ sha256: fill(32, 3) })],
  ['sends a chunk from another place', 'OUTPUT_INVALID', chunk({ offset: 5 })],
  ['sends a chunk without data', 'PROVIDER_FAULTY', chunk({ data: new Uint8Array() })],
  [
    'sends more than it announced',
    'OUTPUT_INVALID',
    async (session) => {
      const small = { ...blobOf(RESULT), bytes: 10 }
      await ends(output(small), state(JobState.COMPLETED))(session)
      await session.send(event({ chunk: { sha256: small.sha256, offset: 0, data: RESULT.slice(0, 11) } }))
      await session.receive()
    },
  ],
  [
    'sends other bytes than it announced',
    'OUTPUT_INVALID',
    async (session) => {
      const small = { ...blobOf(RESULT), bytes: 10 }
      await ends(output(small), state(JobState.COMPLETED))(session)
      await session.send(event({ chunk: { sha256: small.sha256, offset: 0, data: fill(10, 1) } }))
      await session.receive()
    },
  ],
  [
    'says that it has not what it announced',
    'JOB_REFUSED',
    async (session) => {
      await ends(output(blobOf(RESULT)), state(JobState.COMPLETED))(session)
      await session.send(event({ refused: { reason: 'UNKNOWN_BLOB', detail: '' } }))
      await session.receive()
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
