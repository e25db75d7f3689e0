import type { ProtocolDescriptor } from '../descriptor.js'
import { CONTENT_LIMITS, chunkCount, LEAF_BYTES } from './content.js'
import { JOB_LIMITS } from './rules.js'
import { ContentRequest, JobEvent, JobRequest } from './wire.js'

/** A log line, or 32 metrics or 16 blobs with long names; and what stands beside a specification. */
const MAX_EVENT_BYTES = 65_536

/**
 * One stream carries a job from its start to its end. The renter is silent for as long as the job takes, so the
 * stream may idle for a day; that the provider is alive shows in its events, which the renter watches (SILENCE_MS).
 */
export const jobProtocol: ProtocolDescriptor<JobRequest, JobEvent> = {
  word: 'job',
  version: '1.0.0',
  request: JobRequest,
  response: JobEvent,
  maxRequestBytes: JOB_LIMITS.maxSpecBytes + MAX_EVENT_BYTES,
  maxResponseBytes: MAX_EVENT_BYTES,
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

/**
 * Blobs go over streams of their own, as many at once as pay, opened by whoever wants something. What comes back are plain bytes:
 * a ContentAnswer, then chunks as they are, so that none is copied into a message and out of it.
 */
export const contentProtocol: ProtocolDescriptor<ContentRequest, Uint8Array> = {
  word: 'job/content',
  version: '1.0.0',
  request: ContentRequest,
  response: { encode: (bytes) => bytes, decode: (bytes) => bytes },
  maxRequestBytes: 256,
  maxResponseBytes: chunkCount(CONTENT_LIMITS.maxBytes) * LEAF_BYTES,
  // What a result is still owed is waited for, and the leaves of a large file are computed meanwhile.
  idleTimeoutMs: 120_000,
  frameTimeoutMs: 30_000,
  quota: { concurrentPerPeer: 16, opensPerMinute: 480 },
}
