import { toHex } from '../../protocols/bytes.js'
import { codeOf, NightshiftError, type Refusal } from '../../protocols/errors.js'
import { EVENT_PERIOD_MS, jobProtocol } from '../../protocols/job/protocol.js'
import { hasEnded } from '../../protocols/job/rules.js'
import { JobState } from '../../protocols/job/wire.js'
import type { Clock, Log } from '../../protocols/ports.js'
import type { Content } from '../content/port.js'
import type { Rack } from '../device/port.js'
import type { Engine } from '../net/ports.js'
import type { Run, Runtime } from '../runtime/port.js'
import { createAdmission } from './admission.js'
import type { Blobs } from './blobs.js'
import { createEndings } from './ending.js'
import { createGiving } from './giving.js'
import { type Jobs, wantedOf } from './jobs.js'
import type { Keys } from './keys.js'
import type { LeaseRecord, Ledger } from './ledger.js'
import { type Live, workedMsOf } from './live.js'
import { openRoster } from './roster.js'
import { createRunner } from './running.js'
import { createStreams } from './stream.js'
import type { StopReason } from './work.js'

export interface JobService {
  /** Ends the job of a lease, if it has one that has not ended, and frees its devices. */
  end(lease: Uint8Array, reason: StopReason): Promise<void>
  endAll(reason: StopReason): Promise<void>
  /** Renters may look for another provider before this one is gone, at `atMs` (Unix). */
  tellLeaving(atMs: number, reason: string): void
  /** What is computed stands still, or goes on; a job that cannot stand still ends as PROVIDER_PAUSED. */
  standStill(): Promise<void>
  goOn(): Promise<void>
  /** Asks every job that runs for a checkpoint, and waits for none. */
  askCheckpoints(): void
  /** Jobs that were never begun, and results that nobody will fetch any more. */
  sweep(): Promise<void>
  /** The lease is over: its job ends, and what was accepted is thrown away. */
  onClosed(record: LeaseRecord): void
  running(): JobSummary[]
  counts(): Record<string, number>
  /** What runs for a lease now. */
  runOf(lease: Uint8Array): Run | undefined
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
  content: Pick<Content, 'offer'>
  keys: Keys
  clock: Clock
  log: Log
  /** By their names. */
  runtimes: ReadonlyMap<string, Runtime>
  maxInputBytes: number
  pausedBecause: () => string | undefined
  /** Reads a lease from the chain whose opening this node has not heard of yet. */
  confirm: (record: LeaseRecord, signal: AbortSignal) => Promise<LeaseRecord | Refusal>
}

/**
 * The jobs of this node's leases: a Start is admitted, its stream served, the job run and ended, each in a file of that
 * name; here they are put together.
 */
export async function serveJobs(parts: Parts): Promise<JobService> {
  const { engine, ledger, jobs, blobs, keys, clock, log } = parts
  const stopping = new AbortController()
  const { signal } = stopping
  const background = new Set<Promise<void>>()

  const roster = await openRoster(jobs, clock)
  const endings = createEndings({ ledger, roster, keys, jobs, blobs, clock, log, signal })
  for (const { record } of roster.all()) {
    if (record.keyMark !== undefined) keys.lock(record.lease)
    if (hasEnded(record.state)) await endings.freeDevices(record)
  }
  const admission = createAdmission({ ...parts, roster })
  const run = createRunner({ ...parts, roster, endings, signal })
  const stopBeating = clock.every(EVENT_PERIOD_MS, () => {
    for (const { record, journal } of roster.all()) {
      if (record.state === JobState.QUEUED) journal.beat(record.workedMs)
    }
  })

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

  function begin(live: Live): void {
    const { spec } = live
    if (live.record.state !== JobState.QUEUED || spec === undefined) return
    if (live.isStarted || live.isEnding) return
    live.isStarted = true
    track('a job', live, run(live, spec))
  }

  const stopGiving = parts.content.offer(createGiving({ ledger, roster, blobs, clock, signal }))
  /** A job that an earlier process left: it goes on at once, unless what it needs comes with its renter. */
  async function takeUp(live: Live): Promise<void> {
    const { lease, keyMark } = live.record
    const known = ledger.get(lease)?.state ?? 'closed'
    if (known === 'closed') return endings.end(lease, 'LEASE_CLOSED')
    if (known !== 'open') return
    const isSound = await admission.readAgain(live)
    // Its renter's Start may have come meanwhile, and was judged on its own.
    if (live.isStarted) return
    if (!isSound) return endings.fail(live, notOffered())
    if (keyMark !== undefined) return
    for (const input of wantedOf(live.record)) if (!(await blobs.isComplete(lease, input))) return
    begin(live)
  }
  const unended = () => roster.all().filter(({ record }) => !hasEnded(record.state))

  await engine.handle(
    jobProtocol,
    createStreams({ admission, endings, ledger, roster, blobs, clock, onComplete: begin }),
  )

  for (const live of roster.all()) {
    if (!hasEnded(live.record.state)) track('a job of an earlier run', live, takeUp(live))
  }

  return {
    end: endings.end,
    endAll: async (reason) => {
      const leases = ledger.all().filter(({ state }) => state === 'open')
      await Promise.all(leases.map(({ lease }) => endings.end(lease, reason)))
    },
    tellLeaving: (atMs, reason) => {
      for (const live of unended()) live.journal.append({ leaving: { atMs, reason } }, workedMsOf(live))
    },
    standStill: async () => {
      const still = unended().map(async ({ record, work }) => {
        await work?.standStill().catch(() => endings.end(record.lease, 'PROVIDER_PAUSED'))
      })
      await Promise.all(still)
    },
    goOn: async () => {
      await Promise.allSettled(unended().map(({ work }) => work?.goOn()))
    },
    askCheckpoints: () => {
      for (const { work } of unended()) work?.checkpoint().catch(() => {}) // it may have none
    },
    sweep: endings.sweep,
    onClosed: (record) => {
      const live = roster.get(record.lease)
      if (live === undefined) return
      const over = async () => {
        await endings.end(record.lease, 'LEASE_CLOSED')
        if (live.record.accepted) await endings.forgetData(record.lease)
      }
      track('ending a job', live, over())
    },
    running: () =>
      unended().map((live) => ({
        lease: toHex(live.record.lease),
        state: live.record.state,
        reason: live.record.reason,
        workedMs: Math.floor(workedMsOf(live)),
      })),
    counts: endings.counts,
    runOf: (lease) => {
      const live = roster.get(lease)
      return live?.record.state === JobState.RUNNING ? live.work?.run : undefined
    },
    stop: async () => {
      stopBeating()
      stopGiving()
      stopping.abort(new Error('the provider stops'))
      await engine.unhandle(jobProtocol)
      for (const { session } of roster.all()) {
        session?.abort(
          new NightshiftError('PROVIDER_STOPPED', 'the provider stops', { advice: 'come back later' }),
        )
      }
      await Promise.allSettled(background)
    },
  }
}

function notOffered(): NightshiftError {
  return new NightshiftError('RUNTIME_NOT_OFFERED', 'the job’s runtime is not on offer any more', {
    advice: 'start the node with the runtimes that its jobs need',
  })
}
