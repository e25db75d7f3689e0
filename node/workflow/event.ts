import type { MatrixValues } from '../../config/manifest/matrix.js'
import type { JobState } from '../../protocols/job/wire.js'
import type { DeploymentEvent } from '../renter/event.js'

/**
 * WAITING for its turn, for earlier steps or for the budget; POSTED as a job that no provider has taken yet; then RUNNING,
 * and one of the ends. SKIPPED: it was never begun, or given up, because of something else.
 */
export type PartState = 'WAITING' | 'POSTED' | 'RUNNING' | 'COMPLETED' | 'FAILED' | 'STOPPED' | 'SKIPPED'

/** One part of a step: what one job does, or several after one another when it is tried again. Amounts are atomic units. */
export interface PartReport {
  step: string
  part: string
  values: MatrixValues
  state: PartState
  reason?: string
  detail?: string
  /** The jobs that were posted for it, the newest last; stored before they are. */
  jobs: Array<{ id: string; paid: bigint }>
  /** Jobs that failed for a reason that counts. */
  failures: number
  /** How often nobody was free while other parts ran: that is no failure. */
  crowdings: number
  /** It was crowded out, and waits until another part has ended. */
  isCrowded?: boolean
  provider?: string
  /** The newest that its job told, and the accuracy on held-back rows. */
  metrics: Record<string, number>
  /** Collected under `outputs/<workflow>/<step>/<part>/`. */
  outputs: PartOutput[]
}

export interface PartOutput {
  name: string
  path: string
  bytes: number
}

export interface BestPart {
  step: string
  part: string
  metric: string
  value: number
}

export interface WorkflowReport {
  id: string
  name: string
  state: JobState
  reason?: string
  detail?: string
  createdAtMs: number
  /** Of the mint in which its amounts are. */
  decimals: number
  budget?: bigint
  /** By all jobs of all parts. */
  paid: bigint
  /** The most that the jobs under way deposit. */
  atRisk: bigint
  /** Of the steps that say what is best, as far as it is known. */
  best: BestPart[]
  /** In the order of the steps. */
  parts: PartReport[]
}

/** The story of a workflow. `atMs` is Unix time. */
export type WorkflowEvent = { atMs: number } & (
  | { kind: 'state'; state: JobState; reason?: string; detail?: string }
  | {
      kind: 'part'
      step: string
      part: string
      state: PartState
      reason?: string
      detail?: string
      job?: string
      provider?: string
      metrics?: Record<string, number>
    }
  | ({ kind: 'collected'; step: string; part: string } & PartOutput)
  // What the job of a part tells; kept with that job.
  | { kind: 'job'; step: string; part: string; job: string; event: DeploymentEvent }
)
