import { type BlobHasher, createBlobHasher, equal, toHex } from '../../protocols/bytes.js'
import { NightshiftError } from '../../protocols/errors.js'
import { jobProtocol, SILENCE_MS } from '../../protocols/job/protocol.js'
import { JOB_LIMITS } from '../../protocols/job/rules.js'
import {
  type Blob,
  type Chunk,
  type JobEvent,
  type JobRequest,
  JobState,
  type Need,
} from '../../protocols/job/wire.js'
import type { Clock } from '../../protocols/ports.js'
import type { Files, Source } from '../files/port.js'
import type { Engine } from '../net/ports.js'
import type { Session } from '../net/session.js'

export interface JobOrder {
  peer: string
  lease: Uint8Array
  /** The job specification as it was hashed into the order. */
  spec: Uint8Array
  inputs: Source[]
  /** Folder under the renter's files that takes the outputs. */
  outputs: string
}

export interface JobListener {
  onState(state: JobState, reason: string, detail: string): void
  onLog(line: string): void
  onProgress(step: number, steps: number, metrics: Record<string, number>): void
  /** Called with the time that may be paid for; never more than this renter has itself seen pass. */
  onWorked(workedMs: number): void
}

export interface JobResult {
  outputs: Array<{ name: string; bytes: number; file: string }>
  workedMs: number
  /** Tells the provider that the result has arrived whole; it may forget it once the lease is closed. */
  accept(): Promise<void>
  /** Leaves without accepting: what was made up is not paid for. */
  reject(reason: string): Promise<void>
}

type Conversation = Session<JobRequest, JobEvent>

/** A provider's and a renter's stop watch differ by a message's way and by drift. */
const CLOCK_TOLERANCE = 1.02
const CLOCK_GRACE_MS = 500
/** Names of outputs come from a stranger and become names of files. */
const OUTPUT_NAME = /^[A-Za-z0-9_][A-Za-z0-9._-]{0,63}$/

/**
 * Runs one job with one provider: sends the inputs that it asks for, follows it, and fetches the outputs, each
 * checked against its digest before it gets its name. Throws JOB_REFUSED, JOB_FAILED, JOB_STOPPED, PROVIDER_SILENT,
 * OUTPUT_INVALID, or what the session throws when the provider is gone.
 */
export async function runJob(
  parts: { engine: Engine; files: Files; clock: Clock },
  order: JobOrder,
  listener: JobListener,
  signal: AbortSignal,
): Promise<JobResult> {
  const { engine, files, clock } = parts
  const watch = watchSilence(clock)
  const session = await engine.open(jobProtocol, order.peer, {
    signal: AbortSignal.any([signal, watch.signal]),
  })
  try {
    await session.send({
      start: {
        lease: order.lease,
        spec: order.spec,
        inputs: order.inputs.map(({ name, sha256, bytes }) => ({ name, sha256, bytes })),
        fromEvent: 0,
      },
    })
    const meter = createMeter(clock)
    const announced = await followJob(session, order, listener, meter, watch)
    const outputs = await fetchOutputs(session, files, order.outputs, announced, watch)
    watch.stop()
    return {
      outputs,
      workedMs: meter.workedMs(),
      accept: async () => {
        await session.send({ accepted: {} })
        await session.close()
      },
      reject: async (reason) => {
        await session.send({ stop: { reason } })
        await session.close()
      },
    }
  } catch (error) {
    watch.stop()
    session.abort(error instanceof Error ? error : new Error(String(error)))
    signal.throwIfAborted()
    throw watch.signal.aborted ? (watch.signal.reason as Error) : error
  }
}

/** Takes the provider's events until it announces its outputs after COMPLETED. */
async function followJob(
  session: Conversation,
  order: JobOrder,
  listener: JobListener,
  meter: Meter,
  watch: Watch,
): Promise<Blob[]> {
  let completed = false
  for await (const event of session) {
    watch.heard()
    if (event.refused !== undefined) {
      throw failure('JOB_REFUSED', event.refused.reason, event.refused.detail, order.peer)
    }
    if (event.need !== undefined) await sendInput(session, order.inputs, event.need, watch)
    if (event.log !== undefined) listener.onLog(event.log.line.slice(0, JOB_LIMITS.maxLogLineChars))
    if (event.progress !== undefined) {
      const { step, steps, metrics } = event.progress
      listener.onProgress(step, steps, Object.fromEntries(metrics.map(({ name, value }) => [name, value])))
    }
    if (event.state !== undefined) {
      const { state, reason, detail } = event.state
      if (state === JobState.RUNNING) meter.begin()
      completed ||= state === JobState.COMPLETED
      listener.onState(state, reason, detail)
      if (state === JobState.FAILED) throw failure('JOB_FAILED', reason, detail, order.peer)
      if (state === JobState.STOPPED) throw failure('JOB_STOPPED', reason, detail, order.peer)
    }
    meter.note(event.workedMs)
    listener.onWorked(meter.workedMs())
    if (event.output !== undefined && completed) return event.output.blobs
  }
  throw failure('PROVIDER_GONE', 'ENDED_EARLY', 'the provider ended the stream before the result', order.peer)
}

async function sendInput(session: Conversation, inputs: Source[], need: Need, watch: Watch): Promise<void> {
  const input = inputs.find(({ sha256 }) => equal(sha256, need.sha256))
  if (input === undefined || need.offset > input.bytes) {
    throw failure(
      'PROVIDER_FAULTY',
      'UNKNOWN_INPUT',
      'it asks for an input that the job does not have',
      session.peer,
    )
  }
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
  const total = blobs.reduce((sum, blob) => sum + blob.bytes, 0)
  if (blobs.length > JOB_LIMITS.maxOutputs || total > JOB_LIMITS.maxOutputBytes) {
    throw invalid(session.peer, `${blobs.length} outputs of ${total} bytes`)
  }
  const outputs: JobResult['outputs'] = []
  for (const blob of blobs) {
    if (!OUTPUT_NAME.test(blob.name)) throw invalid(session.peer, `the name ${JSON.stringify(blob.name)}`)
    if (outputs.some(({ name }) => name === blob.name))
      throw invalid(session.peer, `${blob.name} comes twice`)
    const file = `${folder}/${blob.name}`
    await fetchBlob(session, files, file, blob, watch)
    outputs.push({ name: blob.name, bytes: blob.bytes, file })
  }
  return outputs
}

/** Goes on from what is on the disk already; the file gets its name only when its digest is right. */
async function fetchBlob(
  session: Conversation,
  files: Files,
  file: string,
  blob: Blob,
  watch: Watch,
): Promise<void> {
  const partial = `${file}.${toHex(blob.sha256).slice(0, 16)}.partial`
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
      equal(chunk.sha256, blob.sha256) &&
      chunk.offset === offset &&
      chunk.data.length > 0 &&
      offset + chunk.data.length <= blob.bytes
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
    hasher.update(data)
    offset += data.length
  }
}

/** Other events may stand between the chunks: a state that is repeated, a late log line. */
async function nextChunk(session: Conversation, watch: Watch): Promise<Chunk> {
  for (;;) {
    const event = await session.receive()
    watch.heard()
    if (event === undefined) throw failure('PROVIDER_GONE', 'ENDED_EARLY', 'the stream ended', session.peer)
    if (event.chunk !== undefined) return event.chunk
  }
}

interface Meter {
  begin(): void
  note(claimedMs: number): void
  workedMs(): number
}

/** The provider's own stop watch, but never more than has passed here since it said that it runs. */
function createMeter(clock: Clock): Meter {
  let begunAt: number | undefined
  let worked = 0
  return {
    begin: () => {
      begunAt ??= clock.elapsed()
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

function watchSilence(clock: Clock): Watch {
  const controller = new AbortController()
  const late = () =>
    controller.abort(
      new NightshiftError('PROVIDER_SILENT', `nothing was heard of the provider for ${SILENCE_MS / 1000} s`, {
        advice: 'the job goes to the next bid; what no voucher pays for comes back',
      }),
    )
  let cancel = clock.after(SILENCE_MS, late)
  return {
    signal: controller.signal,
    heard: () => {
      cancel()
      cancel = clock.after(SILENCE_MS, late)
    },
    stop: () => cancel(),
  }
}

function failure(code: string, reason: string, detail: string, peer: string): NightshiftError {
  return new NightshiftError(code, `${reason}${detail === '' ? '' : `: ${detail}`}`, {
    advice: 'the job goes to the next bid; what no voucher pays for comes back',
    context: { peer, reason, detail },
  })
}

function invalid(peer: string, what: string): NightshiftError {
  return failure('OUTPUT_INVALID', 'OUTPUT_INVALID', what, peer)
}
