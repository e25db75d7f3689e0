import {
  allowsMemoryPhase,
  type Entry,
  entriesPerRow,
  FOLD,
  foldsPerRow,
  GROUP,
  LEAF_BYTES,
  MEMORY_MODULUS,
  MODULUS,
  NONCE_BYTES,
  type ProofParams,
  SEED_BYTES,
} from '../../protocols/challenge/params.js'
import type { Refusal } from '../../protocols/errors.js'
import type { Random } from '../../protocols/ports.js'
import { memoryLayout, placeEntry, placeFold, treeLayout } from './layout.js'
import { expandNonce } from './nonce.js'
import type { MemoryEntry, Opening } from './opening.js'
import { expandRound, type ProductRound } from './product.js'
import { climb, DIGEST_BYTES, hashLeaf } from './tree.js'

export interface Claim {
  readonly seed: Uint8Array
  readonly params: ProofParams
  /** The root that the prover committed to before it knew which entries would be opened. */
  readonly root: Uint8Array
}

export type OpeningFault =
  | 'CLAIM_MALFORMED'
  | 'OPENING_MISSING'
  | 'OPENING_OF_ANOTHER_ENTRY'
  | 'SEGMENT_MALFORMED'
  | 'PATH_MALFORMED'
  | 'PATH_MISMATCH'
  | 'ENTRY_MISMATCH'

/** With 'ENTRY_MISMATCH', `opening` is evidence: its path leads to the signed root and its entry is wrong. */
export type OpeningVerdict =
  | { readonly ok: true }
  | (Refusal<OpeningFault> & { readonly opening?: Opening; readonly expected?: number })

/** Uniform random folds of the memory phase. */
export function sampleFolds(params: ProofParams, count: number, random: Random): MemoryEntry[] {
  return Array.from({ length: count }, () => ({
    round: random.below(params.rounds),
    row: random.below(params.n),
    column: random.below(foldsPerRow(params)),
  }))
}

/** Uniform random entries, with repetition: the chance to miss a wrong entry is the fraction of right ones, each time. */
export function sampleEntries(params: ProofParams, count: number, random: Random): Entry[] {
  return Array.from({ length: count }, () => ({
    round: random.below(params.rounds),
    row: random.below(params.n),
    column: random.below(entriesPerRow(params)),
  }))
}

/** Checks every opening against the claim: the form, the path, then the value itself, recomputed from the seed. */
export function verifyOpenings(
  claim: Claim,
  entries: readonly Entry[],
  openings: readonly Opening[],
): OpeningVerdict {
  const { params } = claim
  const layout = treeLayout(params)
  return verifyAll(claim, entries, openings, {
    place: ({ row, column }) => ({ ...layout, ...placeEntry(params, layout, row, column) }),
    stated: (opening) => entryOf(params, opening),
    compute: () => computeEntries(claim.seed, params, entries),
  })
}

export interface MemoryClaim extends Claim {
  /** Sent after the first root had arrived; `root` is the second one. */
  readonly nonce: Uint8Array
}

/** The same for the memory phase. An entry costs 256 columns: about 2 ms at n = 4096. */
export function verifyMemoryOpenings(
  claim: MemoryClaim,
  entries: readonly MemoryEntry[],
  openings: readonly Opening[],
): OpeningVerdict {
  const { params, seed, nonce } = claim
  if (!allowsMemoryPhase(params) || nonce.length !== NONCE_BYTES) {
    return { refused: 'CLAIM_MALFORMED', detail: `n must be a multiple of ${FOLD} and the nonce 32 bytes` }
  }
  const layout = memoryLayout(params)
  return verifyAll(claim, entries, openings, {
    place: ({ row, column }) => ({ ...layout, ...placeFold(params, row, column), bytes: LEAF_BYTES }),
    stated: (opening) => foldOf(params, opening),
    compute: () => computeFolds(seed, params, nonce, entries),
  })
}

interface Phase {
  place: (entry: Entry) => Place
  stated: (opening: Opening) => number
  compute: () => number[]
}

function verifyAll(
  { seed, root }: Claim,
  entries: readonly Entry[],
  openings: readonly Opening[],
  { place, stated, compute }: Phase,
): OpeningVerdict {
  if (seed.length !== SEED_BYTES || root.length !== DIGEST_BYTES) {
    return { refused: 'CLAIM_MALFORMED', detail: 'a seed and a root are 32 bytes each' }
  }
  if (openings.length !== entries.length) {
    return {
      refused: 'OPENING_MISSING',
      detail: `${openings.length} openings came for ${entries.length} entries`,
    }
  }
  for (const [at, entry] of entries.entries()) {
    const fault = checkPath(root, entry, openings[at]!, place(entry))
    if (fault !== undefined) return fault
  }
  const expected = compute()
  for (const [at, opening] of openings.entries()) {
    const value = stated(opening)
    if (value === expected[at]) continue
    return {
      refused: 'ENTRY_MISMATCH',
      detail: `entry (${opening.round}, ${opening.row}, ${opening.column}) is ${value}, not ${expected[at]}`,
      opening,
      expected: expected[at]!,
    }
  }
  return { ok: true }
}

/** Where the opened value lies: what differs between the two phases. */
interface Place {
  readonly leaf: number
  readonly bytes: number
  readonly roundDepth: number
  readonly topDepth: number
}

function checkPath(
  root: Uint8Array,
  entry: Entry,
  opening: Opening,
  place: Place,
): OpeningVerdict | undefined {
  const { round, row, column } = entry
  const name = `(${round}, ${row}, ${column})`
  if (opening.round !== round || opening.row !== row || opening.column !== column) {
    return { refused: 'OPENING_OF_ANOTHER_ENTRY', detail: `entry ${name} was asked for`, opening }
  }
  if (opening.segment.length !== place.bytes) {
    return {
      refused: 'SEGMENT_MALFORMED',
      detail: `the segment of ${name} must be ${place.bytes} bytes`,
      opening,
    }
  }
  const depth = place.roundDepth + place.topDepth
  if (opening.path.length !== depth || opening.path.some((digest) => digest.length !== DIGEST_BYTES)) {
    return {
      refused: 'PATH_MALFORMED',
      detail: `the path of ${name} must be ${depth} times 32 bytes`,
      opening,
    }
  }
  const index = round * 2 ** place.roundDepth + place.leaf
  if (!equalBytes(climb(hashLeaf(opening.segment), index, opening.path), root)) {
    return { refused: 'PATH_MISMATCH', detail: `the path of ${name} does not lead to the root`, opening }
  }
  return undefined
}

function equalBytes(left: Uint8Array, right: Uint8Array): boolean {
  return left.length === right.length && left.every((byte, at) => byte === right[at])
}

/** The opened value as the prover stated it. */
export function entryOf(params: ProofParams, { row, column, segment }: Opening): number {
  const { index } = placeEntry(params, treeLayout(params), row, column)
  return segment[2 * index]! | (segment[2 * index + 1]! << 8)
}

/** The opened fold as the prover stated it. */
function foldOf(params: ProofParams, { row, column, segment }: Opening): number {
  const { index } = placeFold(params, row, column)
  return new DataView(segment.buffer, segment.byteOffset).getUint32(4 * index, true)
}

/** The true values of entries, from the seed alone: n/2 hashes a round, then 2 hashes and 24·n multiplications each. */
export function computeEntries(seed: Uint8Array, params: ProofParams, entries: readonly Entry[]): number[] {
  return computeByRound(seed, params, entries, (product, { row, column }) =>
    product.cells(row, column).reduce((entry, c, at) => entry + (at + 1) * (c ** 2 % MODULUS), 0),
  )
}

/** The true values of the memory phase. */
export function computeFolds(
  seed: Uint8Array,
  params: ProofParams,
  nonce: Uint8Array,
  entries: readonly MemoryEntry[],
): number[] {
  const { shift, weights } = expandNonce(nonce)
  return computeByRound(seed, params, entries, (product, { row, column }) => {
    let fold = 0
    for (let group = 0; group < FOLD / GROUP; group++) {
      for (const [at, c] of product.cells(row, column * (FOLD / GROUP) + group).entries()) {
        fold += weights[group * GROUP + at]! * ((c + shift) ** 2 % MEMORY_MODULUS)
      }
    }
    return fold
  })
}

function computeByRound(
  seed: Uint8Array,
  params: ProofParams,
  entries: readonly Entry[],
  compute: (product: ProductRound, entry: Entry) => number,
): number[] {
  const values: number[] = new Array(entries.length)
  for (const round of new Set(entries.map((entry) => entry.round))) {
    const product = expandRound(seed, params, round)
    for (const [at, entry] of entries.entries()) {
      if (entry.round === round) values[at] = compute(product, entry)
    }
  }
  return values
}
