import { toHex } from '../../protocols/bytes.js'
import { codeOf, NightshiftError } from '../../protocols/errors.js'
import { hasEnded, JOB_LIMITS, outputDigest } from '../../protocols/job/rules.js'
import { type Blob, JobState } from '../../protocols/job/wire.js'
import type { Clock, Log } from '../../protocols/ports.js'
import type { Blobs } from './blobs.js'
import { type JobRecord, type Jobs, tellEnd, withEvents } from './jobs.js'
import type { Keys } from './keys.js'
import type { LeaseRecord, Ledger } from './ledger.js'
import { type Live, workedMsOf } from './live.js'
import type { Roster } from './roster.js'
import { type StopReason, stopReasonOf, type Work } from './work.js'

/** A renter who holds devices sends its inputs without a longer break than this. */
const INPUT_PATIENCE_MS = 120_000
/** A result stays so long after its lease was closed. */
const RESULT_PATIENCE_MS = 600_000
const STORE_AGAIN_MS = 1_000
/** The owner waits no longer for the last checkpoint of a job before it is stopped. */
const LAST_CHECKPOINT_MS = 600

/** A lease whose devices are free again; without a state there was no job. */
type Ended = Pick<JobRecord, 'lease'> & Partial<Pick<JobRecord, 'state' | 'outputs'>>

/** How jobs end, and what is left of them. */
export interface Endings {
  freeDevices(ended: Ended): Promise<void>
  /** What the job leaves is on the disk before it is announced; then its devices are free. */
  complete(live: Live, outputs: Blob[]): Promise<void>
  /** Its runtime, its inputs or its renter ended it. */
  fail(live: Live, error: unknown): Promise<void>
  /** Ends the job of a lease, if it has one that has not ended, and frees its devices. */
  end(lease: Uint8Array, reason: StopReason): Promise<void>
  /** Jobs that were never begun, and results that nobody will fetch any more. */
  sweep(): Promise<void>
  /** The data of a lease, and the key that sealed it. */
  forgetData(lease: Uint8Array): Promise<void>
  /** How many ended how, since this process began. */
  counts(): Record<string, number>
}

export function createEndings(parts: {
  ledger: Ledger
  roster: Roster
  keys: Keys
  jobs: Jobs
  blobs: Blobs
  clock: Clock
  log: Log
  /** Aborts when the provider stops. */
  signal: AbortSignal
}): Endings {
  const { ledger, roster, keys, jobs, blobs, clock, log, signal } = parts
  const { store } = roster
  const counts: Record<string, number> = {}
  /** When a lease without a job was first looked at, by the clock's `elapsed`: the time of day may jump. */
  const idleSince = new Map<string, number>()

  async function freeDevices({ lease, state, outputs = [] }: Ended): Promise<void> {
    const output = state === JobState.COMPLETED ? { output: outputDigest(outputs) } : {}
    await ledger.change(lease, (record) =>
      record.endedAtMs === undefined
        ? { ...record, occupies: false, endedAtMs: clock.now(), ...output }
        : record,
    )
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
        await clock.sleep(STORE_AGAIN_MS, signal)
      }
    }
  }

  async function fail(live: Live, error: unknown): Promise<void> {
    const reason = stopReasonOf(error) ?? codeOf(error) ?? 'DEVICE_FAILED'
    const state = reason === 'STOPPED_BY_RENTER' ? JobState.STOPPED : JobState.FAILED
    const detail = error instanceof Error ? error.message.slice(0, JOB_LIMITS.maxReasonChars) : ''
    await conclude(live, state, reason, detail, [])
  }

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
    const live = roster.get(lease)
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

  /** What was handed over or will never be fetched: from then on not even a copy of the disk can be read. */
  async function forgetData(lease: Uint8Array): Promise<void> {
    await blobs.remove(lease)
    keys.erase(lease)
  }

  async function remove(live: Live): Promise<void> {
    const { lease } = live.record
    live.session?.abort(
      new NightshiftError('JOB_FORGOTTEN', 'the result was handed over', { advice: 'done' }),
    )
    await forgetData(lease)
    await jobs.delete(lease)
    roster.delete(lease)
  }

  /** A renter who opened a lease but sends nothing keeps the devices from others for nothing. */
  async function endIdle(record: LeaseRecord): Promise<void> {
    const live = roster.get(record.lease)
    if (live === undefined) {
      const id = toHex(record.lease)
      const since = idleSince.get(id) ?? clock.elapsed()
      idleSince.set(id, since)
      if (clock.elapsed() - since <= INPUT_PATIENCE_MS) return
      idleSince.delete(id)
      return freeDevices({ lease: record.lease })
    }
    idleSince.delete(toHex(record.lease))
    if (live.record.state !== JobState.QUEUED || live.work !== undefined) return
    if (clock.elapsed() - live.lastInputAt > INPUT_PATIENCE_MS) await end(record.lease, 'NOT_STARTED')
  }

  async function sweep(): Promise<void> {
    for (const record of ledger.all()) {
      if (record.state === 'open' && record.occupies) await endIdle(record)
    }
    for (const live of roster.all()) {
      const record = ledger.get(live.record.lease)
      const isOver =
        record === undefined || clock.now() - (record.closedAtMs ?? Infinity) > RESULT_PATIENCE_MS
      if (isOver && hasEnded(live.record.state)) await remove(live)
    }
  }

  return {
    freeDevices,
    complete: (live, outputs) => conclude(live, JobState.COMPLETED, '', '', outputs),
    fail,
    end,
    sweep,
    forgetData,
    counts: () => ({ ...counts }),
  }
}
