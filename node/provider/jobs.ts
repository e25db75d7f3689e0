import { equal, hash, toHex } from '../../protocols/bytes.js'
import { hasEnded, JOB_LIMITS } from '../../protocols/job/rules.js'
import { type Blob, type JobEvent, JobState, type Start } from '../../protocols/job/wire.js'
import type { Collection, Store } from '../store/port.js'
import { createJournal, type Journal } from './journal.js'

/** A checkpoint on this node's disk, and how much of the work it stands for. */
export interface KeptCheckpoint {
  step: number
  blob: Blob
  workedMs: number
}

/** What is kept of a job: enough to go on with it, to hand its result over and to say how it ended, after a restart. */
export interface JobRecord {
  lease: Uint8Array
  spec: Uint8Array
  inputs: Blob[]
  /** What it goes on from, where it was begun elsewhere. */
  checkpoint?: Blob
  state: JobState
  reason: string
  detail: string
  workedMs: number
  outputs: Blob[]
  events: JobEvent[]
  next: number
  /** Its newest checkpoints, the oldest first: what it goes on from after a restart. */
  kept?: KeptCheckpoint[]
  /** Deaths of this node's process in a row while it ran, with no checkpoint between them. */
  restarts?: number
  /** Tells the renter's key from another; absent: what it leaves is not sealed. */
  keyMark?: Uint8Array
  /** The renter has the whole result. */
  accepted: boolean
}

export interface LoadedJob {
  record: JobRecord
  journal: Journal
}

export interface Jobs {
  load(): Promise<LoadedJob[]>
  put(record: JobRecord): Promise<void>
  delete(lease: Uint8Array): Promise<void>
}

/**
 * Events of a running job are on the disk only as they were at its last checkpoint or change of state. After a restart
 * numbers go on above any that a renter can have seen, so that what it asks for next is never mistaken for what it has.
 */
const UNSTORED_EVENTS = 2 ** 24
const LAST_INDEX = 2 ** 32 - 1

export function openJobs(store: Store): Jobs {
  const collection: Collection<JobRecord> = store.collection('provider-jobs')
  return {
    put: (record) => collection.put(toHex(record.lease), record),
    delete: (lease) => collection.delete(toHex(lease)),
    load: async () => {
      const jobs: LoadedJob[] = []
      for (const { value } of await collection.list()) {
        const job = restore(value)
        if (job.record !== value) await collection.put(toHex(value.lease), job.record)
        jobs.push(job)
      }
      return jobs
    },
  }
}

/** What ran when the process died waits to be begun again from its newest checkpoint; what only waited goes on waiting. */
function restore(stored: JobRecord): LoadedJob {
  const record = stored.state === JobState.RUNNING ? interrupt(stored) : stored
  const isTold = hasEnded(record.state)
    ? record.events.some(({ state }) => state !== undefined && hasEnded(state.state))
    : record === stored
  if (isTold) return { record, journal: createJournal(record.events, record.next) }
  const journal = createJournal(record.events, Math.min(record.next + UNSTORED_EVENTS, LAST_INDEX))
  if (hasEnded(record.state)) tellEnd(journal, record)
  else journal.append({ state: stateOf(record) }, record.workedMs)
  return { record: withEvents(record, journal), journal }
}

/**
 * A job that ran when the process died. What was worked since its newest checkpoint is lost and done again, and not
 * charged twice: its time goes on from what that checkpoint stood for, and vouchers are cumulative.
 */
function interrupt(stored: JobRecord): JobRecord {
  const restarts = (stored.restarts ?? 0) + 1
  const from = stored.kept?.at(-1)
  const canTell = stored.next + 2 * UNSTORED_EVENTS < LAST_INDEX
  if (restarts > JOB_LIMITS.maxRestarts || !canTell) {
    const detail = `the provider was restarted ${restarts} times without a checkpoint between`
    return { ...stored, restarts, state: JobState.FAILED, reason: 'PROVIDER_RESTARTED', detail }
  }
  return {
    ...stored,
    restarts,
    state: JobState.QUEUED,
    reason: 'PROVIDER_RESTARTED',
    detail: from === undefined ? 'it begins anew' : `it goes on from the checkpoint after step ${from.step}`,
    workedMs: from?.workedMs ?? 0,
  }
}

function stateOf({ state, reason, detail }: JobRecord) {
  return { state, reason, detail }
}

/** What tells a key from another, and says nothing of it. */
export function markOf(key: Uint8Array): Uint8Array {
  return hash('nightshift/key-mark/1', key)
}

/** The last words of a job: what it leaves, then how it ended. */
export function tellEnd(journal: Journal, { state, reason, detail, outputs, workedMs }: JobRecord): void {
  if (state === JobState.COMPLETED) journal.append({ output: { blobs: outputs } }, workedMs)
  journal.append({ state: { state, reason, detail } }, workedMs)
}

export function withEvents(record: JobRecord, journal: Journal): JobRecord {
  return { ...record, ...storedEvents(record, journal) }
}

/** What a sealed job says of its work is not written down in plain: of its events only states and what it leaves. */
export function storedEvents({ keyMark }: JobRecord, journal: Journal): Pick<JobRecord, 'events' | 'next'> {
  const events = journal.from(0)
  const isSaid = ({ log, progress }: JobEvent) => log !== undefined || progress !== undefined
  return {
    events: keyMark === undefined ? events : events.filter((event) => !isSaid(event)),
    next: journal.next(),
  }
}

export function emptyRecord(start: Start): JobRecord {
  return {
    lease: start.lease,
    spec: start.spec,
    inputs: start.inputs,
    ...(start.checkpoint === undefined ? {} : { checkpoint: start.checkpoint }),
    state: JobState.QUEUED,
    reason: '',
    detail: '',
    workedMs: 0,
    outputs: [],
    events: [],
    next: 0,
    ...(start.key.length === 0 ? {} : { keyMark: markOf(start.key) }),
    accepted: false,
  }
}

/** All that must be there before the work begins. */
export function wantedOf({ inputs, checkpoint }: Pick<JobRecord, 'inputs' | 'checkpoint'>): Blob[] {
  return checkpoint === undefined ? inputs : [...inputs, checkpoint]
}

/** Whether a renter who comes back means the same inputs. */
export function areSame(a: readonly Blob[], b: readonly Blob[]): boolean {
  return (
    a.length === b.length &&
    a.every(({ name, sha256, bytes }, index) => {
      const other = b[index] as Blob
      return name === other.name && bytes === other.bytes && equal(sha256, other.sha256)
    })
  )
}
