import type { Tensor, Tensor2D } from '@tensorflow/tfjs-core'
import {
  type Entry,
  FACTORS,
  GROUP,
  holdsEntry,
  MODULUS,
  type ProofParams,
  SEGMENT_ENTRIES,
} from '../../protocols/challenge/params.js'
import { NightshiftError } from '../../protocols/errors.js'
import type { Backend, Turn } from '../backend/backend.js'
import { expandFactors, type Factors } from './factors.js'
import { placeEntry, type TreeLayout, treeLayout } from './layout.js'
import type { Opening } from './opening.js'
import { buildTree, DIGEST_BYTES, hashLeaf, type Tree } from './tree.js'

export interface Commitment {
  readonly root: Uint8Array
  /** Recomputes the asked rows on the device: the digest itself (n²/2 bytes a round) is not kept. */
  open(entries: readonly Entry[], turn: Turn): Promise<Opening[]>
}

export interface ProveOptions {
  seed: Uint8Array
  params: ProofParams
  turn: Turn
}

/** Columns of C per leaf; tiles are whole leaves wide. */
const SEGMENT_COLUMNS = SEGMENT_ENTRIES * GROUP
/** Rows of C per submission, so that reading and hashing one band overlaps the product of the next. */
const BAND_ROWS = 2048

/** Runs all rounds on the device and commits to their digest. Host memory: about n²/16 bytes a round. */
export async function prove(backend: Backend, { seed, params, turn }: ProveOptions): Promise<Commitment> {
  const layout = treeLayout(params)
  const trees: Tree[] = []
  for (let round = 0; round < params.rounds; round++) {
    trees.push(await proveRound(backend, expandFactors(seed, params, round), params, layout, turn))
  }
  await backend.settle()
  const roots = new Uint8Array(params.rounds * DIGEST_BYTES)
  for (const [round, tree] of trees.entries()) roots.set(tree.root, round * DIGEST_BYTES)
  const top = buildTree(roots, layout.topDepth, layout.roundDepth)
  return {
    root: new Uint8Array(top.root),
    open: async (entries, turnOfOpening) => {
      for (const entry of entries) requireEntry(params, entry)
      const openings = new Map<Entry, Opening>()
      for (const round of new Set(entries.map((entry) => entry.round))) {
        const asked = entries.filter((entry) => entry.round === round)
        const factors = expandFactors(seed, params, round)
        const paths = (leaf: number) => [...trees[round]!.path(leaf), ...top.path(round)]
        const opened = await openRound(backend, factors, params, layout, asked, paths, turnOfOpening)
        for (const [at, opening] of opened.entries()) openings.set(asked[at]!, opening)
      }
      await backend.settle()
      return entries.map((entry) => openings.get(entry)!)
    },
  }
}

function requireEntry(params: ProofParams, entry: Entry): void {
  if (holdsEntry(params, entry)) return
  throw new NightshiftError('ENTRY_OUT_OF_RANGE', 'an entry outside the proof was asked for', {
    advice: 'Ask for entries within the rounds, rows and columns of the parameters.',
    context: { ...params, ...entry },
  })
}

async function proveRound(
  backend: Backend,
  factors: Factors,
  params: ProofParams,
  layout: TreeLayout,
  turn: Turn,
): Promise<Tree> {
  const { n } = params
  const leaves = new Uint8Array(layout.leavesPerRound * DIGEST_BYTES)
  const bands = splitRows(n, bandRows(backend, n))
  await forEachBand(backend, factors, n, bands, turn, (rows, columnAt, digest) => {
    hashBand(digest, rows, columnAt, layout, leaves)
  })
  return buildTree(leaves, layout.roundDepth)
}

function hashBand(
  digest: Uint8Array,
  rows: readonly number[],
  columnAt: number,
  layout: TreeLayout,
  leaves: Uint8Array,
): void {
  const rowBytes = digest.length / rows.length
  const firstSegment = columnAt / SEGMENT_COLUMNS
  for (const [at, row] of rows.entries()) {
    const rowDigest = digest.subarray(at * rowBytes, (at + 1) * rowBytes)
    for (let byte = 0, segment = firstSegment; byte < rowBytes; byte += 2 * SEGMENT_ENTRIES, segment++) {
      const leaf = hashLeaf(rowDigest.subarray(byte, byte + 2 * SEGMENT_ENTRIES))
      leaves.set(leaf, (row * layout.segmentsPerRow + segment) * DIGEST_BYTES)
    }
  }
}

async function openRound(
  backend: Backend,
  factors: Factors,
  params: ProofParams,
  layout: TreeLayout,
  asked: readonly Entry[],
  paths: (leaf: number) => Uint8Array[],
  turn: Turn,
): Promise<Opening[]> {
  const { n } = params
  const openings: Opening[] = new Array(asked.length)
  const rows = [...new Set(asked.map(({ row }) => row))]
  const bands = splitRows(rows.length, bandRows(backend, n)).map((band) => band.map((at) => rows[at]!))
  await forEachBand(backend, factors, n, bands, turn, (band, columnAt, digest) => {
    const rowBytes = digest.length / band.length
    for (const [at, entry] of asked.entries()) {
      const place = placeEntry(params, layout, entry.row, entry.column)
      const inBand = band.indexOf(entry.row)
      const byte = place.segment * 2 * SEGMENT_ENTRIES - columnAt / 2
      if (inBand < 0 || byte < 0 || byte >= rowBytes) continue
      const segment = digest.slice(inBand * rowBytes + byte, inBand * rowBytes + byte + place.bytes)
      openings[at] = { ...entry, segment, path: paths(place.leaf) }
    }
  })
  return openings
}

function bandRows({ maxTensorBytes }: Backend, n: number): number {
  return Math.max(1, Math.min(n, BAND_ROWS, Math.floor(maxTensorBytes / (4 * n))))
}

function splitRows(count: number, perBand: number): number[][] {
  return Array.from({ length: Math.ceil(count / perBand) }, (_, band) =>
    Array.from({ length: Math.min(perBand, count - band * perBand) }, (_, at) => band * perBand + at),
  )
}

/** Columns of C that are computed at once: all, or as many whole leaves as one tensor of B can hold. */
function tileColumns({ maxTensorBytes }: Backend, n: number): number {
  const fitting = Math.floor(maxTensorBytes / (4 * n))
  return fitting >= n ? n : Math.max(1, Math.floor(fitting / SEGMENT_COLUMNS)) * SEGMENT_COLUMNS
}

/**
 * Computes the digest of the given rows, tile by tile, and hands each band over as bytes: per row, the tile's entries
 * as 16-bit little-endian words. One band is in flight while the one before is read.
 */
async function forEachBand(
  backend: Backend,
  factors: Factors,
  n: number,
  bands: readonly (readonly number[])[],
  turn: Turn,
  take: (rows: readonly number[], columnAt: number, digest: Uint8Array) => void,
): Promise<void> {
  const { core: tf } = backend
  const vA = tf.tensor2d(factors.leftV, [n, FACTORS])
  const uB = tf.tensor2d(factors.rightU, [n, FACTORS])
  let reading: (() => Promise<void>) | undefined
  try {
    const columns = tileColumns(backend, n)
    for (let columnAt = 0; columnAt < n; columnAt += columns) {
      const width = Math.min(columns, n - columnAt)
      const b = tf.tidy(() => {
        const vB = tf.tensor2d(permuteColumns(factors.rightV, columnAt, width), [width, FACTORS])
        return expandMatrix(backend, uB, vB)
      })
      try {
        for (const rows of bands) {
          await turn()
          const digest = tf.tidy(() => {
            const uA = tf.tensor2d(pickRows(factors.leftU, rows), [rows.length, FACTORS])
            return digestBand(backend, tf.matMul(expandMatrix(backend, uA, vA), b) as Tensor2D)
          })
          await reading?.()
          reading = startReading(digest, (bytes) => take(rows, columnAt, bytes))
        }
      } finally {
        b.dispose()
      }
    }
    await reading?.()
    reading = undefined
  } finally {
    vA.dispose()
    uB.dispose()
    await reading?.().catch(() => {})
  }
}

/** Begins to copy a band back and returns how to wait for it. */
function startReading(digest: Tensor, take: (digest: Uint8Array) => void): () => Promise<void> {
  const data = digest.data()
  data.catch(() => {})
  return async () => {
    try {
      // Integers up to 5,080 that came as floats: WebGPU computes with int32 tensors in float32, so two cannot share one.
      const words = new Uint16Array((await data) as Float32Array)
      take(new Uint8Array(words.buffer))
    } finally {
      digest.dispose()
    }
  }
}

function pickRows(left: Float32Array, rows: readonly number[]): Float32Array {
  const picked = new Float32Array(rows.length * FACTORS)
  for (const [at, row] of rows.entries()) {
    picked.set(left.subarray(row * FACTORS, (row + 1) * FACTORS), at * FACTORS)
  }
  return picked
}

/**
 * V_B of a tile in the order that makes the digest cheap: first the columns with weight 1, then those with weight 2 …,
 * so that it is a sum of four contiguous slices.
 */
function permuteColumns(right: Float32Array, columnAt: number, width: number): Float32Array {
  const permuted = new Float32Array(width * FACTORS)
  let at = 0
  for (let weight = 0; weight < GROUP; weight++) {
    for (let group = 0; group < width / GROUP; group++, at += FACTORS) {
      const column = columnAt + group * GROUP + weight
      permuted.set(right.subarray(column * FACTORS, (column + 1) * FACTORS), at)
    }
  }
  return permuted
}

/** x mod m for integers |x| < 2^22, without a division: WGSL's is inexact, this floor is not (see README). */
function reduce({ core: tf }: Backend, x: Tensor, modulus: number): Tensor {
  const quotient = tf.floor(tf.mul(tf.add(x, 0.5), 1 / modulus))
  return tf.sub(x, tf.mul(quotient, modulus))
}

/** ((U·Vᵀ) mod 509) mod 16 − 8. */
function expandMatrix(backend: Backend, u: Tensor2D, v: Tensor2D): Tensor2D {
  const { core: tf } = backend
  return tf.tidy(() => {
    const residue = reduce(backend, tf.matMul(u, v, false, true), MODULUS)
    const sixteenths = tf.floor(tf.mul(residue, 1 / 16))
    return tf.sub(residue, tf.add(tf.mul(sixteenths, 16), 8)) as Tensor2D
  })
}

/** E of a band: the columns of `c` with weight 1 stand first, then those with weight 2, and so on. */
function digestBand(backend: Backend, c: Tensor2D): Tensor {
  const { core: tf } = backend
  const squares = reduce(backend, tf.square(reduce(backend, c, MODULUS)), MODULUS)
  const [first, ...others] = tf.split(squares, GROUP, 1)
  return others.reduce((sum, slice, at) => tf.add(sum, tf.mul(slice, at + 2)), first!)
}
