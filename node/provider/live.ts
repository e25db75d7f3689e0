import type { JobSpec } from '../../protocols/job/spec.js'
import type { Clock } from '../../protocols/ports.js'
import type { Checkpoints } from './checkpoints.js'
import type { JobRecord } from './jobs.js'
import type { Journal } from './journal.js'
import type { Work } from './work.js'

/** A job in memory: its record as it is on the disk, and what happens around it now. */
export interface Live {
  record: JobRecord
  journal: Journal
  /** As the renter declared it; it was found sound. */
  spec?: JobSpec
  work?: Work
  /** What it has told of its state since it began to run. */
  checkpoints?: Checkpoints
  /** Its work has begun, or is about to; and it was told to end. Each happens once. */
  isStarted: boolean
  isEnding: boolean
  /** Aborts what prepares its work. */
  ending: AbortController
  /** The one session that it is served over; a newer one takes its place. */
  session?: AbortController
  /** Resolves when that session has ended, to what it failed with. */
  served: Promise<unknown>
  lastInputAt: number
}

export function createLive(record: JobRecord, journal: Journal, clock: Clock): Live {
  return {
    record,
    journal,
    isStarted: false,
    isEnding: false,
    ending: new AbortController(),
    served: Promise.resolve(),
    lastInputAt: clock.elapsed(),
  }
}

export function workedMsOf({ record, work }: Live): number {
  return work?.workedMs() ?? record.workedMs
}
