import { toHex } from '../../protocols/bytes.js'
import { codeOf } from '../../protocols/errors.js'
import { EVENT_PERIOD_MS } from '../../protocols/job/protocol.js'
import type { JobSpec } from '../../protocols/job/spec.js'
import { type Blob, JobState } from '../../protocols/job/wire.js'
import type { Clock, Log } from '../../protocols/ports.js'
import type { Rack } from '../device/port.js'
import type { OutputFile, Runtime } from '../runtime/port.js'
import type { Blobs } from './blobs.js'
import { createCheckpoints } from './checkpoints.js'
import type { Endings } from './ending.js'
import { storedEvents } from './jobs.js'
import type { LeaseRecord, Ledger } from './ledger.js'
import { type Live, workedMsOf } from './live.js'
import { createNarrator } from './narrator.js'
import type { Roster } from './roster.js'
import { startWork } from './work.js'
import { keepOutputs, readInput } from './workpiece.js'

const KEEP_AGAIN_MS = 2_000
const SHORTEST_BEAT_MS = 100

/** Runs a job whose inputs are all there, to its end; what goes wrong is the end of the job, never an error here. */
export type RunJob = (live: Live, spec: JobSpec) => Promise<void>

export function createRunner(parts: {
  rack: Pick<Rack, 'unitsOf'>
  ledger: Ledger
  roster: Roster
  endings: Endings
  blobs: Blobs
  clock: Clock
  log: Log
  /** By their names. */
  runtimes: ReadonlyMap<string, Runtime>
  /** Aborts when the provider stops. */
  signal: AbortSignal
}): RunJob {
  const { ledger, roster, endings, blobs, clock, log, signal } = parts

  async function run(live: Live, spec: JobSpec): Promise<void> {
    const { lease } = live.record
    const leaseRecord = ledger.get(lease)
    if (leaseRecord === undefined || leaseRecord.state !== 'open' || live.isEnding) return
    await roster.store(live, { state: JobState.RUNNING, reason: '', detail: '' })
    live.journal.append({ state: { state: JobState.RUNNING, reason: '', detail: '' } }, live.record.workedMs)
    const { terms } = leaseRecord
    // What was worked is told often enough that the renter can pay for every slice in time.
    const period = Math.max(SHORTEST_BEAT_MS, Math.min(EVENT_PERIOD_MS, terms.sliceMs / 2))
    const stopTelling = clock.every(period, () => live.journal.beat(workedMsOf(live)))
    try {
      await work(live, spec, leaseRecord)
    } catch (error) {
      await endings.fail(live, error)
    } finally {
      stopTelling()
    }
  }

  /** Prepared first, which nobody pays for; then run, and what it leaves stored before anything of it is removed. */
  async function work(live: Live, spec: JobSpec, { terms, deposit }: LeaseRecord): Promise<void> {
    const { lease, inputs } = live.record
    const workedMs = () => workedMsOf(live)
    const checkpoints = createCheckpoints({
      blobs,
      lease,
      journal: live.journal,
      workedMs,
      before: live.record.kept ?? [],
      keep: (kept) => roster.store(live, { ...storedEvents(live.record, live.journal), kept, restarts: 0 }),
      log,
    })
    live.checkpoints = checkpoints
    const narrate = createNarrator(live.journal, clock, workedMs)
    const prepared = await parts.runtimes.get(spec.runtime)!.prepare(
      {
        id: toHex(lease),
        declared: spec.job,
        inputs: inputs.map((input) => readInput(blobs, lease, input)),
        devices: parts.rack.unitsOf(lease).map(({ place }) => place),
        ...(await loadFrom(live)),
        onEvent: (event) => {
          narrate(event)
          checkpoints.take(event)
        },
      },
      { signal: AbortSignal.any([live.ending.signal, signal]) },
    )
    try {
      if (live.isEnding) return
      live.work = startWork({
        run: prepared,
        clock,
        meter: { pricePerHour: terms.pricePerHour, deposit, sliceMs: terms.sliceMs },
        beforeMs: live.record.workedMs,
        paid: () => ledger.get(lease)?.best?.amount ?? 0n,
        maxMs: terms.durationS * 1_000,
      })
      const left = await live.work.output.finally(() => checkpoints.settled())
      const outputs = await keepAll(live, left)
      await endings.complete(live, outputs)
    } finally {
      await prepared.close()
    }
  }

  /** A result that is done is not lost because the disk is full: it is written as soon as there is room. */
  async function keepAll(live: Live, left: readonly OutputFile[]): Promise<Blob[]> {
    for (;;) {
      try {
        return await keepOutputs(blobs, live.record.lease, left)
      } catch (error) {
        if (codeOf(error) !== 'DISK_FULL') throw error
        log.error('the disk is full: a result is kept back until there is room', {
          lease: toHex(live.record.lease),
        })
        await clock.sleep(KEEP_AGAIN_MS, AbortSignal.any([live.ending.signal, signal]))
      }
    }
  }

  /** What it goes on from: its own newest checkpoint that can be read, or the one that its renter sent, or nothing. */
  async function loadFrom(live: Live): Promise<{ from?: Uint8Array }> {
    const { lease, checkpoint, kept = [] } = live.record
    for (const { blob, step, workedMs } of [...kept].reverse()) {
      try {
        const from = await blobs.load(lease, blob)
        await roster.store(live, { workedMs })
        return { from }
      } catch (error) {
        log.warn('a checkpoint cannot be read', { lease: toHex(lease), step, error: String(error) })
      }
    }
    await roster.store(live, { workedMs: 0 })
    return checkpoint === undefined ? {} : { from: await blobs.load(lease, checkpoint) }
  }

  return run
}
