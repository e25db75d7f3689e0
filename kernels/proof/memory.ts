import type { Tensor } from '@tensorflow/tfjs-core'
import {
  FOLD,
  foldsPerRow,
  GROUP,
  holdsFold,
  LEAF_BYTES,
  type ProofParams,
} from '../../protocols/challenge/params.js'
import { NightshiftError } from '../../protocols/errors.js'
import type { Backend, Turn } from '../backend/backend.js'
import { type Band, startReading } from './bands.js'
import type { Hasher } from './hasher.js'
import { memoryLayout, placeFold } from './layout.js'
import { foldBand } from './matrices.js'
import { expandNonce, type FoldKey } from './nonce.js'
import type { MemoryEntry, Opening } from './opening.js'
import { hashSegments, joinRoots, type Tree, treeOf } from './tree.js'

/**
 * The memory phase. After the first root the verifier sends a nonce; the prover folds every product of every round with
 * weights that follow from it and commits again. Reading the device's memory is fast; computing the products again, or
 * fetching them from elsewhere, is not.
 */
export interface Resident extends Band {
  readonly packed: Tensor
}

export interface MemoryCommitment {
  readonly root: Uint8Array
  /** Entries of F: `column` counts folds of 256 columns of C. From host memory. */
  open(entries: readonly MemoryEntry[]): Opening[]
}

/** Folds are sums below 2^24, as 32-bit little-endian words. */
function encodeFolds(values: Float32Array): Uint8Array {
  return new Uint8Array(new Uint32Array(values).buffer)
}

export function createRecall(
  backend: Backend,
  params: ProofParams,
  resident: readonly (readonly Resident[])[],
  hasher: Hasher,
): (nonce: Uint8Array, turn: Turn) => Promise<MemoryCommitment> {
  return async (nonce, turn) => {
    if (resident.length !== params.rounds) {
      throw new NightshiftError('NOTHING_RESIDENT', 'the products of this proof were not kept', {
        advice: 'Ask for a proof with `resident`, and for the memory phase before it is released.',
      })
    }
    const folds = await foldRounds(backend, params, resident, expandNonce(nonce), turn)
    await backend.settle()
    const layout = memoryLayout(params)
    const trees: Tree[] = []
    for (const values of folds) {
      const bytes = encodeFolds(values)
      const leaves = hashSegments(bytes, bytes.length / LEAF_BYTES)
      trees.push(treeOf(await hasher.raise(leaves, layout.roundDepth)))
    }
    const roots = trees.map(({ root }) => root)
    const top = joinRoots(roots, layout.topDepth, layout.roundDepth)
    return {
      root: top.root,
      open: (entries) =>
        entries.map((entry) => {
          requireFold(params, entry)
          const { leaf } = placeFold(params, entry.row, entry.column)
          const values = folds[entry.round]!.subarray((leaf * LEAF_BYTES) / 4, ((leaf + 1) * LEAF_BYTES) / 4)
          const path = [...trees[entry.round]!.path(leaf), ...top.path(entry.round)]
          return { ...entry, segment: encodeFolds(values), path }
        }),
    }
  }
}

function requireFold(params: ProofParams, entry: MemoryEntry): void {
  if (holdsFold(params, entry)) return
  throw new NightshiftError('ENTRY_OUT_OF_RANGE', 'a fold outside the proof was asked for', {
    advice: 'Ask for folds within the rounds, rows and columns of the parameters.',
    context: { ...params, ...entry },
  })
}

/** F of every round, n rows of n/256 values. One band is in flight while the one before is read. */
async function foldRounds(
  backend: Backend,
  params: ProofParams,
  resident: readonly (readonly Resident[])[],
  { shift, weights }: FoldKey,
  turn: Turn,
): Promise<Float32Array[]> {
  const { core: tf } = backend
  const perRow = foldsPerRow(params)
  const columns = Array.from({ length: GROUP }, (_, k) =>
    tf.tensor2d(
      Array.from({ length: FOLD / GROUP }, (_, at) => weights[at * GROUP + k]!),
      [FOLD / GROUP, 1],
    ),
  )
  const folds: Float32Array[] = []
  let reading: (() => Promise<void>) | undefined
  try {
    for (const bands of resident) {
      const round = new Float32Array(params.n * perRow)
      folds.push(round)
      for (const { rows, columnAt, packed } of bands) {
        await turn()
        const folded = foldBand(backend, packed, shift, columns)
        const before = reading
        reading = startReading(backend, folded, (values) => {
          const width = values.length / rows.length
          for (const [at, row] of rows.entries()) {
            round.set(values.subarray(at * width, (at + 1) * width), row * perRow + columnAt / FOLD)
          }
        })
        await before?.()
      }
    }
    const last = reading
    reading = undefined
    await last?.()
    return folds
  } finally {
    for (const column of columns) column.dispose()
    await reading?.().catch(() => {})
  }
}
