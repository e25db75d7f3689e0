import fc from 'fast-check'
import * as assert from 'uvu/assert'
import { digest } from '../../protocols/bytes.js'
import {
  findMalformedEvent,
  hasEnded,
  JOB_LIMITS,
  judgeStart,
  NEXT,
  type StartRefusal,
} from '../../protocols/job/rules.js'
import { type Blob, JobEvent, JobState, type Start } from '../../protocols/job/wire.js'
import { fill } from '../support/messages.js'
import { suite } from '../support/suite.js'

const test = suite('job rules')
const STATES = Object.keys(NEXT) as JobState[]
const L = JOB_LIMITS

test('a job that has ended stays ended, and only three states end it', () => {
  assert.equal(STATES.filter(hasEnded).sort(), [JobState.COMPLETED, JobState.FAILED, JobState.STOPPED].sort())
  for (const from of STATES.filter(hasEnded)) {
    assert.equal(NEXT[from], [])
  }
})

test('every state is reached from the first, and every state that has not ended can end in each way', () => {
  const reach = (from: JobState): Set<JobState> => {
    const reached = new Set<JobState>()
    const open = [from]
    for (let state = open.pop(); state !== undefined; state = open.pop()) {
      for (const next of NEXT[state]) {
        if (!reached.has(next)) open.push(next)
        reached.add(next)
      }
    }
    return reached
  }
  assert.equal([...reach(JobState.QUEUED), JobState.QUEUED].filter(unique).sort(), [...STATES].sort())
  for (const state of STATES.filter((candidate) => !hasEnded(candidate))) {
    for (const end of STATES.filter(hasEnded)) assert.ok(reach(state).has(end), `${state} to ${end}`)
  }
})

test('no work is completed that was never running', () => {
  assert.equal(
    STATES.filter((from) => NEXT[from].includes(JobState.COMPLETED)),
    [JobState.RUNNING],
  )
  assert.equal(
    STATES.filter((from) => NEXT[from].includes(JobState.RUNNING)),
    [JobState.MATCHING],
  )
})

test('a state that this version does not know is not decoded', () => {
  const unknown = Uint8Array.of((5 << 3) | 2, 2, 1 << 3, 17)
  assert.throws(() => JobEvent.decode(unknown))
})

const SPEC = new TextEncoder().encode('{"kind":"train"}')
const FACTS = { lease: fill(32, 1), jobHash: digest(SPEC) }

function makeBlob(changes: Partial<Blob> = {}): Blob {
  return { name: 'digits.csv.gz', sha256: fill(32, 2), bytes: 100, ...changes }
}

function makeStart(changes: Partial<Start> = {}): Start {
  return {
    lease: FACTS.lease,
    spec: SPEC,
    inputs: [makeBlob()],
    fromEvent: 0,
    key: new Uint8Array(),
    ...changes,
  }
}

const named = (name: string): Partial<Start> => ({ inputs: [makeBlob({ name })] })
const numbered = (count: number, bytes: number) =>
  Array.from({ length: count }, (_, index) => makeBlob({ name: `part-${index}`, bytes }))

test('what was ordered is started, with everything at its limit', () => {
  assert.is(judgeStart(makeStart(), FACTS), undefined)
  assert.is(judgeStart(makeStart({ inputs: [] }), FACTS), undefined)
  const spec = new Uint8Array(L.maxSpecBytes)
  const inputs = numbered(L.maxInputs, L.maxInputBytes / L.maxInputs)
  assert.is(judgeStart(makeStart({ spec, inputs }), { ...FACTS, jobHash: digest(spec) }), undefined)
  assert.is(judgeStart(makeStart(named('x'.repeat(L.maxNameChars))), FACTS), undefined)
})

const REFUSED: Readonly<Record<StartRefusal, ReadonlyArray<Partial<Start>>>> = {
  WRONG_LEASE: [{ lease: fill(32, 9) }, { lease: new Uint8Array(0) }],
  SPEC_DIFFERS: [{ spec: new Uint8Array(0) }, { spec: SPEC.subarray(1) }],
  MALFORMED: [
    { spec: new Uint8Array(L.maxSpecBytes + 1) },
    { inputs: numbered(L.maxInputs + 1, 1) },
    { inputs: numbered(2, L.maxInputBytes / 2 + 1) },
    { inputs: [makeBlob(), makeBlob()] },
    { inputs: [makeBlob({ name: 'a' }), makeBlob({ name: 'A' })] },
    { inputs: [makeBlob({ bytes: -1 })] },
    { inputs: [makeBlob({ bytes: Number.NaN })] },
    { inputs: [makeBlob({ bytes: Number.POSITIVE_INFINITY })] },
    { inputs: [makeBlob({ bytes: 2 ** 53 })] },
    { inputs: [makeBlob({ sha256: fill(31, 2) })] },
    { inputs: [makeBlob({ sha256: new Uint8Array(0) })] },
    named(''),
    named('.'),
    named('..'),
    named('../key.json'),
    named('/etc/passwd'),
    named('a/b'),
    named('a\\b'),
    named('C:evil'),
    named('.hidden'),
    named('-rf'),
    named('a\0b'),
    named('a\nb'),
    named('\u001b[2J'),
    named('x'.repeat(L.maxNameChars + 1)),
  ],
}
for (const [reason, rows] of Object.entries(REFUSED)) {
  test(`${reason} is what ${rows.length} starts are refused for`, () => {
    assert.ok(rows.length > 0)
    for (const changes of rows) {
      assert.is(judgeStart(makeStart(changes), FACTS)?.refused, reason, JSON.stringify(changes).slice(0, 80))
    }
  })
}

const EVENT: JobEvent = { index: 3, workedMs: 1_000 }

test('events at their limits are taken', () => {
  const metrics = Array.from({ length: L.maxMetrics }, () => ({ name: 'loss', value: Number.NaN }))
  const taken: Array<Partial<JobEvent>> = [
    {},
    { workedMs: Number.MAX_SAFE_INTEGER },
    { log: { line: 'x'.repeat(L.maxLogLineChars) } },
    { progress: { step: 1, steps: 2, metrics } },
    { output: { blobs: numbered(L.maxOutputs, L.maxOutputBytes / L.maxOutputs) } },
    { state: { state: JobState.FAILED, reason: 'x'.repeat(L.maxReasonChars), detail: '' } },
  ]
  for (const changes of taken) assert.is(findMalformedEvent({ ...EVENT, ...changes }), undefined)
})

test('events beyond them are malformed', () => {
  const long = 'x'.repeat(L.maxReasonChars + 1)
  const metric = { name: 'loss', value: 1 }
  const broken: Array<Partial<JobEvent>> = [
    { workedMs: -1 },
    { workedMs: Number.NaN },
    { workedMs: 2 ** 53 },
    { log: { line: 'x'.repeat(L.maxLogLineChars + 1) } },
    {
      progress: { step: 1, steps: 2, metrics: Array.from({ length: L.maxMetrics + 1 }, () => metric) },
    },
    { progress: { step: 1, steps: 2, metrics: [{ name: 'x'.repeat(L.maxNameChars + 1), value: 1 }] } },
    { output: { blobs: numbered(L.maxOutputs + 1, 1) } },
    { output: { blobs: numbered(1, L.maxOutputBytes + 1) } },
    { output: { blobs: [makeBlob({ name: '../weights' })] } },
    { state: { state: JobState.FAILED, reason: long, detail: '' } },
    { state: { state: JobState.FAILED, reason: '', detail: long } },
    { refused: { reason: long, detail: '' } },
    { refused: { reason: '', detail: long } },
  ]
  for (const changes of broken) {
    assert.type(findMalformedEvent({ ...EVENT, ...changes }), 'string', Object.keys(changes).join())
  }
})

test('no bytes make reading and judging an event do anything but refuse, believe, or fail to decode', () => {
  const sane = JobEvent.encode({ ...EVENT, output: { blobs: [makeBlob()] }, log: { line: 'line' } })
  let decoded = 0
  fc.assert(
    fc.property(fc.nat(sane.length - 1), fc.integer({ min: 0, max: 255 }), (at, byte) => {
      const bytes = sane.slice()
      bytes[at] = byte
      let event: JobEvent
      try {
        event = JobEvent.decode(bytes)
      } catch {
        return
      }
      decoded++
      findMalformedEvent(event)
    }),
    { numRuns: 2_000 },
  )
  assert.ok(decoded > 100, `${decoded} decoded`)
})

function unique<T>(value: T, index: number, values: readonly T[]): boolean {
  return values.indexOf(value) === index
}

test.run()
