import { codeOf, NightshiftError } from '../../protocols/errors.js'
import { SILENCE_MS } from '../../protocols/job/protocol.js'
import { TokenBucket } from '../../protocols/limits.js'
import type { Clock } from '../../protocols/ports.js'
import type { Content } from '../content/port.js'
import type { Files } from '../files/port.js'
import type { Engine } from '../net/ports.js'
import { type JobListener, type JobOrder, type JobResult, runJob } from './job.js'

export interface ReturnListener extends JobListener {
  /** The provider could not be heard for so long, and is there again. Milliseconds. */
  onReturned(goneMs: number): void
  /** This node's disk is full; what is missing of the result is asked for again when there may be room. */
  onDiskFull(error: unknown): void
}

const FIRST_PAUSE_MS = 100
const LONGEST_PAUSE_MS = 1_000
/** Losses of one provider in a row: whoever comes and goes without end does not hold a job for ever. */
const LOSSES = { perMinute: 0.5, burst: 8 }
/** A result is with its provider, for as long as the lease is open and a while after: there is time to make room here. */
const DISK_PATIENCE_MS = 600_000
const DISK_PAUSE_MS = 2_000
/** What says that the provider, or the way to it, is gone; it may be there again in a moment. */
const GONE = [
  'PROVIDER_GONE',
  'PEER_UNREACHABLE',
  'PEER_GONE',
  'PEER_RESET',
  'PEER_STALLED',
  'PEER_SILENT',
  'FRAME_TRUNCATED',
  // A provider that starts can be reached before it serves jobs.
  'PROTOCOL_UNSUPPORTED',
]

/**
 * Runs a job with one provider through breaks of the line and restarts of its process: where it is lost, it is called again
 * until it answers, or has been gone for as long as the plan waits. Throws as `runJob` does; what it was first lost by, when
 * it does not come back.
 */
export async function runJobThrough(
  parts: { engine: Engine; content: Content; files: Files; clock: Clock },
  order: JobOrder,
  listener: ReturnListener,
  signal: AbortSignal,
): Promise<JobResult> {
  const { clock } = parts
  const { silenceMs = SILENCE_MS, since } = order
  const losses = new TokenBucket(LOSSES, clock.elapsed())
  let begunAt = since?.begunMs === undefined ? undefined : clock.elapsed() - since.begunMs
  let fromEvent = since?.fromEvent ?? 0
  let lost: { at: number; error: unknown } | undefined
  let pauseMs = FIRST_PAUSE_MS
  let fullSince: number | undefined

  const call = async (): Promise<JobResult> => {
    const enough = new AbortController()
    const before = lost
    const stopWaiting =
      before === undefined
        ? () => {}
        : clock.after(Math.max(0, before.at + silenceMs - clock.elapsed()), () => enough.abort(before.error))
    const onHeard = () => {
      stopWaiting()
      if (lost === undefined) return
      listener.onReturned(clock.elapsed() - lost.at)
      lost = undefined
      pauseMs = FIRST_PAUSE_MS
    }
    const noteIndex = (index: number) => {
      fromEvent = Math.max(fromEvent, index + 1)
    }
    try {
      const begunMs = begunAt === undefined ? {} : { begunMs: clock.elapsed() - begunAt }
      return await runJob(
        parts,
        { ...order, since: { fromEvent, ...begunMs } },
        {
          ...listener,
          onBegun: () => {
            begunAt = clock.elapsed()
            listener.onBegun()
          },
          onLog: (line, index, dropped) => {
            noteIndex(index)
            listener.onLog(line, index, dropped)
          },
          onProgress: (progress, index) => {
            noteIndex(index)
            listener.onProgress(progress, index)
          },
          onService: (service, index) => {
            noteIndex(index)
            listener.onService(service, index)
          },
          onWorked: (workedMs) => {
            onHeard()
            listener.onWorked(workedMs)
          },
        },
        AbortSignal.any([signal, enough.signal]),
      )
    } finally {
      stopWaiting()
    }
  }

  for (;;) {
    try {
      return await call()
    } catch (error) {
      signal.throwIfAborted()
      if (codeOf(error) === 'DISK_FULL') {
        fullSince ??= clock.elapsed()
        if (clock.elapsed() - fullSince >= DISK_PATIENCE_MS) throw error
        listener.onDiskFull(error)
        await clock.sleep(DISK_PAUSE_MS, signal)
        continue
      }
      if (!GONE.includes(codeOf(error) ?? '')) throw lost === undefined ? error : whyGone(lost.error, error)
      if (lost === undefined && !losses.take(clock.elapsed())) throw error
      lost ??= { at: clock.elapsed(), error }
      if (clock.elapsed() + pauseMs - lost.at >= silenceMs) throw lost.error
      await clock.sleep(pauseMs, signal)
      pauseMs = Math.min(2 * pauseMs, LONGEST_PAUSE_MS)
    }
  }
}

/** Whether it came back and said no, or was never heard again. */
function whyGone(lost: unknown, error: unknown): unknown {
  return codeOf(error) === 'PROVIDER_SILENT' ? lost : error
}

/**
 * Takes the time worked with each event of a running job; throws PROVIDER_STALLED when a provider that goes on to say that it
 * runs has worked nothing for `stallMs`. What comes before the work is not its concern: to prepare may take long, and is free.
 */
export function createStallWatch(clock: Clock, stallMs: number): (workedMs: number) => void {
  let worked = 0
  let movedAt = clock.elapsed()
  return (workedMs) => {
    const now = clock.elapsed()
    if (workedMs !== worked || workedMs === 0) {
      worked = workedMs
      movedAt = now
    }
    if (now - movedAt < stallMs) return
    throw new NightshiftError('PROVIDER_STALLED', `nothing was worked for ${Math.round(stallMs / 1_000)} s`, {
      advice: 'the job goes to the next bid, from its last checkpoint; what no voucher pays for comes back',
    })
  }
}
