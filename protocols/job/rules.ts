import { JobState } from './wire.js'

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

export function mayFollow(from: JobState, to: JobState): boolean {
  return NEXT[from].includes(to)
}

export function hasEnded(state: JobState): boolean {
  return NEXT[state].length === 0
}

export const JOB_LIMITS = {
  /** A job specification is JSON of at most this many bytes. */
  maxSpecBytes: 262_144,
  maxInputs: 16,
  maxInputBytes: 8 * 2 ** 30,
  maxOutputs: 16,
  maxOutputBytes: 8 * 2 ** 30,
  /** Bytes of one chunk of a blob. */
  chunkBytes: 65_536,
  maxLogLineChars: 4_096,
  /** Events kept of one job; older log lines are dropped first. */
  maxEvents: 10_000,
} as const
