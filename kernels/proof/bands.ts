import type { Tensor, Tensor2D } from '@tensorflow/tfjs-core'
import { FACTORS, GROUP, SEGMENT_ENTRIES } from '../../protocols/challenge/params.js'
import type { Backend, Turn } from '../backend/backend.js'
import type { Factors } from './factors.js'
import { expandMatrix } from './matrices.js'

/** A part of C: some rows, and the columns from `columnAt` on. */
export interface Band {
  readonly rows: readonly number[]
  readonly columnAt: number
}

export interface BandWork {
  n: number
  factors: Factors
  /** Rows of each band. */
  bands: readonly (readonly number[])[]
  turn: Turn
  /** Reduces a band of C on the device to what is read back; C itself is freed afterwards. */
  digest: (c: Tensor2D, band: Band) => Tensor
  /** Takes what was read; the next band waits for it. */
  take: (band: Band, values: Float32Array) => Promise<void> | void
  /** Called once while the device is busy with the last band. */
  whileBusy?: () => void
}

/** Columns of C per leaf; tiles are whole leaves wide. */
const SEGMENT_COLUMNS = SEGMENT_ENTRIES * GROUP
/** Rows of C per submission, so that reading and hashing one band overlaps the product of the next. */
const BAND_ROWS = 2048
/** From here on a matrix is 64 MiB and a submission costs nothing beside it. */
const FRUGAL_N = 4096

export function bandRows({ maxTensorBytes }: Backend, n: number): number {
  return Math.max(1, Math.min(n, BAND_ROWS, Math.floor(maxTensorBytes / (4 * n))))
}

export function splitRows(count: number, perBand: number): number[][] {
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
 * Computes C = A · B tile by tile and band by band. One band is in flight while the one before is read; no more than
 * that, so that neither the device's nor the host's memory grows with n² at once.
 */
export async function forEachBand(backend: Backend, work: BandWork): Promise<void> {
  const { core: tf } = backend
  const { n, factors, bands, turn } = work
  const vA = tf.tensor2d(factors.leftV, [n, FACTORS])
  const uB = tf.tensor2d(factors.rightU, [n, FACTORS])
  let reading: (() => Promise<void>) | undefined
  backend.frugal(n >= FRUGAL_N)
  try {
    const columns = tileColumns(backend, n)
    for (let columnAt = 0; columnAt < n; columnAt += columns) {
      const width = Math.min(columns, n - columnAt)
      const vB = tf.tensor2d(permuteColumns(factors.rightV, columnAt, width), [width, FACTORS])
      const b = expandMatrix(backend, uB, vB)
      vB.dispose()
      try {
        for (const rows of bands) {
          await turn()
          const band = { rows, columnAt }
          const uA = tf.tensor2d(pickRows(factors.leftU, rows), [rows.length, FACTORS])
          const a = expandMatrix(backend, uA, vA)
          uA.dispose()
          const c = tf.matMul(a, b) as Tensor2D
          a.dispose()
          const digest = work.digest(c, band)
          c.dispose()
          const before = reading
          reading = startReading(backend, digest, (values) => work.take(band, values))
          await before?.()
        }
      } finally {
        b.dispose()
      }
    }
    work.whileBusy?.()
    const last = reading
    reading = undefined
    await last?.()
  } finally {
    backend.frugal(false)
    vA.dispose()
    uB.dispose()
    await reading?.().catch(() => {})
  }
}

/** Copies a tensor back and disposes of it; the copy begins at once where the backend can do that in the background. */
export function startReading(
  { readsAsync }: Backend,
  tensor: Tensor,
  take: (values: Float32Array) => Promise<void> | void,
): () => Promise<void> {
  const begun = readsAsync ? tensor.data() : undefined
  begun?.catch(() => {})
  return async () => {
    try {
      await take((await (begun ?? tensor.data())) as Float32Array)
    } finally {
      tensor.dispose()
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
