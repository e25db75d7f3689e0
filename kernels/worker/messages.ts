import type { Entry, ProofParams } from '../../protocols/challenge/params.js'
import type { BackendName, BackendReport, Card } from '../backend/backend.js'
import type { MemoryEntry, Opening } from '../proof/opening.js'
import type { JobEvent, JobOutput } from '../tfjs/event.js'
import type { DeviceJob } from '../tfjs/job.js'
import type { Evaluation, PredictInputs } from '../tfjs/predict.js'
import type { TrainSpecInput } from '../tfjs/spec.js'
import type { WorkerFault } from './fault.js'

/**
 * What the daemon and its worker say to one another over the child's IPC channel ('advanced' serialization, so typed
 * arrays travel as they are). Both ends are ours and of the same version: nothing here comes from a peer unchecked.
 */
export interface WorkerOptions {
  readonly backend: BackendName
  readonly tensorflowFolder?: string
  readonly card?: Card
  /** A bound on single tensors below the device's own; a fourth of the memory that the device may use. */
  readonly maxTensorBytes?: number
}

/** Each request with its answer. */
export interface Requests {
  prove: {
    ask: { seed: Uint8Array; params: ProofParams; resident?: boolean }
    answer: { root: Uint8Array; elapsedMs: number }
  }
  open: { ask: { proof: number; entries: Entry[] }; answer: Opening[] }
  recall: { ask: { proof: number; nonce: Uint8Array }; answer: { root: Uint8Array; elapsedMs: number } }
  openFolds: { ask: { proof: number; entries: MemoryEntry[] }; answer: Opening[] }
  release: { ask: { proof: number }; answer: null }
  run: { ask: { job: DeviceJob }; answer: JobOutput }
  evaluate: { ask: { spec: TrainSpecInput; inputs: PredictInputs }; answer: Evaluation }
}
export type RequestKind = keyof Requests

export type Request = {
  [Kind in RequestKind]: { readonly id: number; readonly kind: Kind; readonly ask: Requests[Kind]['ask'] }
}[RequestKind]

/** `checkpoint` asks the job that runs as this request for one. */
export type ToWorker =
  | Request
  | { readonly kind: 'cancel'; readonly id: number }
  | { readonly kind: 'checkpoint'; readonly id: number }

export type FromWorker =
  | { readonly kind: 'ready'; readonly report: BackendReport }
  | { readonly kind: 'unusable'; readonly fault: WorkerFault }
  | { readonly kind: 'answer'; readonly id: number; readonly answer: Requests[RequestKind]['answer'] }
  | { readonly kind: 'fault'; readonly id: number; readonly fault: WorkerFault }
  | { readonly kind: 'event'; readonly id: number; readonly event: JobEvent }
