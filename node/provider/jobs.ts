import { equal, toHex } from '../../protocols/bytes.js'
import { hasEnded } from '../../protocols/job/rules.js'
import { type Blob, type JobEvent, JobState, type Start } from '../../protocols/job/wire.js'
import type { Collection, Store } from '../store/port.js'
import { createJournal, type Journal } from './journal.js'

/** What is kept of a job: enough to hand its result over, and to say how it ended, after a restart. */
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
 * Events of a running job are on the disk only from its last change of state on. After a restart numbers go on far
 * above any that a renter can have seen, so that what it asks for next is never mistaken for what it has.
 */
const RESTART_INDEX = 2 ** 31

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

/** Nothing runs after a restart: what ran has failed. What only waited for its inputs goes on waiting. */
function restore(stored: JobRecord): LoadedJob {
  const isLost = stored.state === JobState.RUNNING
  const record: JobRecord = isLost
    ? {
        ...stored,
        state: JobState.FAILED,
        reason: 'PROVIDER_RESTARTED',
        detail: 'the provider was restarted',
      }
    : stored
  const tellsEnd = record.events.some(({ state }) => state !== undefined && hasEnded(state.state))
  if (!hasEnded(record.state) || tellsEnd)
    return { record, journal: createJournal(record.events, record.next) }
  const journal = createJournal(record.events, Math.max(record.next, RESTART_INDEX))
  tellEnd(journal, record)
  return { record: withEvents(record, journal), journal }
}

/** The last words of a job: what it leaves, then how it ended. */
export function tellEnd(journal: Journal, { state, reason, detail, outputs, workedMs }: JobRecord): void {
  if (state === JobState.COMPLETED) journal.append({ output: { blobs: outputs } }, workedMs)
  journal.append({ state: { state, reason, detail } }, workedMs)
}

export function withEvents(record: JobRecord, journal: Journal): JobRecord {
  return { ...record, events: journal.from(0), next: journal.next() }
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
