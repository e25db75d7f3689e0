import { toHex } from '../../protocols/bytes.js'
import { codeOf, isRefusal, NightshiftError, type Refusal } from '../../protocols/errors.js'
import { EVENT_PERIOD_MS, jobProtocol } from '../../protocols/job/protocol.js'
import {
  hasEnded,
  JOB_LIMITS,
  judgeStart,
  outputDigest,
  type StartRefusal,
} from '../../protocols/job/rules.js'
import { decodeJobSpec, type JobSpec } from '../../protocols/job/spec.js'
import { type Blob, type JobEvent, type JobRequest, JobState, type Start } from '../../protocols/job/wire.js'
import type { Clock, Log } from '../../protocols/ports.js'
import type { Rack } from '../device/port.js'
import type { Engine } from '../net/ports.js'
import type { Session } from '../net/session.js'
import type { Runtime } from '../runtime/port.js'
import type { Blobs } from './blobs.js'
import { createCheckpoints } from './checkpoints.js'
import { areSame, emptyRecord, type JobRecord, type Jobs, tellEnd, wantedOf, withEvents } from './jobs.js'
import { createJournal } from './journal.js'
import type { LeaseRecord, Ledger } from './ledger.js'
import { createLive, type Live, workedMsOf } from './live.js'
import { createNarrator } from './narrator.js'
import { awaitPaid } from './payment.js'
import { serveTransfer } from './transfer.js'
import { createTurns } from './turns.js'
import { type StopReason, startWork, stopReasonOf, type Work } from './work.js'
import { keepOutputs, readInput } from './workpiece.js'

export type JobRefusal =
  | StartRefusal
  | 'UNKNOWN_LEASE'
  | 'LEASE_CLOSED'
  | 'SPEC_MALFORMED'
  | 'RUNTIME_NOT_OFFERED'
  | 'INPUTS_DIFFER'
  | 'INPUTS_TOO_LARGE'
  | 'PAUSED'

export interface JobService {
  /** Ends the job of a lease, if it has one that has not ended, and frees its devices. */
  end(lease: Uint8Array, reason: StopReason): Promise<void>
  endAll(reason: StopReason): Promise<void>
  /** Jobs that were never begun, and results that nobody will fetch any more. */
  sweep(): Promise<void>
  /** The lease is over: its job ends, and what was accepted is thrown away. */
  onClosed(record: LeaseRecord): void
  running(): JobSummary[]
  counts(): Record<string, number>
  stop(): Promise<void>
}

export interface JobSummary {
  lease: string
  state: JobState
  reason: string
  workedMs: number
}

interface Parts {
  engine: Engine
  rack: Pick<Rack, 'unitsOf'>
  ledger: Ledger
  jobs: Jobs
  blobs: Blobs
  clock: Clock
  log: Log
  /** By their names. */
  runtimes: ReadonlyMap<string, Runtime>
  maxInputBytes: number
  pausedBecause: () => string | undefined
  /** Reads a lease from the chain whose opening this node has not heard of yet. */
  confirm: (record: LeaseRecord, signal: AbortSignal) => Promise<LeaseRecord | Refusal>
}

/** A renter who holds devices sends its inputs without a longer break than this. */
const INPUT_PATIENCE_MS = 120_000
/** A result stays so long after its lease was closed. */
const RESULT_PATIENCE_MS = 600_000
const SHORTEST_BEAT_MS = 100
const STORE_AGAIN_MS = 1_000
/** The owner waits no longer for the last checkpoint of a job before it is stopped. */
const LAST_CHECKPOINT_MS = 800

/** A lease whose devices are free again; without a state there was no job. */
type Ended = Pick<JobRecord, 'lease'> & Partial<Pick<JobRecord, 'state' | 'outputs'>>

export async function serveJobs(parts: Parts): Promise<JobService> {
  const { engine, ledger, jobs, blobs, clock, log } = parts
  const lives = new Map<string, Live>()
  const counts: Record<string, number> = {}
  const stopping = new AbortController()
  const background = new Set<Promise<void>>()
  const opening = new Map<string, Promise<unknown>>()
  const storing = createTurns()

  for (const { record, journal } of await jobs.load()) {
    lives.set(toHex(record.lease), createLive(record, journal, clock))
    if (hasEnded(record.state)) await freeDevices(record)
  }
  const stopBeating = clock.every(EVENT_PERIOD_MS, () => {
    for (const live of lives.values()) if (live.record.state === JobState.QUEUED) live.journal.beat(0)
  })

  async function freeDevices({ lease, state, outputs = [] }: Ended): Promise<void> {
    const output = state === JobState.COMPLETED ? { output: outputDigest(outputs) } : {}
    await ledger.change(lease, (record) =>
      record.endedAtMs === undefined
        ? { ...record, occupies: false, endedAtMs: clock.now(), ...output }
        : record,
    )
  }

  /** One change after the other: of two at once, the first would come back over the second. */
  function store(live: Live, change: Partial<JobRecord>): Promise<void> {
    return storing.take(toHex(live.record.lease), async () => {
      const changed = { ...live.record, ...change }
      await jobs.put(changed)
      live.record = changed
    })
  }

  /** How a job ended is not forgotten because the disk was full: it is written as soon as there is room. */
  async function insist(live: Live, write: () => Promise<void>): Promise<void> {
    for (;;) {
      try {
        return await write()
      } catch (error) {
        log.error('the end of a job could not be stored; it is tried again', {
          lease: toHex(live.record.lease),
          error: String(error),
          code: codeOf(error),
        })
        await clock.sleep(STORE_AGAIN_MS, stopping.signal)
      }
    }
  }

  function track(what: string, live: Live, act: Promise<void>): void {
    const done: Promise<void> = act
      .catch((error) => {
        log.error(`${what} failed`, {
          lease: toHex(live.record.lease),
          error: String(error),
          code: codeOf(error),
        })
      })
      .finally(() => background.delete(done))
    background.add(done)
  }

  /** Refusals first, and nothing is stored for a Start that is refused. */
  async function admit(
    start: Start,
    session: Session<JobEvent, JobRequest>,
  ): Promise<Live | Refusal<JobRefusal>> {
    const lease = await findLease(start.lease, session)
    if (isRefusal(lease)) return lease
    const wrong = judgeStart(start, { lease: lease.lease, jobHash: lease.terms.jobHash })
    if (wrong !== undefined) return wrong
    const known = lives.get(toHex(lease.lease))
    if (known !== undefined) return resume(known, start)
    if (lease.state === 'closed') return { refused: 'LEASE_CLOSED', detail: 'that lease is over' }
    if (!lease.occupies)
      return { refused: 'LEASE_CLOSED', detail: 'its devices were given back: it was not started' }
    const because = parts.pausedBecause()
    if (because !== undefined) return { refused: 'PAUSED', detail: because }
    const bytes = wantedOf(start).reduce((sum, input) => sum + input.bytes, 0)
    if (bytes > parts.maxInputBytes) {
      return { refused: 'INPUTS_TOO_LARGE', detail: `${bytes} bytes, at most ${parts.maxInputBytes}` }
    }
    const spec = readSpec(start.spec, start.inputs)
    return isRefusal(spec) ? spec : create(start, spec)
  }

  /** One job for one lease, also when two Starts come at once. */
  async function create(start: Start, spec: JobSpec): Promise<Live | Refusal<JobRefusal>> {
    const id = toHex(start.lease)
    const journal = createJournal([], 0)
    const live = createLive(emptyRecord(start), journal, clock)
    live.spec = spec
    lives.set(id, live)
    const stored = store(live, {})
    opening.set(id, stored)
    try {
      await stored
    } catch (error) {
      lives.delete(id)
      throw error
    } finally {
      opening.delete(id)
    }
    journal.append({ state: { state: JobState.QUEUED, reason: '', detail: '' } }, 0)
    return live
  }

  async function resume(live: Live, start: Start): Promise<Live | Refusal<JobRefusal>> {
    await opening.get(toHex(start.lease))
    if (!areSame(live.record.inputs, start.inputs)) {
      return { refused: 'INPUTS_DIFFER', detail: 'the job was started with other inputs' }
    }
    if (live.spec === undefined && !hasEnded(live.record.state)) {
      const spec = readSpec(live.record.spec, live.record.inputs)
      if (isRefusal(spec)) return spec
      live.spec = spec
    }
    return live
  }

  /** Judged by its runtime's own schema before any data is asked for. */
  function readSpec(bytes: Uint8Array, inputs: readonly Blob[]): JobSpec | Refusal<JobRefusal> {
    const spec = decodeJobSpec(bytes)
    if (isRefusal(spec)) return { refused: 'SPEC_MALFORMED', detail: spec.detail }
    const runtime = parts.runtimes.get(spec.runtime)
    if (runtime === undefined) {
      return { refused: 'RUNTIME_NOT_OFFERED', detail: `on offer: ${[...parts.runtimes.keys()].join(', ')}` }
    }
    const names = inputs.map(({ name }) => name)
    try {
      runtime.check(spec.job, names)
      return spec
    } catch (error) {
      if (codeOf(error) === undefined) throw error
      return {
        refused: 'SPEC_MALFORMED',
        detail: (error as Error).message.slice(0, JOB_LIMITS.maxReasonChars),
      }
    }
  }

  async function findLease(
    lease: Uint8Array,
    { peer, signal }: Session<JobEvent, JobRequest>,
  ): Promise<LeaseRecord | Refusal<JobRefusal>> {
    const record = ledger.get(lease)
    if (record === undefined || record.renter !== peer) {
      return { refused: 'UNKNOWN_LEASE', detail: 'this node has no such lease of this renter' }
    }
    if (record.state !== 'signed') return record
    const confirmed = await parts.confirm(record, signal)
    return isRefusal(confirmed) ? { refused: 'UNKNOWN_LEASE', detail: confirmed.detail } : confirmed
  }

  async function run(live: Live, spec: JobSpec): Promise<void> {
    const { lease } = live.record
    const leaseRecord = ledger.get(lease)
    if (leaseRecord === undefined || leaseRecord.state !== 'open' || live.isEnding) return
    await store(live, { state: JobState.RUNNING })
    live.journal.append({ state: { state: JobState.RUNNING, reason: '', detail: '' } }, 0)
    const { terms } = leaseRecord
    // What was worked is told often enough that the renter can pay for every slice in time.
    const period = Math.max(SHORTEST_BEAT_MS, Math.min(EVENT_PERIOD_MS, terms.sliceMs / 2))
    const stopTelling = clock.every(period, () => live.journal.beat(workedMsOf(live)))
    try {
      await work(live, spec, leaseRecord)
    } catch (error) {
      await fail(live, error)
    } finally {
      stopTelling()
    }
  }

  /** Prepared first, which nobody pays for; then run, and what it leaves stored before anything of it is removed. */
  async function work(live: Live, spec: JobSpec, { terms, deposit }: LeaseRecord): Promise<void> {
    const { lease, inputs, checkpoint } = live.record
    const workedMs = () => workedMsOf(live)
    const checkpoints = createCheckpoints({ blobs, lease, journal: live.journal, workedMs, log })
    live.checkpoints = checkpoints
    const narrate = createNarrator(live.journal, clock, workedMs)
    const prepared = await parts.runtimes.get(spec.runtime)!.prepare(
      {
        id: toHex(lease),
        declared: spec.job,
        inputs: inputs.map((input) => readInput(blobs, lease, input)),
        devices: parts.rack.unitsOf(lease).map(({ place }) => place),
        ...(checkpoint === undefined ? {} : { from: await blobs.load(lease, checkpoint) }),
        onEvent: (event) => {
          narrate(event)
          checkpoints.take(event)
        },
      },
      { signal: AbortSignal.any([live.ending.signal, stopping.signal]) },
    )
    try {
      if (live.isEnding) return
      live.work = startWork({
        run: prepared,
        clock,
        meter: { pricePerHour: terms.pricePerHour, deposit, sliceMs: terms.sliceMs },
        paid: () => ledger.get(lease)?.best?.amount ?? 0n,
        maxMs: terms.durationS * 1_000,
      })
      const left = await live.work.output.finally(() => checkpoints.settled())
      const outputs = await keepOutputs(blobs, lease, left)
      await conclude(live, JobState.COMPLETED, '', '', outputs)
    } finally {
      await prepared.close()
    }
  }

  async function fail(live: Live, error: unknown): Promise<void> {
    const reason = stopReasonOf(error) ?? codeOf(error) ?? 'DEVICE_FAILED'
    const state = reason === 'STOPPED_BY_RENTER' ? JobState.STOPPED : JobState.FAILED
    const detail = error instanceof Error ? error.message.slice(0, JOB_LIMITS.maxReasonChars) : ''
    await conclude(live, state, reason, detail, [])
  }

  /** What the job leaves is on the disk before it is announced; then its devices are free. */
  async function conclude(
    live: Live,
    state: JobState,
    reason: string,
    detail: string,
    outputs: Blob[],
  ): Promise<void> {
    if (hasEnded(live.record.state)) return
    live.isEnding = true
    await insist(live, () =>
      store(live, { state, reason, detail, outputs, workedMs: Math.floor(workedMsOf(live)) }),
    )
    await insist(live, () => freeDevices(live.record))
    tellEnd(live.journal, live.record)
    await store(live, withEvents(live.record, live.journal))
    const outcome = reason === '' ? state : reason
    counts[outcome] = (counts[outcome] ?? 0) + 1
    log.info('job ended', { lease: toHex(live.record.lease), state, reason, workedMs: live.record.workedMs })
  }

  async function end(lease: Uint8Array, reason: StopReason): Promise<void> {
    const live = lives.get(toHex(lease))
    if (live === undefined) return freeDevices({ lease })
    if (hasEnded(live.record.state)) return
    live.isEnding = true
    live.ending.abort(new NightshiftError('WORK_ENDED', 'the job is over', { advice: 'its reason says why' }))
    if (live.work === undefined) {
      const state = reason === 'STOPPED_BY_RENTER' ? JobState.STOPPED : JobState.FAILED
      return conclude(live, state, reason, 'before the work had begun', [])
    }
    if (reason === 'PROVIDER_PAUSED' || reason === 'PROVIDER_STOPPED') await awaitLastCheckpoint(live.work)
    live.work.stop(reason)
    await live.work.output.catch(() => {})
  }

  /** The job is not at fault: it may go on elsewhere from where it is. Its end waits for what can be had soon. */
  async function awaitLastCheckpoint({ checkpoint, output }: Work): Promise<void> {
    const enough = new AbortController()
    const late = clock.sleep(LAST_CHECKPOINT_MS, enough.signal).catch(() => {})
    await Promise.race([checkpoint(), output, late]).catch((error) =>
      log.debug('a job ends without a last checkpoint', { error: String(error) }),
    )
    enough.abort()
  }

  async function remove(live: Live): Promise<void> {
    const { lease } = live.record
    live.session?.abort(
      new NightshiftError('JOB_FORGOTTEN', 'the result was handed over', { advice: 'done' }),
    )
    await blobs.remove(lease)
    await jobs.delete(lease)
    lives.delete(toHex(lease))
  }

  async function accept(live: Live): Promise<void> {
    await store(live, { accepted: true })
    if (ledger.get(live.record.lease)?.state === 'closed') await blobs.remove(live.record.lease)
  }

  async function serve(session: Session<JobEvent, JobRequest>): Promise<void> {
    const start = (await session.receive())?.start
    const admitted: Live | Refusal<JobRefusal> =
      start === undefined
        ? { refused: 'MALFORMED', detail: 'a job begins with a start' }
        : await admit(start, session)
    if (isRefusal(admitted)) {
      const { refused: reason, detail } = admitted
      return session.send({ index: 0, workedMs: 0, refused: { reason, detail } })
    }
    const live = admitted
    live.session?.abort(
      new NightshiftError('SUPERSEDED', 'the renter came back on another stream', {
        advice: 'use the newest',
      }),
    )
    const mine = new AbortController()
    live.session = mine
    // The one before writes down what it has received; only then is it known what is missing.
    const before = live.served
    live.served = before
      .then(() =>
        serveTransfer(session, {
          job: viewOf(live),
          blobs,
          fromEvent: start?.fromEvent ?? 0,
          signal: mine.signal,
        }),
      )
      .then(
        () => undefined,
        (error) => error,
      )
    const failure = await live.served
    if (failure !== undefined) throw failure
  }

  function viewOf(live: Live) {
    const { lease } = live.record
    return {
      lease,
      journal: live.journal,
      hasEnded: () => hasEnded(live.record.state),
      outputs: () => [...live.record.outputs, ...(live.checkpoints?.list() ?? [])],
      awaitPaid: (signal: AbortSignal) => {
        const read = () => ({ lease: ledger.get(lease), workedMs: live.record.workedMs })
        return awaitPaid(clock, read, AbortSignal.any([signal, stopping.signal]))
      },
      missingInput: async () => {
        if (live.record.state !== JobState.QUEUED) return undefined
        for (const input of wantedOf(live.record)) if (!(await blobs.isComplete(lease, input))) return input
        return undefined
      },
      onReceived: () => {
        live.lastInputAt = clock.elapsed()
      },
      onComplete: () => {
        const { spec } = live
        if (live.record.state !== JobState.QUEUED || spec === undefined) return
        if (live.isStarted || live.isEnding) return
        live.isStarted = true
        track('a job', live, run(live, spec))
      },
      onStop: () => end(lease, 'STOPPED_BY_RENTER'),
      onAccepted: () => accept(live),
    }
  }

  await engine.handle(jobProtocol, serve)

  return {
    end,
    endAll: async (reason) => {
      const leases = ledger.all().filter(({ state }) => state === 'open')
      await Promise.all(leases.map(({ lease }) => end(lease, reason)))
    },
    sweep: async () => {
      for (const record of ledger.all()) {
        if (record.state === 'open' && record.occupies) await endIdle(record)
      }
      for (const live of [...lives.values()]) {
        const record = ledger.get(live.record.lease)
        const isOver =
          record === undefined || clock.now() - (record.closedAtMs ?? Infinity) > RESULT_PATIENCE_MS
        if (isOver && hasEnded(live.record.state)) await remove(live)
      }
    },
    onClosed: (record) => {
      const live = lives.get(toHex(record.lease))
      if (live === undefined) return
      const over = async () => {
        await end(record.lease, 'LEASE_CLOSED')
        if (live.record.accepted) await blobs.remove(record.lease)
      }
      track('ending a job', live, over())
    },
    running: () =>
      [...lives.values()]
        .filter(({ record }) => !hasEnded(record.state))
        .map((live) => ({
          lease: toHex(live.record.lease),
          state: live.record.state,
          reason: live.record.reason,
          workedMs: Math.floor(workedMsOf(live)),
        })),
    counts: () => ({ ...counts }),
    stop: async () => {
      stopBeating()
      stopping.abort(new Error('the provider stops'))
      await engine.unhandle(jobProtocol)
      for (const { session } of lives.values()) {
        session?.abort(
          new NightshiftError('PROVIDER_STOPPED', 'the provider stops', { advice: 'come back later' }),
        )
      }
      await Promise.allSettled(background)
    },
  }

  /** A renter who opened a lease but sends nothing keeps the devices from others for nothing. */
  async function endIdle(record: LeaseRecord): Promise<void> {
    const live = lives.get(toHex(record.lease))
    if (live === undefined) {
      if (clock.now() - record.signedAtMs > INPUT_PATIENCE_MS) await freeDevices({ lease: record.lease })
      return
    }
    if (live.record.state !== JobState.QUEUED || live.work !== undefined) return
    if (clock.elapsed() - live.lastInputAt > INPUT_PATIENCE_MS) await end(record.lease, 'NOT_STARTED')
  }
}
