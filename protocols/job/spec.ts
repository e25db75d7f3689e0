import { digest } from '../bytes.js'
import type { Refusal } from '../errors.js'
import { JOB_LIMITS } from './rules.js'

/** What a renter asks a provider to run: JSON on the wire, named by its SHA-256 in the order and in the lease's terms. */
export interface JobSpec {
  /** `tfjs`, `wgsl` or `container`. */
  runtime: string
  /** The runtime's own declaration; its schema judges it where the runtime lives. */
  job: Record<string, unknown>
}

export function encodeJobSpec(spec: JobSpec): { bytes: Uint8Array; hash: Uint8Array } {
  const bytes = new TextEncoder().encode(JSON.stringify({ runtime: spec.runtime, job: spec.job }))
  return { bytes, hash: digest(bytes) }
}

export function decodeJobSpec(bytes: Uint8Array): JobSpec | Refusal<'SPEC_MALFORMED'> {
  if (bytes.length > JOB_LIMITS.maxSpecBytes) {
    return { refused: 'SPEC_MALFORMED', detail: `${bytes.length} bytes, at most ${JOB_LIMITS.maxSpecBytes}` }
  }
  let value: unknown
  try {
    value = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes))
  } catch {
    return { refused: 'SPEC_MALFORMED', detail: 'not JSON in UTF-8' }
  }
  const { runtime, job } = (value ?? {}) as Partial<JobSpec>
  if (typeof runtime !== 'string' || typeof job !== 'object' || job === null || Array.isArray(job)) {
    return { refused: 'SPEC_MALFORMED', detail: 'it needs `runtime`, a string, and `job`, an object' }
  }
  return { runtime, job }
}
