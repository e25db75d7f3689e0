import { type BlobHasher, createBlobHasher, equal, toHex } from '../../protocols/bytes.js'
import { NightshiftError } from '../../protocols/errors.js'
import { jobProtocol, SILENCE_MS } from '../../protocols/job/protocol.js'
import { findMalformedEvent, hasEnded, JOB_LIMITS } from '../../protocols/job/rules.js'
import {
  type Blob,
  type Chunk,
  type JobEvent,
  type JobRequest,
  JobState,
  type Log as LogLine,
  type Metric,
  type Need,
  type State,
} from '../../protocols/job/wire.js'
import { TokenBucket } from '../../protocols/limits.js'
import type { Clock } from '../../protocols/ports.js'
import { printable } from '../../protocols/text.js'
import type { Files, Source } from '../files/port.js'
import type { Engine } from '../net/ports.js'
import type { Session } from '../net/session.js'
import { type CheckpointFetcher, createFetcher, type FetchedCheckpoint } from './fetching.js'

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
/** Inputs are sent once, and the rest again after a hitch; a provider does not make a renter upload without end. */
const RESENDS = 2
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
  parts: { engine: Engine; files: Files; clock: Clock },
  order: JobOrder,
  listener: JobListener,
  signal: AbortSignal,
): Promise<JobResult> {
  const { engine, files, clock } = parts
  const watch = watchProvider(clock, order.durationMs, order.silenceMs ?? SILENCE_MS)
  const limit = AbortSignal.any([signal, watch.signal])
  let session: Conversation | undefined
  try {
    const opened = await engine.open(jobProtocol, order.peer, { signal: limit })
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
    const fetcher =
      order.checkpoints === undefined
        ? undefined
        : createFetcher({
            session,
            files,
            folder: order.checkpoints,
            onFetched: listener.onCheckpoint,
            onLost: listener.onCheckpointLost,
          })
    const announced = await followJob(session, order, listener, { meter, watch, clock, fetcher })
    const outputs = await fetchOutputs(session, files, order.outputs, announced, watch)
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
    throw watch.signal.aborted ? (watch.signal.reason as Error) : error
  }
}

function describe({ name, sha256, bytes }: Source): Blob {
  return { name, sha256, bytes }
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
  const inputs = order.checkpoint === undefined ? order.inputs : [...order.inputs, order.checkpoint]
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
  const upload = { leftBytes: RESENDS * inputs.reduce((sum, { bytes }) => sum + bytes, 0) }
  let isOver = watchService(order, clock)
  let announced: Blob[] = []
  let end: State | undefined
  let waitedSince = clock.elapsed()
  for await (const event of session) {
    watch.heard()
    const isKeptBack = fetcher?.isWaiting() === true && isRefusalOfBlob(event)
    if (!isKeptBack) checkEvent(event, peer)
    if (isKeptBack) await fetcher?.onRefused()
    if (event.checkpoint !== undefined) await fetcher?.announce(event.checkpoint)
    if (event.chunk !== undefined) await fetcher?.take(event.chunk)
    if (event.need !== undefined) await sendInput(session, inputs, event.need, upload, watch)
    if (event.log !== undefined) sayLine(event.log, event.index)
    if (event.progress !== undefined && isHeard()) {
      const { step, steps, metrics } = event.progress
      listener.onProgress({ step, steps, metrics: readMetrics(metrics) }, event.index)
    }
    if (event.service !== undefined && isHeard()) {
      const { status, detail, restarts } = event.service
      listener.onService({ status: printable(status), detail: printable(detail), restarts }, event.index)
    }
    if (isOver() && end === undefined) {
      isOver = () => false
      await session.send({ stop: { reason: 'the service is not needed any more' } })
    }
    if (event.leaving !== undefined && isHeard())
      listener.onLeaving(event.leaving.atMs, printable(event.leaving.reason))
    if (event.output !== undefined) announced = event.output.blobs
    if (event.state?.state === JobState.RUNNING && meter.begin()) listener.onBegun()
    meter.note(event.workedMs)
    listener.onWorked(meter.workedMs())
    if (event.state !== undefined && hasEnded(event.state.state)) {
      end ??= event.state
      fetcher?.endWithCurrent()
    }
    if (event.chunk !== undefined || end === undefined) waitedSince = clock.elapsed()
    // Its last checkpoint is worth a moment: what it has of the work is lost otherwise.
    const isFetched = fetcher?.isWaiting() !== true || clock.elapsed() - waitedSince > LAST_CHECKPOINT_MS
    if (end !== undefined && isFetched) return finished(end, announced, peer)
  }
  if (end !== undefined && end.state !== JobState.COMPLETED) return finished(end, announced, peer)
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

/** A checkpoint gives way to newer ones on the provider's disk, also when it was asked for. */
function isRefusalOfBlob({ refused }: JobEvent): boolean {
  return refused?.reason === 'UNKNOWN_BLOB' || refused?.reason === 'UNPAID'
}

function readMetrics(metrics: Metric[]): Record<string, number> {
  const readable = metrics.filter(({ name, value }) => METRIC_NAME.test(name) && Number.isFinite(value))
  return Object.fromEntries(readable.map(({ name, value }) => [name, value]))
}

async function sendInput(
  session: Conversation,
  inputs: Source[],
  need: Need,
  upload: { leftBytes: number },
  watch: Watch,
): Promise<void> {
  const input = inputs.find(({ sha256 }) => equal(sha256, need.sha256))
  if (input === undefined || need.offset > input.bytes) {
    throw failure('PROVIDER_FAULTY', 'it asks for an input that the job does not have', session.peer)
  }
  upload.leftBytes -= input.bytes - need.offset
  if (upload.leftBytes < 0)
    throw failure('PROVIDER_FAULTY', 'it asks for the inputs again and again', session.peer)
  for (let offset = need.offset; offset < input.bytes; ) {
    const data = await input.read(offset, JOB_LIMITS.chunkBytes)
    if (data.length === 0) {
      throw new NightshiftError('INPUT_CHANGED', `the input ${input.name} has become shorter`, {
        advice: 'do not change the inputs of a job while it runs; post the job again',
      })
    }
    await session.send({ chunk: { sha256: input.sha256, offset, data } })
    watch.heard()
    offset += data.length
  }
}

async function fetchOutputs(
  session: Conversation,
  files: Files,
  folder: string,
  blobs: Blob[],
  watch: Watch,
): Promise<JobResult['outputs']> {
  const outputs: JobResult['outputs'] = []
  for (const blob of blobs) {
    const file = `${folder}/${blob.name}`
    await fetchBlob(
      session,
      files,
      { partial: `${folder}/.partial/${toHex(blob.sha256)}`, file },
      blob,
      watch,
    )
    outputs.push({ name: blob.name, bytes: blob.bytes, file, sha256: blob.sha256 })
  }
  await files.remove(`${folder}/.partial`)
  return outputs
}

/** Goes on from what is on the disk already; the file gets its name only when its digest is right. */
async function fetchBlob(
  session: Conversation,
  files: Files,
  { partial, file }: { partial: string; file: string },
  blob: Blob,
  watch: Watch,
): Promise<void> {
  const hasher = createBlobHasher()
  let offset = await files.size(partial)
  if (offset > blob.bytes) {
    await files.remove(partial)
    offset = 0
  }
  await hashExisting(files, partial, offset, hasher)
  if (offset < blob.bytes) await session.send({ need: { sha256: blob.sha256, offset } })
  while (offset < blob.bytes) {
    const chunk = await nextChunk(session, watch)
    const fits =
      equal(chunk.sha256, blob.sha256) && chunk.offset === offset && offset + chunk.data.length <= blob.bytes
    if (!fits) throw invalid(session.peer, `a chunk at ${chunk.offset} where ${offset} was expected`)
    hasher.update(chunk.data)
    await files.append(partial, chunk.data)
    offset += chunk.data.length
  }
  if (blob.bytes === 0) await files.append(partial, new Uint8Array(0))
  if (!equal(hasher.digest(), blob.sha256)) {
    await files.remove(partial)
    throw invalid(session.peer, `${blob.name} does not have the digest that was announced`)
  }
  await files.move(partial, file)
}

async function hashExisting(files: Files, name: string, bytes: number, hasher: BlobHasher): Promise<void> {
  for (let offset = 0; offset < bytes; ) {
    const data = await files.read(name, offset, JOB_LIMITS.chunkBytes)
    if (data.length === 0) {
      throw new NightshiftError('FILE_CHANGED', `${name} has become shorter while it was read`, {
        advice: 'let no other program write into the data directory',
      })
    }
    hasher.update(data)
    offset += data.length
  }
}

/** Other events may stand between the chunks: a state that is repeated, a late log line. */
async function nextChunk(session: Conversation, watch: Watch): Promise<Chunk> {
  for (;;) {
    const event = await session.receive()
    watch.heard()
    if (event === undefined)
      throw failure('PROVIDER_GONE', 'the stream ended in the middle of an output', session.peer)
    checkEvent(event, session.peer)
    if (event.chunk !== undefined) return event.chunk
  }
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
