import { FACTORS, MODULUS, type ProofParams } from '../../protocols/challenge/params.js'
import { createFactorMessage, STREAM_INNER, STREAM_LEFT, STREAM_RIGHT } from './layout.js'
import { sha256 } from './sha256.js'

/**
 * Factor matrices as flat rows of 4 values below 509. `inner` holds, for every k, V_A[k] and then U_B[k] (8 values):
 * one hash serves two successive k, in the order in which a dot product over k reads them.
 */
export interface Factors<T extends Float32Array | Int32Array> {
  readonly inner: T
  readonly left: T
  readonly right: T
}

const WORDS = 16
const ROWS_PER_HASH = WORDS / FACTORS

function readWords(digest: Uint8Array, into: Float32Array | Int32Array, at: number): void {
  for (let word = 0; word < WORDS; word++) {
    into[at + word] = (digest[2 * word]! | (digest[2 * word + 1]! << 8)) % MODULUS
  }
}

function expandStream<T extends Float32Array | Int32Array>(
  seed: Uint8Array,
  params: ProofParams,
  round: number,
  stream: number,
  into: T,
): T {
  const message = createFactorMessage(seed, params, round, stream)
  for (let counter = 0; counter * WORDS < into.length; counter++) {
    message.setCounter(counter)
    readWords(sha256(message.bytes), into, counter * WORDS)
  }
  return into
}

/** All factors of a round, for the prover: n hashes. */
export function expandFactors(seed: Uint8Array, params: ProofParams, round: number): Factors<Float32Array> {
  const { n } = params
  const rows = () => new Float32Array(n * FACTORS)
  return {
    inner: expandStream(seed, params, round, STREAM_INNER, new Float32Array(2 * n * FACTORS)),
    left: expandStream(seed, params, round, STREAM_LEFT, rows()),
    right: expandStream(seed, params, round, STREAM_RIGHT, rows()),
  }
}

/** What every entry of a round shares, for the verifier: n/2 hashes. */
export function expandInner(
  seed: Uint8Array,
  params: ProofParams,
  round: number,
  into = new Int32Array(2 * params.n * FACTORS),
): Int32Array {
  return expandStream(seed, params, round, STREAM_INNER, into)
}

/** U_A[row]: one hash. */
export function expandLeftRow(seed: Uint8Array, params: ProofParams, round: number, row: number): Int32Array {
  const message = createFactorMessage(seed, params, round, STREAM_LEFT)
  message.setCounter(Math.floor(row / ROWS_PER_HASH))
  const words = new Int32Array(WORDS)
  readWords(sha256(message.bytes), words, 0)
  const at = (row % ROWS_PER_HASH) * FACTORS
  return words.subarray(at, at + FACTORS)
}

/** V_B of the four columns of C under one digest entry, row after row: one hash. */
export function expandRightRows(
  seed: Uint8Array,
  params: ProofParams,
  round: number,
  column: number,
): Int32Array {
  const message = createFactorMessage(seed, params, round, STREAM_RIGHT)
  message.setCounter(column)
  const words = new Int32Array(WORDS)
  readWords(sha256(message.bytes), words, 0)
  return words
}

/** Values of `inner` per k: V_A[k] and U_B[k]. */
export const INNER_VALUES = 2 * FACTORS
