import type { Turn } from '../backend/backend.js'

/** What a running job says, and what it leaves. */
export type JobEvent =
  | { readonly kind: 'log'; readonly line: string }
  | {
      readonly kind: 'progress'
      readonly step: number
      readonly steps: number
      readonly epoch?: number
      readonly loss?: number
      readonly accuracy?: number
    }
  | { readonly kind: 'checkpoint'; readonly step: number; readonly bytes: Uint8Array }

export interface JobOutput {
  readonly artifacts: readonly { readonly name: string; readonly bytes: Uint8Array }[]
}

export interface JobOptions {
  turn: Turn
  onEvent: (event: JobEvent) => void
  /** Whether one was asked for since the last time; looked at between two steps. */
  wantsCheckpoint?: () => boolean
}
