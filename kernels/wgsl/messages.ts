import type { Card } from '../backend/backend.js'
import type { WorkerFault } from '../worker/fault.js'
import type { ShaderSpec } from './spec.js'

/**
 * What the daemon and the process of one shader job say to one another. Both ends are ours and of the same version:
 * what a renter wrote was judged before.
 */
export interface ShaderOptions {
  readonly card?: Card
}

/** What a WebGPU adapter of this host is. Sizes in bytes. */
export interface AdapterReport {
  readonly model: string
  /** It computes on the processor. */
  readonly software: boolean
  readonly bufferBytes: number
  readonly buffers: number
  readonly workgroupsPerDimension: number
}

/** Each request with its answer; one at a time, but for those of `run`, which `pause` and `checkpoint` reach. */
export interface ShaderRequests {
  open: { ask: { spec: ShaderSpec; code: string; sizes: readonly number[] }; answer: null }
  write: { ask: { buffer: number; offset: number; bytes: Uint8Array }; answer: null }
  read: { ask: { buffer: number; offset: number; length: number }; answer: Uint8Array }
  run: { ask: { from: number }; answer: null }
  /** Answered when the shader stands still. */
  pause: { ask: null; answer: null }
  resume: { ask: null; answer: null }
  /** The next batch of steps is followed by a checkpoint. */
  checkpoint: { ask: null; answer: null }
}
export type ShaderRequestKind = keyof ShaderRequests

export type ToShader = {
  [Kind in ShaderRequestKind]: {
    readonly id: number
    readonly kind: Kind
    readonly ask: ShaderRequests[Kind]['ask']
  }
}[ShaderRequestKind]

export type FromShader =
  | { readonly kind: 'ready'; readonly report: AdapterReport }
  | { readonly kind: 'unusable'; readonly fault: WorkerFault }
  | {
      readonly kind: 'answer'
      readonly id: number
      readonly answer: ShaderRequests[ShaderRequestKind]['answer']
    }
  | { readonly kind: 'fault'; readonly id: number; readonly fault: WorkerFault }
  | { readonly kind: 'alive' }
  | { readonly kind: 'progress'; readonly step: number }
  | { readonly kind: 'checkpoint'; readonly step: number; readonly bytes: Uint8Array }
