import { equal, toHex } from '../../protocols/bytes.js'
import { codeOf, isRefusal, type Refusal } from '../../protocols/errors.js'
import { hasEnded, JOB_LIMITS, judgeStart, type StartRefusal } from '../../protocols/job/rules.js'
import { decodeJobSpec, type JobSpec } from '../../protocols/job/spec.js'
import { type Blob, JobState, type Start } from '../../protocols/job/wire.js'
import type { Clock } from '../../protocols/ports.js'
import type { Runtime } from '../runtime/port.js'
import { areSame, emptyRecord, type JobRecord, markOf, wantedOf } from './jobs.js'
import { createJournal } from './journal.js'
import type { Keys } from './keys.js'
import type { LeaseRecord, Ledger } from './ledger.js'
import { createLive, type Live } from './live.js'
import type { Roster } from './roster.js'

export type JobRefusal =
  | StartRefusal
  | 'UNKNOWN_LEASE'
  | 'LEASE_CLOSED'
  | 'SPEC_MALFORMED'
  | 'RUNTIME_NOT_OFFERED'
  | 'INPUTS_DIFFER'
  | 'INPUTS_TOO_LARGE'
  | 'KEY_MISSING'
  | 'KEY_DIFFERS'
  | 'PAUSED'

/** Who asks, and until when. */
interface Asker {
  peer: string
  signal: AbortSignal
}

/** Judges a Start; what it stands for is taken up, or goes on where the renter left it. */
export interface Admission {
  /** Refusals first, and nothing is stored for a Start that is refused. */
  admit(start: Start, asker: Asker): Promise<Live | Refusal<JobRefusal>>
  /** A job of an earlier process as it was declared then: false when this node does not run such jobs any more. */
  readAgain(live: Live): Promise<boolean>
}

export function createAdmission(parts: {
  ledger: Ledger
  roster: Roster
  keys: Keys
  clock: Clock
  /** By their names. */
  runtimes: ReadonlyMap<string, Runtime>
  maxInputBytes: number
  pausedBecause: () => string | undefined
  /** Reads a lease from the chain whose opening this node has not heard of yet. */
  confirm: (record: LeaseRecord, signal: AbortSignal) => Promise<LeaseRecord | Refusal>
}): Admission {
  const { ledger, roster, keys, clock } = parts
  const opening = new Map<string, Promise<unknown>>()

  async function admit(start: Start, asker: Asker): Promise<Live | Refusal<JobRefusal>> {
    const lease = await findLease(start.lease, asker)
    if (isRefusal(lease)) return lease
    const wrong = judgeStart(start, { lease: lease.lease, jobHash: lease.terms.jobHash })
    if (wrong !== undefined) return wrong
    const known = roster.get(lease.lease)
    if (known !== undefined) return resume(known, start)
    if (lease.state === 'closed') return { refused: 'LEASE_CLOSED', detail: 'that lease is over' }
    if (!lease.occupies)
      return { refused: 'LEASE_CLOSED', detail: 'its devices were given back: it was not started' }
    const because = parts.pausedBecause()
    if (because !== undefined) return { refused: 'PAUSED', detail: because }
    const bytes = wantedOf(start).reduce((sum, input) => sum + input.bytes, 0)
    if (bytes > parts.maxInputBytes) {
      return { refused: 'INPUTS_TOO_LARGE', detail: `${bytes} bytes, at most ${parts.maxInputBytes}` }
    }
    const spec = await readSpec(start.spec, start.inputs)
    if (isRefusal(spec)) return spec
    // Another Start may have come while this one was judged.
    const meanwhile = roster.get(lease.lease)
    return meanwhile === undefined ? create(start, spec) : resume(meanwhile, start)
  }

  /** One job for one lease, also when two Starts come at once. */
  async function create(start: Start, spec: JobSpec): Promise<Live | Refusal<JobRefusal>> {
    const id = toHex(start.lease)
    const journal = createJournal([], 0)
    const live = createLive(emptyRecord(start), journal, clock)
    live.spec = spec
    if (start.key.length > 0) keys.set(start.lease, start.key)
    roster.add(live)
    const stored = roster.store(live, {})
    opening.set(id, stored)
    try {
      await stored
    } catch (error) {
      roster.delete(start.lease)
      keys.erase(start.lease)
      throw error
    } finally {
      opening.delete(id)
    }
    journal.append({ state: { state: JobState.QUEUED, reason: '', detail: '' } }, 0)
    return live
  }

  async function resume(live: Live, start: Start): Promise<Live | Refusal<JobRefusal>> {
    await opening.get(toHex(start.lease))
    if (!areSame(live.record.inputs, start.inputs)) {
      return { refused: 'INPUTS_DIFFER', detail: 'the job was started with other inputs' }
    }
    const wrong = judgeKey(live.record, start.key)
    if (wrong !== undefined) return wrong
    if (!hasEnded(live.record.state)) {
      const spec = live.spec ?? (await readSpec(live.record.spec, live.record.inputs))
      if (isRefusal(spec)) return spec
      live.spec = spec
    }
    if (live.record.keyMark !== undefined) keys.set(start.lease, start.key)
    return live
  }

  /** What was sealed with one key cannot be read, nor added to, with another. */
  function judgeKey({ keyMark }: JobRecord, key: Uint8Array): Refusal<JobRefusal> | undefined {
    if (keyMark === undefined) return undefined
    if (key.length === 0) return { refused: 'KEY_MISSING', detail: 'the job was started with a key' }
    if (equal(markOf(key), keyMark)) return undefined
    return { refused: 'KEY_DIFFERS', detail: 'the job was started with another key' }
  }

  async function readAgain(live: Live): Promise<boolean> {
    const spec = await readSpec(live.record.spec, live.record.inputs)
    if (isRefusal(spec)) return false
    live.spec = spec
    return true
  }

  /** Judged by its runtime before any data is asked for: by its schema, and a shader by its compiler. */
  async function readSpec(
    bytes: Uint8Array,
    inputs: readonly Blob[],
  ): Promise<JobSpec | Refusal<JobRefusal>> {
    const spec = decodeJobSpec(bytes)
    if (isRefusal(spec)) return { refused: 'SPEC_MALFORMED', detail: spec.detail }
    const runtime = parts.runtimes.get(spec.runtime)
    if (runtime === undefined) {
      return { refused: 'RUNTIME_NOT_OFFERED', detail: `on offer: ${[...parts.runtimes.keys()].join(', ')}` }
    }
    try {
      await runtime.check(spec.job, inputs)
      return spec
    } catch (error) {
      if (codeOf(error) === undefined) throw error
      return {
        refused: 'SPEC_MALFORMED',
        detail: (error as Error).message.slice(0, JOB_LIMITS.maxReasonChars),
      }
    }
  }

  async function findLease(
    lease: Uint8Array,
    { peer, signal }: Asker,
  ): Promise<LeaseRecord | Refusal<JobRefusal>> {
    const record = ledger.get(lease)
    if (record === undefined || record.renter !== peer) {
      return { refused: 'UNKNOWN_LEASE', detail: 'this node has no such lease of this renter' }
    }
    if (record.state !== 'signed') return record
    const confirmed = await parts.confirm(record, signal)
    return isRefusal(confirmed) ? { refused: 'UNKNOWN_LEASE', detail: confirmed.detail } : confirmed
  }

  return { admit, readAgain }
}
