import type { ProtocolDescriptor } from '../descriptor.js'
import { JOB_LIMITS } from './rules.js'
import { JobEvent, JobRequest } from './wire.js'

/** Room for the field tags and the digest around a chunk's data. */
const CHUNK_OVERHEAD_BYTES = 256

/**
 * One stream carries a job from its start to its end. The renter is silent for as long as the job takes, so the
 * stream may idle for a day; that the provider is alive shows in its events, which the renter watches (SILENCE_MS).
 */
export const jobProtocol: ProtocolDescriptor<JobRequest, JobEvent> = {
  word: 'job',
  version: '1.0.0',
  request: JobRequest,
  response: JobEvent,
  maxRequestBytes: JOB_LIMITS.maxSpecBytes + JOB_LIMITS.chunkBytes + CHUNK_OVERHEAD_BYTES,
  maxResponseBytes: JOB_LIMITS.chunkBytes + CHUNK_OVERHEAD_BYTES,
  idleTimeoutMs: 24 * 3_600_000,
  frameTimeoutMs: 30_000,
  quota: { concurrentPerPeer: 4, opensPerMinute: 60 },
}

/** A provider sends an event (progress, or its state again) at least this often while a job runs. */
export const EVENT_PERIOD_MS = 2_000
/**
 * A renter waits so long, unless its manifest says otherwise (`timeouts.silence`), for a provider that is silent or gone:
 * three events in a row, and short enough that the job runs elsewhere within ten seconds.
 */
export const SILENCE_MS = 6_000
/** A provider that says that it runs and works nothing for so long is left (`timeouts.stall`). */
export const STALL_MS = 60_000
