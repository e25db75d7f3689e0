import { type Entry, entriesPerRow, type ProofParams, SEED_BYTES } from '../../protocols/challenge/params.js'
import type { Refusal } from '../../protocols/errors.js'
import type { Random } from '../../protocols/ports.js'
import { placeEntry, treeLayout } from './layout.js'
import type { Opening } from './opening.js'
import { expandRound } from './product.js'
import { climb, DIGEST_BYTES, hashLeaf } from './tree.js'

export interface Claim {
  readonly seed: Uint8Array
  readonly params: ProofParams
  /** The root that the prover committed to before it knew which entries would be opened. */
  readonly root: Uint8Array
}

export type OpeningFault =
  | 'claim-malformed'
  | 'opening-missing'
  | 'opening-of-another-entry'
  | 'segment-malformed'
  | 'path-malformed'
  | 'path-mismatch'
  | 'entry-mismatch'

/** With 'entry-mismatch', `opening` is evidence: its path leads to the signed root and its entry is wrong. */
export type OpeningVerdict =
  | { readonly ok: true }
  | (Refusal<OpeningFault> & { readonly opening?: Opening; readonly expected?: number })

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
  if (claim.seed.length !== SEED_BYTES || claim.root.length !== DIGEST_BYTES) {
    return { refused: 'claim-malformed', detail: 'a seed and a root are 32 bytes each' }
  }
  if (openings.length !== entries.length) {
    return {
      refused: 'opening-missing',
      detail: `${openings.length} openings came for ${entries.length} entries`,
    }
  }
  for (const [at, entry] of entries.entries()) {
    const fault = checkPath(claim, entry, openings[at]!)
    if (fault !== undefined) return fault
  }
  const expected = computeEntries(claim.seed, claim.params, entries)
  for (const [at, opening] of openings.entries()) {
    const value = entryOf(claim.params, opening)
    if (value === expected[at]) continue
    return {
      refused: 'entry-mismatch',
      detail: `entry (${opening.round}, ${opening.row}, ${opening.column}) is ${value}, not ${expected[at]}`,
      opening,
      expected: expected[at]!,
    }
  }
  return { ok: true }
}

function checkPath({ params, root }: Claim, entry: Entry, opening: Opening): OpeningVerdict | undefined {
  const { round, row, column } = entry
  const name = `(${round}, ${row}, ${column})`
  if (opening.round !== round || opening.row !== row || opening.column !== column) {
    return { refused: 'opening-of-another-entry', detail: `entry ${name} was asked for`, opening }
  }
  const layout = treeLayout(params)
  const place = placeEntry(params, layout, row, column)
  if (opening.segment.length !== place.bytes) {
    return {
      refused: 'segment-malformed',
      detail: `the segment of ${name} must be ${place.bytes} bytes`,
      opening,
    }
  }
  const depth = layout.roundDepth + layout.topDepth
  if (opening.path.length !== depth || opening.path.some((digest) => digest.length !== DIGEST_BYTES)) {
    return {
      refused: 'path-malformed',
      detail: `the path of ${name} must be ${depth} times 32 bytes`,
      opening,
    }
  }
  const index = round * 2 ** layout.roundDepth + place.leaf
  if (!equalBytes(climb(hashLeaf(opening.segment), index, opening.path), root)) {
    return { refused: 'path-mismatch', detail: `the path of ${name} does not lead to the root`, opening }
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

/** The true values of entries, from the seed alone: n/2 hashes a round, then 2 hashes and 24·n multiplications each. */
export function computeEntries(seed: Uint8Array, params: ProofParams, entries: readonly Entry[]): number[] {
  const values: number[] = new Array(entries.length)
  for (const round of new Set(entries.map((entry) => entry.round))) {
    const product = expandRound(seed, params, round)
    for (const [at, entry] of entries.entries()) {
      if (entry.round === round) values[at] = product.entry(entry.row, entry.column)
    }
  }
  return values
}
