import { NightshiftError } from '../../protocols/errors.js'
import type { Clock } from '../../protocols/ports.js'
import { type Meter, mayGoOn } from '../../protocols/settlement/rules.js'
import type { OutputFile, Run } from '../runtime/port.js'

/** Why work was broken off; with the reason that the journal and the renter see. */
export type StopReason =
  | 'UNPAID'
  | 'NOT_STARTED'
  | 'TIME_IS_UP'
  | 'STOPPED_BY_RENTER'
  | 'PROVIDER_PAUSED'
  | 'PROVIDER_STOPPED'
  | 'LEASE_CLOSED'
  | 'LEASE_CANCELLED'
  | 'LEASE_EXPIRED'

/** A prepared job that runs, with the meter that is paid for running beside it. */
export interface Work {
  /** Milliseconds that were worked so far, less those in which the run stood still. */
  workedMs(): number
  /** What it left; rejects with a WORK_STOPPED error that carries the reason, or with the runtime's own error. */
  readonly output: Promise<readonly OutputFile[]>
  /** Asks for a checkpoint; rejects where the job has none. */
  checkpoint(): Promise<void>
  stop(reason: StopReason): void
  /** What it is: its ports and programs are asked for there. */
  readonly run: Run
  /** The meter stands still with it; rejects where the job cannot. */
  standStill(): Promise<void>
  goOn(): Promise<void>
}

/** A service has no end of its own: these are how it ends in order. */
const SERVICE_ENDS: readonly StopReason[] = ['TIME_IS_UP', 'STOPPED_BY_RENTER']

/**
 * Unpaid for so many slices beyond the one that is granted, the work is broken off; however short they are, a voucher
 * has a way to go and a disk to be flushed to on each side.
 */
const UNPAID_SLICES = 3
const SHORTEST_PATIENCE_MS = 3_000
/** The owner who wants the card waits no longer for a program that would tidy up. */
const OWNER_GRACE_MS = 200
const LONGEST_CHECK_MS = 1_000
const SHORTEST_CHECK_MS = 25

export function startWork(parts: {
  run: Run
  clock: Clock
  meter: Meter
  /** The amount of the best voucher that is held. */
  paid: () => bigint
  /** What was worked before, up to the checkpoint that it goes on from. Milliseconds. */
  beforeMs: number
  /** The lease's whole duration: the deposit covers no more. */
  maxMs: number
}): Work {
  const { run, clock, meter, paid, beforeMs, maxMs } = parts
  const startedAt = clock.elapsed()
  let broken: NightshiftError | undefined
  let brokenBecause: StopReason | undefined
  let ended: number | undefined
  let unpaidSince: number | undefined

  const passedMs = () => clock.elapsed() - startedAt
  const meterMs = () => beforeMs + passedMs() - run.idleMs()
  const workedMs = () => Math.min(ended ?? meterMs(), maxMs)
  const stop = (reason: StopReason) => {
    if (broken !== undefined) return
    broken = stopped(reason)
    brokenBecause = reason
    // What the engine or the device says of it, the end of the run says too.
    run.stop(reason === 'PROVIDER_PAUSED' ? OWNER_GRACE_MS : undefined).catch(() => {})
  }

  const patienceMs = Math.max(SHORTEST_PATIENCE_MS, UNPAID_SLICES * meter.sliceMs)
  const check = () => {
    if (workedMs() >= maxMs) return stop('TIME_IS_UP')
    if (mayGoOn(meter, workedMs(), paid())) unpaidSince = undefined
    else unpaidSince ??= clock.elapsed()
    if (unpaidSince !== undefined && clock.elapsed() - unpaidSince > patienceMs) stop('UNPAID')
  }
  const period = Math.max(SHORTEST_CHECK_MS, Math.min(LONGEST_CHECK_MS, meter.sliceMs / 4))
  const stopChecking = clock.every(period, check)

  const work = async () => {
    try {
      const left = await run.start()
      if (brokenBecause === undefined || SERVICE_ENDS.includes(brokenBecause)) return left
      // A service takes every stop as its end; whether its renter wanted it, only the reason says.
      if (run.isService === true) throw broken
      return left
    } catch (error) {
      throw broken ?? error
    } finally {
      ended = meterMs()
      stopChecking()
    }
  }
  return {
    workedMs,
    output: work(),
    checkpoint: () => run.checkpoint(),
    stop,
    run,
    standStill: () => run.pause(),
    goOn: () => run.resume(),
  }
}

function stopped(reason: StopReason): NightshiftError {
  return new NightshiftError('WORK_STOPPED', `the work was broken off: ${reason}`, {
    advice: 'the reason says who ended it; what was paid for until then is settled',
    context: { reason },
  })
}

/** The reason why work was broken off by `stop`; undefined for any other failure. */
export function stopReasonOf(error: unknown): StopReason | undefined {
  if (!(error instanceof NightshiftError) || error.code !== 'WORK_STOPPED') return undefined
  return error.context.reason as StopReason
}
