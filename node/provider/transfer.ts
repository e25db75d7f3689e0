import { NightshiftError } from '../../protocols/errors.js'
import type { JobEvent, JobRequest } from '../../protocols/job/wire.js'
import type { Session } from '../net/session.js'
import type { Journal } from './journal.js'

/** What one session of a job needs to know of it. */
export interface JobView {
  readonly journal: Journal
  hasEnded(): boolean
  /** Resolves when all inputs are there. */
  fetchInputs(peer: string, signal: AbortSignal): Promise<void>
  /** All inputs are there. */
  onComplete(): void
  onStop(reason: string): Promise<void>
  onAccepted(): Promise<void>
}

type JobSession = Session<JobEvent, JobRequest>

/**
 * Serves a job over one session until the renter has accepted the result, or has ended its side and the job has ended. What the job
 * needs is fetched meanwhile, over streams of its own; what it leaves, its renter fetches likewise (giving.ts).
 */
export async function serveTransfer(
  session: JobSession,
  parts: { job: JobView; fromEvent: number; signal: AbortSignal },
): Promise<void> {
  const { job, fromEvent, signal } = parts
  const state = { isDone: false, hasRequests: true }
  const over = new AbortController()
  let failure: unknown

  const finish = () => {
    state.isDone = true
    over.abort(
      new NightshiftError('SESSION_CLOSED', 'the stream of the job is over', { advice: 'come back' }),
    )
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
        await session.send(event)
        next = event.index + 1
      }
      if (events.length > 0) continue
      if (job.hasEnded() && !state.hasRequests) return finish()
      await job.journal.wait(next)
    }
  }

  async function takeInputs(): Promise<void> {
    await job.fetchInputs(session.peer, over.signal)
    job.onComplete()
  }

  async function takeRequests(): Promise<void> {
    for await (const request of session) {
      if (request.stop !== undefined) await job.onStop(request.stop.reason)
      else if (request.accepted !== undefined) {
        await job.onAccepted()
        return finish()
      } else {
        throw new NightshiftError('UNEXPECTED_REQUEST', 'a job was started on this session already', {
          advice: 'open a stream of its own for each job',
        })
      }
    }
    state.hasRequests = false
    job.journal.wake()
  }

  try {
    const inputs = takeInputs().catch((error) => {
      if (!over.signal.aborted) fail(error)
    })
    await Promise.all([tellEvents().catch(fail), takeRequests().catch(fail)])
    await inputs
  } finally {
    signal.removeEventListener('abort', onAbort)
    session.signal.removeEventListener('abort', onAbort)
  }
  if (failure !== undefined) throw failure
}
