import { FACTORS, MODULUS, type ProofParams } from '../../protocols/challenge/params.js'
import { createFactorMessage, STREAM_INNER, STREAM_LEFT, STREAM_RIGHT } from './layout.js'
import { sha256 } from './sha256.js'

/** Factor matrices of a round, as flat rows of 4 values below 509. */
export interface Factors {
  readonly leftU: Float32Array
  readonly leftV: Float32Array
  readonly rightU: Float32Array
  readonly rightV: Float32Array
}

const WORDS = 16
const ROWS_PER_HASH = WORDS / FACTORS
/** One hash serves two successive k: V_A[k], U_B[k], V_A[k + 1], U_B[k + 1]. */
const INNER_PER_HASH = WORDS / (2 * FACTORS)
const WORDS_PER_INNER = WORDS / INNER_PER_HASH

function readWords(digest: Uint8Array, into: Float32Array, at = 0): void {
  for (let word = 0; word < WORDS; word++) {
    into[at + word] = (digest[2 * word]! | (digest[2 * word + 1]! << 8)) % MODULUS
  }
}

function expandRows(seed: Uint8Array, params: ProofParams, round: number, stream: number): Float32Array {
  const message = createFactorMessage(seed, params, round, stream)
  const rows = new Float32Array(params.n * FACTORS)
  for (let counter = 0; counter * WORDS < rows.length; counter++) {
    message.setCounter(counter)
    readWords(sha256(message.bytes), rows, counter * WORDS)
  }
  return rows
}

/** Calls `take` for every k; the words from `at` are V_A[k], then U_B[k]. n/2 hashes. */
export function forEachInner(
  seed: Uint8Array,
  params: ProofParams,
  round: number,
  take: (k: number, words: Float32Array, at: number) => void,
): void {
  const message = createFactorMessage(seed, params, round, STREAM_INNER)
  const words = new Float32Array(WORDS)
  for (let k = 0; k < params.n; k += INNER_PER_HASH) {
    message.setCounter(k / INNER_PER_HASH)
    readWords(sha256(message.bytes), words)
    for (let next = 0; next < INNER_PER_HASH; next++) take(k + next, words, next * WORDS_PER_INNER)
  }
}

/** All factors of a round, for the prover: n hashes. */
export function expandFactors(seed: Uint8Array, params: ProofParams, round: number): Factors {
  const leftV = new Float32Array(params.n * FACTORS)
  const rightU = new Float32Array(params.n * FACTORS)
  forEachInner(seed, params, round, (k, words, at) => {
    for (let factor = 0; factor < FACTORS; factor++) {
      leftV[k * FACTORS + factor] = words[at + factor]!
      rightU[k * FACTORS + factor] = words[at + FACTORS + factor]!
    }
  })
  return {
    leftU: expandRows(seed, params, round, STREAM_LEFT),
    leftV,
    rightU,
    rightV: expandRows(seed, params, round, STREAM_RIGHT),
  }
}

/** U_A[row]: one hash. */
export function readLeftRow(
  seed: Uint8Array,
  params: ProofParams,
  round: number,
  row: number,
  into: Float32Array,
): void {
  const message = createFactorMessage(seed, params, round, STREAM_LEFT)
  message.setCounter(Math.floor(row / ROWS_PER_HASH))
  const words = new Float32Array(WORDS)
  readWords(sha256(message.bytes), words)
  const at = (row % ROWS_PER_HASH) * FACTORS
  into.set(words.subarray(at, at + FACTORS))
}

/** V_B of the four columns of C under one digest entry, row after row: one hash. */
export function readRightRows(
  seed: Uint8Array,
  params: ProofParams,
  round: number,
  column: number,
  into: Float32Array,
): void {
  const message = createFactorMessage(seed, params, round, STREAM_RIGHT)
  message.setCounter(column)
  readWords(sha256(message.bytes), into)
}
