import { pipe } from 'it-pipe'
import { equal } from '../../protocols/bytes.js'
import { NightshiftError } from '../../protocols/errors.js'
import { findMalformedChunk, findMalformedNeed, JOB_LIMITS } from '../../protocols/job/rules.js'
import type { Blob, Chunk, JobEvent, JobRequest, Need } from '../../protocols/job/wire.js'
import type { Session } from '../net/session.js'
import type { Blobs, Receiver } from './blobs.js'
import type { Journal } from './journal.js'

/** What one session of a job needs to know of it. */
export interface JobView {
  readonly lease: Uint8Array
  readonly journal: Journal
  hasEnded(): boolean
  /** The next input that is not complete yet. */
  missingInput(): Promise<Blob | undefined>
  outputs(): readonly Blob[]
  /** Waits for the vouchers that the result is still owed; false: they did not come in time. */
  awaitPaid(signal: AbortSignal): Promise<boolean>
  /** Something of an input has arrived. */
  onReceived(): void
  /** All inputs are there. */
  onComplete(): void
  onStop(reason: string): Promise<void>
  onAccepted(): Promise<void>
}

/** An event that answers this session only, and is no part of the job's log. */
type Answer = Pick<JobEvent, 'refused'> | Pick<JobEvent, 'need'> | Pick<JobEvent, 'chunk'>

type JobSession = Session<JobEvent, JobRequest>

/**
 * Serves a job over one session until the renter has accepted the result, or has ended its side and the job has ended.
 * Events, wanted inputs and asked-for outputs share the stream; each waits for the renter to have room.
 */
export async function serveTransfer(
  session: JobSession,
  parts: { job: JobView; blobs: Blobs; fromEvent: number; signal: AbortSignal },
): Promise<void> {
  const { job, blobs, fromEvent, signal } = parts
  const state = { isDone: false, hasRequests: true }
  const send = createOutbox(session)
  let receiver: Receiver | undefined
  const asked: Need[] = []
  let sending: Promise<void> | undefined
  let failure: unknown

  const finish = () => {
    state.isDone = true
    job.journal.wake()
  }
  const fail = (error: unknown) => {
    if (state.isDone) return
    failure = error
    finish()
    // Receiving ends too, and the renter learns the code.
    session.abort(error as Error)
  }
  const onAbort = () => fail(signal.aborted ? signal.reason : session.signal.reason)
  if (signal.aborted || session.signal.aborted) onAbort()
  signal.addEventListener('abort', onAbort, { once: true })
  session.signal.addEventListener('abort', onAbort, { once: true })

  async function tellEvents(): Promise<void> {
    let next = fromEvent
    while (!state.isDone) {
      const events = job.journal.from(next)
      for (const event of events) {
        if (state.isDone) return
        await send(event)
        next = event.index + 1
      }
      if (events.length > 0) continue
      if (job.hasEnded() && !state.hasRequests) return finish()
      await job.journal.wait(next)
    }
  }

  /** Asks for one input after the other. */
  async function wantInput(): Promise<void> {
    const blob = await job.missingInput()
    if (blob === undefined) {
      receiver = undefined
      return job.onComplete()
    }
    receiver = await blobs.receive(job.lease, blob)
    await send(answerOf({ need: { sha256: blob.sha256, offset: receiver.offset } }))
  }

  async function takeChunk(chunk: Chunk): Promise<void> {
    const malformed = findMalformedChunk(chunk)
    if (malformed !== undefined || receiver === undefined) {
      throw broken('UNEXPECTED_CHUNK', malformed ?? 'nothing was asked for')
    }
    const taken = await receiver.take(chunk)
    if (typeof taken === 'object') throw broken(taken.refused, taken.detail)
    job.onReceived()
    if (taken === 'done') await wantInput()
  }

  function giveOutput(need: Need): Promise<void> | undefined {
    const blob = job.outputs().find(({ sha256 }) => equal(sha256, need.sha256))
    const malformed = findMalformedNeed(need)
    if (malformed !== undefined || blob === undefined || need.offset > blob.bytes) {
      return send(answerOf({ refused: { reason: 'UNKNOWN_BLOB', detail: malformed ?? 'no such output' } }))
    }
    if (asked.length >= JOB_LIMITS.maxOutputs) throw broken('TOO_MANY_NEEDS', 'wait for what was asked for')
    asked.push(need)
    sending ??= sendAsked().catch(fail)
    return undefined
  }

  async function sendAsked(): Promise<void> {
    for (let need = asked.shift(); need !== undefined && !state.isDone; need = asked.shift()) {
      const { sha256, offset } = need
      if (!(await job.awaitPaid(session.signal))) {
        const detail = 'vouchers for the work are missing'
        await send(answerOf({ refused: { reason: 'UNPAID', detail } }))
        continue
      }
      if (await sendBlob(sha256, offset)) continue
      const detail = 'it has given way to a newer one'
      await send(answerOf({ refused: { reason: 'UNKNOWN_BLOB', detail } }))
    }
    sending = undefined
  }

  /** False when it is not there any more: a checkpoint gives way to newer ones, also while it is sent. */
  async function sendBlob(sha256: Uint8Array, offset: number): Promise<boolean> {
    const find = () => job.outputs().find((output) => equal(output.sha256, sha256))
    const blob = find()
    if (blob === undefined) return false
    let at = offset
    try {
      await pipe(
        () => blobs.read(job.lease, blob, offset, JOB_LIMITS.chunkBytes),
        async (pieces) => {
          for await (const data of pieces) {
            if (state.isDone) return
            await send(answerOf({ chunk: { sha256, offset: at, data } }))
            at += data.length
          }
        },
      )
    } catch (error) {
      if (find() !== undefined || state.isDone) throw error
      return false
    }
    return true
  }

  async function takeRequests(): Promise<void> {
    await wantInput()
    for await (const request of session) {
      if (request.chunk !== undefined) await takeChunk(request.chunk)
      else if (request.need !== undefined) await giveOutput(request.need)
      else if (request.stop !== undefined) await job.onStop(request.stop.reason)
      else if (request.accepted !== undefined) {
        await job.onAccepted()
        return finish()
      } else throw broken('UNEXPECTED_REQUEST', 'a job was started on this session already')
    }
    state.hasRequests = false
    job.journal.wake()
  }

  try {
    await Promise.all([tellEvents().catch(fail), takeRequests().catch(fail)])
    await sending
  } finally {
    signal.removeEventListener('abort', onAbort)
    session.signal.removeEventListener('abort', onAbort)
    await receiver?.flush()
  }
  if (failure !== undefined) throw failure
}

/** A session takes one message at a time. */
function createOutbox(session: JobSession): (event: JobEvent) => Promise<void> {
  let last: Promise<void> = Promise.resolve()
  return (event) => {
    last = last.then(() => session.send(event))
    return last
  }
}

function answerOf(answer: Answer): JobEvent {
  return { index: 0, workedMs: 0, ...answer }
}

function broken(code: string, detail: string): NightshiftError {
  return new NightshiftError(code, detail, {
    advice: 'open the stream again: the provider says what it needs, from where it is',
  })
}
