import { toHex } from '../../protocols/bytes.js'
import { NightshiftError } from '../../protocols/errors.js'
import { jobProtocol, SILENCE_MS } from '../../protocols/job/protocol.js'
import { findMalformedEvent, hasEnded } from '../../protocols/job/rules.js'
import {
  type Blob,
  type JobEvent,
  type JobRequest,
  JobState,
  type Log as LogLine,
  type Metric,
  type State,
} from '../../protocols/job/wire.js'
import { TokenBucket } from '../../protocols/limits.js'
import type { Clock } from '../../protocols/ports.js'
import { printable } from '../../protocols/text.js'
import type { Content, TransferProgress } from '../content/port.js'
import type { Files, Source } from '../files/port.js'
import type { Engine } from '../net/ports.js'
import type { Session } from '../net/session.js'
import { type CheckpointFetcher, createFetcher, type FetchedCheckpoint } from './fetching.js'
import { giveInputs } from './giving.js'

export interface JobOrder {
  peer: string
  lease: Uint8Array
  /** The job specification as it was hashed into the order. */
  spec: Uint8Array
  inputs: Source[]
  /** What the provider goes on from, where another has begun the job. */
  checkpoint?: Source
  /** Seals what the job leaves on the provider's disk. */
  key?: Uint8Array
  /** How long a provider may be silent; default: SILENCE_MS. */
  silenceMs?: number
  /** Folder under the renter's files that takes the outputs. */
  outputs: string
  /** Folder that takes checkpoints; without it none are fetched. */
  checkpoints?: string
  /** As long as the lease: nobody works, or sends, beyond its end. */
  durationMs: number
  /** For a renter that comes back: the first event that it does not know, and how long ago the provider began. */
  since?: { fromEvent: number; begunMs?: number }
  /** Of a service: when it aborts, or the lease is nearly over, the provider is told to end it, which completes it. */
  ending?: AbortSignal
}

export interface JobListener {
  /** The provider says, for the first time, that it runs. */
  onBegun(): void
  /** `index`: the event's place in the provider's log of the job. */
  onLog(line: string, index: number, dropped?: number): void
  onProgress(progress: { step: number; steps: number; metrics: Record<string, number> }, index: number): void
  /** A service stands otherwise than before. */
  onService(service: { status: string; detail: string; restarts: number }, index: number): void
  /** The provider says that it ends the work, of its own will, at this moment by its clock (Unix milliseconds). */
  onLeaving(atMs: number, reason: string): void
  /** A checkpoint is here, and is what was announced. */
  onCheckpoint(checkpoint: FetchedCheckpoint): Promise<void>
  /** One could not be kept here; the job goes on. */
  onCheckpointLost(error: unknown): void
  /** How a transfer that takes more than a second goes, once a second: `up` to the provider, `down` from it. */
  onTransfer(name: string, direction: 'up' | 'down', progress: TransferProgress): void
  /** Called with the time that may be paid for; never more than this renter has itself seen pass. */
  onWorked(workedMs: number): void
}

export interface JobResult {
  outputs: Array<{ name: string; bytes: number; file: string; sha256: Uint8Array }>
  workedMs: number
  /** Tells the provider that the result has arrived whole, as far as it still listens: it may forget it after the lease. */
  accept(): Promise<void>
  /** Leaves without accepting: what was made up is not paid for. */
  reject(reason: string): Promise<void>
}

type Conversation = Session<JobRequest, JobEvent>

/** A provider's and a renter's stop watch differ by a message's way and by drift. */
const CLOCK_TOLERANCE = 1.02
const CLOCK_GRACE_MS = 500
/** Log lines and progress of a job: what is more frequent is dropped. */
const CHATTER = { perMinute: 1_200, burst: 600 }
/** After the end of a job its last checkpoint is waited for, so long from one chunk to the next. */
const LAST_CHECKPOINT_MS = 10_000
/** What a service leaves is fetched within its lease: it is told to end so long before, or a quarter of a short one. */
const SERVICE_MARGIN_MS = 10_000
const METRIC_NAME = /^[A-Za-z0-9_][A-Za-z0-9_. /-]*$/

/**
 * Runs one job with one provider: sends the inputs that it asks for, follows it and keeps its checkpoints, and fetches the outputs, each
 * checked against its digest before it gets its name. Throws JOB_REFUSED, JOB_FAILED, JOB_STOPPED, PROVIDER_SILENT,
 * PROVIDER_OUT_OF_TIME, PROVIDER_FAULTY, OUTPUT_INVALID, or what the session throws when the provider is gone.
 */
export async function runJob(
  parts: { engine: Engine; content: Content; files: Files; clock: Clock },
  order: JobOrder,
  listener: JobListener,
  signal: AbortSignal,
): Promise<JobResult> {
  const { engine, content, files, clock } = parts
  const { peer } = order
  const watch = watchProvider(clock, order.durationMs, order.silenceMs ?? SILENCE_MS)
  const failed = new AbortController()
  const onFailed = (error: unknown) => failed.abort(error)
  const limit = AbortSignal.any([signal, watch.signal, failed.signal])
  const stopGiving = giveInputs({
    content,
    peer,
    sources: order.checkpoint === undefined ? order.inputs : [...order.inputs, order.checkpoint],
    onChunk: watch.heard,
    onProgress: (name, progress) => listener.onTransfer(name, 'up', progress),
    onFailed,
  })
  const fetcher =
    order.checkpoints === undefined
      ? undefined
      : createFetcher({
          content,
          clock,
          peer,
          files,
          folder: order.checkpoints,
          onFetched: listener.onCheckpoint,
          onLost: listener.onCheckpointLost,
          onChunk: watch.heard,
          onProgress: (name, progress) => listener.onTransfer(name, 'down', progress),
          onFailed,
        })
  let session: Conversation | undefined
  try {
    const opened = await engine.open(jobProtocol, peer, { signal: limit })
    session = opened
    await session.send({
      start: {
        lease: order.lease,
        spec: order.spec,
        inputs: order.inputs.map(describe),
        fromEvent: order.since?.fromEvent ?? 0,
        key: order.key ?? new Uint8Array(),
        ...(order.checkpoint === undefined ? {} : { checkpoint: describe(order.checkpoint) }),
      },
    })
    const meter = createMeter(clock, order.since?.begunMs)
    const announced = await followJob(session, order, listener, { meter, watch, clock, fetcher })
    const outputs = await fetchOutputs(parts, order, announced, { watch, listener, signal: limit })
    watch.stop()
    return {
      outputs,
      workedMs: meter.workedMs(),
      accept: () => leave(opened, { accepted: {} }),
      reject: (reason) => leave(opened, { stop: { reason } }),
    }
  } catch (error) {
    watch.stop()
    session?.abort(error instanceof Error ? error : new Error(String(error)))
    signal.throwIfAborted()
    failed.signal.throwIfAborted()
    throw watch.signal.aborted ? (watch.signal.reason as Error) : error
  } finally {
    stopGiving()
    fetcher?.stop()
  }
}

function describe({ name, sha256, bytes, shared, keep }: Source): Blob {
  return { name, sha256, bytes, ...(shared === true ? { shared } : {}), ...(keep === true ? { keep } : {}) }
}

/** The last word of ours; a provider that is gone does not hear it, and nothing hangs on that. */
async function leave(session: Conversation, word: JobRequest): Promise<void> {
  try {
    await session.send(word)
  } catch {
    return
  }
  // Not awaited: how long the provider takes to end concerns nobody.
  void session.close().catch(() => {})
}

/** Takes the provider's events until the job has COMPLETED: what it leaves was announced before. */
async function followJob(
  session: Conversation,
  order: JobOrder,
  listener: JobListener,
  parts: { meter: Meter; watch: Watch; clock: Clock; fetcher: CheckpointFetcher | undefined },
): Promise<Blob[]> {
  const { meter, watch, clock, fetcher } = parts
  const { peer } = order
  const chatter = new TokenBucket(CHATTER, clock.elapsed())
  const isHeard = () => chatter.take(clock.elapsed())
  let unheard = 0
  /** How many lines of a flood were dropped is said with the next that is not. */
  const sayLine = ({ line, dropped }: LogLine, index: number) => {
    if (!isHeard()) {
      unheard += dropped ?? 1
      return
    }
    if (unheard > 0) listener.onLog(`(${unheard} lines left out: too many at once)`, index, unheard)
    unheard = 0
    listener.onLog(printable(line), index, dropped)
  }
  let isOver = watchService(order, clock)
  let isLeaving = false
  let announced: Blob[] = []
  for await (const event of session) {
    watch.heard()
    checkEvent(event, peer)
    if (event.checkpoint !== undefined) fetcher?.announce(event.checkpoint)
    if (event.log !== undefined) sayLine(event.log, event.index)
    if (event.progress !== undefined && isHeard()) {
      const { step, steps, metrics } = event.progress
      listener.onProgress({ step, steps, metrics: readMetrics(metrics) }, event.index)
    }
    if (event.service !== undefined && isHeard()) {
      const { status, detail, restarts } = event.service
      listener.onService({ status: printable(status), detail: printable(detail), restarts }, event.index)
    }
    if (isOver()) {
      isOver = () => false
      await session.send({ stop: { reason: 'the service is not needed any more' } })
    }
    if (event.leaving !== undefined && !isLeaving) {
      // Said once, and heard in any flood of lines: who is judged by its notice must be able to give it.
      isLeaving = true
      listener.onLeaving(event.leaving.atMs, printable(event.leaving.reason))
    }
    if (event.output !== undefined) announced = event.output.blobs
    if (event.state?.state === JobState.RUNNING && meter.begin()) listener.onBegun()
    meter.note(event.workedMs)
    listener.onWorked(meter.workedMs())
    if (event.state === undefined || !hasEnded(event.state.state)) continue
    // Its last checkpoint is worth a moment: what it has of the work is lost otherwise.
    fetcher?.endWithCurrent()
    await fetcher?.settled(LAST_CHECKPOINT_MS)
    return finished(event.state, announced, peer)
  }
  throw failure('PROVIDER_GONE', 'the provider ended the stream before the result', peer)
}

/** Whether a service is to be ended now; other jobs end by themselves. */
function watchService({ ending, durationMs, since }: JobOrder, clock: Clock): () => boolean {
  if (ending === undefined) return () => false
  const leftMs = durationMs - Math.min(SERVICE_MARGIN_MS, durationMs / 4) - (since?.begunMs ?? 0)
  const until = clock.elapsed() + leftMs
  return () => ending.aborted || clock.elapsed() >= until
}

function checkEvent(event: JobEvent, peer: string): void {
  const { refused } = event
  const malformed = findMalformedEvent(event)
  if (malformed !== undefined) {
    throw failure(event.output === undefined ? 'PROVIDER_FAULTY' : 'OUTPUT_INVALID', malformed, peer)
  }
  if (refused !== undefined) {
    throw failure('JOB_REFUSED', `${refused.reason}: ${refused.detail}`, peer, refused.reason)
  }
}

function finished({ state, reason, detail }: State, announced: Blob[], peer: string): Blob[] {
  if (state === JobState.COMPLETED) return announced
  const code = state === JobState.FAILED ? 'JOB_FAILED' : 'JOB_STOPPED'
  throw failure(code, `${reason}: ${detail}`, peer, reason)
}

function readMetrics(metrics: Metric[]): Record<string, number> {
  const readable = metrics.filter(({ name, value }) => METRIC_NAME.test(name) && Number.isFinite(value))
  return Object.fromEntries(readable.map(({ name, value }) => [name, value]))
}

/** Goes on from what is on the disk already; a file gets its name only when it is whole. The job's own stream is not needed for it. */
async function fetchOutputs(
  parts: { content: Content; files: Files },
  order: JobOrder,
  blobs: Blob[],
  watching: { watch: Watch; listener: JobListener; signal: AbortSignal },
): Promise<JobResult['outputs']> {
  const { content, files } = parts
  const { peer, outputs: folder } = order
  const { watch, listener, signal } = watching
  const outputs: JobResult['outputs'] = []
  // From here on the transfer itself says whether anybody is there; on a slow line a chunk may take longer than an event.
  watch.stop()
  for (const { name, sha256, bytes } of blobs) {
    const file = `${folder}/${name}`
    const partial = `${folder}/.partial/${toHex(sha256)}`
    const onProgress = (progress: TransferProgress) => listener.onTransfer(name, 'down', progress)
    const wanted = {
      sha256,
      bytes,
      peers: [peer],
      files,
      partial,
      file,
      onChunk: watch.check,
      onProgress,
      patienceMs: order.silenceMs ?? SILENCE_MS,
    }
    await content.fetch(wanted, signal).catch((error) => {
      throw asOutputFailure(error, peer)
    })
    outputs.push({ name, bytes, file, sha256 })
  }
  await files.remove(`${folder}/.partial`)
  return outputs
}

/** What befell the transfer, as what it says of the provider. */
function asOutputFailure(error: unknown, peer: string): unknown {
  if (!(error instanceof NightshiftError)) return error
  const { code, message, context } = error
  if (code === 'CONTENT_CORRUPT') return invalid(peer, message)
  if (code === 'CONTENT_REFUSED') return failure('JOB_REFUSED', message, peer, String(context.reason))
  if (code === 'CONTENT_UNAVAILABLE') return failure('PROVIDER_GONE', message, peer)
  return error
}

interface Meter {
  /** True the first time. */
  begin(): boolean
  note(claimedMs: number): void
  workedMs(): number
}

/** The provider's own stop watch, but never more than has passed here since it said that it runs. */
function createMeter(clock: Clock, begunMs?: number): Meter {
  let begunAt = begunMs === undefined ? undefined : clock.elapsed() - begunMs
  let worked = 0
  return {
    begin: () => {
      if (begunAt !== undefined) return false
      begunAt = clock.elapsed()
      return true
    },
    note: (claimedMs) => {
      if (begunAt === undefined) return
      const seen = (clock.elapsed() - begunAt) * CLOCK_TOLERANCE + CLOCK_GRACE_MS
      worked = Math.max(worked, Math.min(claimedMs, seen))
    },
    workedMs: () => worked,
  }
}

interface Watch {
  signal: AbortSignal
  heard(): void
  /** Ends what goes on beyond the lease, however much is heard. */
  check(): void
  stop(): void
}

function watchProvider(clock: Clock, durationMs: number, silenceMs: number): Watch {
  const controller = new AbortController()
  const end = (code: string, message: string) => () =>
    controller.abort(
      new NightshiftError(code, message, {
        advice: 'the job goes to the next bid; what no voucher pays for comes back',
      }),
    )
  const silent = end('PROVIDER_SILENT', `nothing was heard of the provider for ${silenceMs / 1000} s`)
  const late = end('PROVIDER_OUT_OF_TIME', 'the lease is over and the job has not ended')
  const until = clock.elapsed() + durationMs
  let cancel = clock.after(silenceMs, silent)
  return {
    signal: controller.signal,
    // A timer of its own would be no help: it would have to hold for a month, and silence ends the rest.
    check: () => {
      if (clock.elapsed() >= until) late()
    },
    heard: () => {
      if (clock.elapsed() >= until) late()
      cancel()
      cancel = clock.after(silenceMs, silent)
    },
    stop: () => cancel(),
  }
}

function failure(code: string, what: string, peer: string, reason?: string): NightshiftError {
  return new NightshiftError(code, printable(what), {
    advice: 'the job goes to the next bid; what no voucher pays for comes back',
    context: { peer, ...(reason === undefined ? {} : { reason }) },
  })
}

function invalid(peer: string, what: string): NightshiftError {
  return failure('OUTPUT_INVALID', what, peer)
}
