import type { Entry } from '../../protocols/challenge/params.js'

/** What the prover shows for one entry: the leaf that holds it and the leaf's way to the root. */
export interface Opening extends Entry {
  /** Digest entries of the leaf, 16-bit little-endian. */
  readonly segment: Uint8Array
  /** Siblings of 32 bytes each, from the leaf up. */
  readonly path: readonly Uint8Array[]
}

/** One entry of F, the digest of the memory phase: `column` counts folds of 256 columns of C. */
export interface MemoryEntry {
  readonly round: number
  readonly row: number
  readonly column: number
}
