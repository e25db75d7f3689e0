import { digest, equal, hash } from '../bytes.js'
import type { Refusal } from '../errors.js'
import { type Blob, type JobEvent, JobState, type Start } from './wire.js'

/** Which states may follow which. A job that has ended stays ended. */
export const NEXT: Readonly<Record<JobState, readonly JobState[]>> = {
  [JobState.QUEUED]: [JobState.MATCHING, JobState.STOPPED, JobState.FAILED],
  [JobState.MATCHING]: [
    JobState.RUNNING,
    JobState.MATCHING,
    JobState.QUEUED,
    JobState.STOPPED,
    JobState.FAILED,
  ],
  [JobState.RUNNING]: [JobState.COMPLETED, JobState.FAILED, JobState.STOPPED, JobState.MATCHING],
  [JobState.COMPLETED]: [],
  [JobState.FAILED]: [],
  [JobState.STOPPED]: [],
}

export function hasEnded(state: JobState): boolean {
  return NEXT[state].length === 0
}

/** Names all that a job has delivered: what a provider posts on the chain when its renter does not end the lease. */
export function outputDigest(outputs: readonly Blob[]): Uint8Array {
  const names = outputs.map(({ name, sha256 }) => [new TextEncoder().encode(name), sha256])
  return hash('nightshift/output/1', ...names.flat())
}

export const JOB_LIMITS = {
  /** A job specification is JSON of at most this many bytes. */
  maxSpecBytes: 262_144,
  maxInputs: 16,
  /** All inputs together; likewise the outputs. */
  maxInputBytes: 8 * 2 ** 30,
  maxOutputs: 16,
  maxOutputBytes: 8 * 2 ** 30,
  /** One checkpoint; it is loaded whole. */
  maxCheckpointBytes: 2 ** 30,
  /** Each side keeps so many of one job, the newest. */
  keptCheckpoints: 2,
  maxNameChars: 128,
  maxLogLineChars: 4_096,
  maxMetrics: 32,
  maxReasonChars: 1_024,
  /** Of the key that seals what a job leaves on a provider's disk. */
  keyBytes: 32,
  /** Deaths of a provider's process in a row, without a checkpoint between them, that a job is taken up again after. */
  maxRestarts: 3,
  /** Events kept of one job; older log lines are dropped first. */
  maxEvents: 10_000,
} as const

/** A blob's name becomes a file's: no separator, nothing hidden, no way up, and nothing that a terminal acts upon. */
const BLOB_NAME = /^[A-Za-z0-9_][A-Za-z0-9_.-]*$/

export type StartRefusal = 'WRONG_LEASE' | 'SPEC_DIFFERS' | 'MALFORMED'

/** Whether a provider starts what a renter sends for a lease: the specification that was ordered, and sane inputs. */
export function judgeStart(
  start: Start,
  facts: { lease: Uint8Array; jobHash: Uint8Array },
): Refusal<StartRefusal> | undefined {
  if (!equal(start.lease, facts.lease)) return { refused: 'WRONG_LEASE', detail: 'it names another lease' }
  if (start.spec.length > JOB_LIMITS.maxSpecBytes) {
    return { refused: 'MALFORMED', detail: `a specification of ${start.spec.length} bytes` }
  }
  if (!equal(digest(start.spec), facts.jobHash)) {
    return { refused: 'SPEC_DIFFERS', detail: 'the specification is not the one that was ordered' }
  }
  const wrong = findMalformedBlobs(start.inputs, JOB_LIMITS.maxInputs, JOB_LIMITS.maxInputBytes)
  if (wrong !== undefined) return { refused: 'MALFORMED', detail: `inputs: ${wrong}` }
  if (start.key.length !== 0 && start.key.length !== JOB_LIMITS.keyBytes) {
    return { refused: 'MALFORMED', detail: `a key of ${start.key.length} bytes` }
  }
  const unfit = start.checkpoint && findMalformedCheckpoint(start.checkpoint)
  return unfit === undefined ? undefined : { refused: 'MALFORMED', detail: `checkpoint: ${unfit}` }
}

/** What is wrong with an event that a provider sent, or undefined. A renter ends the session over it. */
export function findMalformedEvent(event: JobEvent): string | undefined {
  const limits = JOB_LIMITS
  if (!Number.isSafeInteger(event.workedMs) || event.workedMs < 0) return `worked ${event.workedMs} ms`
  if (event.log !== undefined && event.log.line.length > limits.maxLogLineChars) {
    return `a log line of ${event.log.line.length} characters`
  }
  if (event.output !== undefined) {
    const wrong = findMalformedBlobs(event.output.blobs, limits.maxOutputs, limits.maxOutputBytes)
    if (wrong !== undefined) return `outputs: ${wrong}`
  }
  if (event.checkpoint !== undefined) {
    const { step, blob } = event.checkpoint
    if (!Number.isSafeInteger(step) || step < 0) return `a checkpoint after step ${step}`
    const wrong = blob === undefined ? 'nothing' : findMalformedCheckpoint(blob)
    if (wrong !== undefined) return `checkpoint: ${wrong}`
  }
  if (event.leaving !== undefined && !Number.isSafeInteger(event.leaving.atMs)) return 'an end at no time'
  const metrics = event.progress?.metrics ?? []
  if (metrics.length > limits.maxMetrics) return `${metrics.length} metrics`
  if (metrics.some(({ name }) => name.length > limits.maxNameChars)) return 'a long name of a metric'
  const { refused, state, leaving, service } = event
  const texts = [refused?.reason, refused?.detail, state?.reason, state?.detail, leaving?.reason]
  texts.push(service?.status, service?.detail)
  const long = texts.find((text) => text !== undefined && text.length > limits.maxReasonChars)
  if (long !== undefined) return `a reason of ${long.length} characters`
  return undefined
}

function findMalformedCheckpoint(blob: Blob): string | undefined {
  if (blob.bytes === 0) return 'it is empty'
  return findMalformedBlobs([blob], 1, JOB_LIMITS.maxCheckpointBytes)
}

function findMalformedBlobs(blobs: readonly Blob[], maxBlobs: number, maxBytes: number): string | undefined {
  if (blobs.length > maxBlobs) return `${blobs.length} blobs`
  const names = new Set(blobs.map(({ name }) => name.toLowerCase()))
  if (names.size !== blobs.length) return 'two blobs of one name'
  for (const { name, sha256, bytes } of blobs) {
    if (name.length > JOB_LIMITS.maxNameChars) return `a name of ${name.length} characters`
    if (!BLOB_NAME.test(name)) return `the name ${JSON.stringify(name)}`
    if (sha256.length !== 32) return `a digest of ${sha256.length} bytes`
    if (!Number.isSafeInteger(bytes) || bytes < 0) return `${bytes} bytes`
  }
  const total = blobs.reduce((sum, { bytes }) => sum + bytes, 0)
  return total > maxBytes ? `${total} bytes in all` : undefined
}
