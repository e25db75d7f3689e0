import type { Refusal } from '../errors.js'

/**
 * Parameters of the matmul proof, kernel specification v1 (kernels/README.md has every byte). The constants are
 * fixed: a prover and a verifier that disagree on one of them are running different kernels.
 */
export const KERNEL_VERSION = 1
/** Prime modulus of factors and digest. 4·(508²) and 508² are exact in float32, and 509^4 is far above n². */
export const MODULUS = 509
/** Rank of the factors before the non-linear map: an entry of A or B costs this many multiplications. */
export const FACTORS = 4
/** Columns of C that one digest entry folds together. */
export const GROUP = 4
/** Digest entries under one leaf of the tree: 512 bytes, so that a leaf and its path fit a Solana transaction. */
export const SEGMENT_ENTRIES = 256
export const MIN_N = 16
/** |C| ≤ 64·n is at most 2^21, where floor((x + 0.5)·(1/509)) is exact in float32. */
export const MAX_N = 32_768
export const MAX_ROUNDS = 256
export const SEED_BYTES = 32
/** A leaf of either tree at most. */
export const LEAF_BYTES = 512
/** Prime of the memory phase: 11 bits of every entry of C must be kept. 2038² < 2^22 is reduced exactly in float32. */
export const MEMORY_MODULUS = 2039
/** Columns of C that one entry of the memory phase folds together. */
export const FOLD = 256
export const NONCE_BYTES = 32

export interface ProofParams {
  /** Side of the square matrices. */
  readonly n: number
  /** Products in sequence, each with factors of its own. */
  readonly rounds: number
}

/** One digest entry: E(row, column) of a round; it covers the columns 4·column to 4·column + 3 of C. */
export interface Entry {
  readonly round: number
  readonly row: number
  readonly column: number
}

export type ParamsRefusal = Refusal<
  'PARAMS_MALFORMED' | 'N_OUT_OF_RANGE' | 'N_NOT_A_MULTIPLE' | 'ROUNDS_OUT_OF_RANGE'
>

/** Checks parameters that a peer sent. */
export function checkParams(value: unknown): ProofParams | ParamsRefusal {
  const { n, rounds } = (value ?? {}) as Partial<ProofParams>
  if (!Number.isInteger(n) || !Number.isInteger(rounds)) {
    return { refused: 'PARAMS_MALFORMED', detail: 'n and rounds must be integers' }
  }
  if (n! < MIN_N || n! > MAX_N) {
    return { refused: 'N_OUT_OF_RANGE', detail: `n is ${n}; it must lie between ${MIN_N} and ${MAX_N}` }
  }
  if (n! % GROUP !== 0) {
    return { refused: 'N_NOT_A_MULTIPLE', detail: `n is ${n}; it must be a multiple of ${GROUP}` }
  }
  if (rounds! < 1 || rounds! > MAX_ROUNDS) {
    return {
      refused: 'ROUNDS_OUT_OF_RANGE',
      detail: `rounds is ${rounds}; it must lie between 1 and ${MAX_ROUNDS}`,
    }
  }
  return { n: n!, rounds: rounds! }
}

/** Digest entries in one row of E. */
export function entriesPerRow({ n }: ProofParams): number {
  return n / GROUP
}

/** Digest entries in the whole proof. */
export function entryCount(params: ProofParams): number {
  return params.rounds * params.n * entriesPerRow(params)
}

export function holdsEntry(params: ProofParams, { round, row, column }: Entry): boolean {
  const inside = (value: number, below: number) => Number.isInteger(value) && value >= 0 && value < below
  return inside(round, params.rounds) && inside(row, params.n) && inside(column, entriesPerRow(params))
}

/** Whether products of this size can stay on the device for the memory phase: rows must be whole folds. */
export function allowsMemoryPhase({ n }: ProofParams): boolean {
  return n % FOLD === 0
}

/** Bytes that the products of all rounds take on the device between the two phases: two residues share a float. */
export function residentBytes({ n, rounds }: ProofParams): number {
  return 2 * n ** 2 * rounds
}

/** Entries in one row of F, the digest of the memory phase. */
export function foldsPerRow({ n }: ProofParams): number {
  return n / FOLD
}

export function holdsFold(params: ProofParams, { round, row, column }: Entry): boolean {
  return (
    holdsEntry(params, { round, row, column: 0 }) &&
    Number.isInteger(column) &&
    column >= 0 &&
    column < foldsPerRow(params)
  )
}

/** Floating-point operations of the products alone: a multiplication and an addition per inner step. */
export function flops({ n, rounds }: ProofParams): number {
  return 2 * n ** 3 * rounds
}

/**
 * How many random entries must be opened so that a prover which computed only `fraction` of them passes with
 * probability at most `miss`: fraction^k ≤ miss. (0.9, 0.001) gives 66.
 */
export function openingsFor(fraction: number, miss: number): number {
  return Math.ceil(Math.log(miss) / Math.log(fraction))
}
