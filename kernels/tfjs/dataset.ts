import { gunzipSync, gzipSync } from 'node:zlib'
import { NightshiftError } from '../../protocols/errors.js'
import { shuffledIndices } from './shuffle.js'
import type { DatasetSpec } from './spec.js'

/** What an input may grow to in memory. A job's data comes from a stranger: a small file can inflate without end. */
export interface DatasetLimits {
  readonly inflatedBytes: number
  readonly rows: number
  readonly columns: number
}

export const DATASET_LIMITS: DatasetLimits = { inflatedBytes: 2 ** 28, rows: 10_000_000, columns: 65_536 }

export interface Dataset {
  readonly rows: number
  /** Scaled features, row after row. */
  readonly features: Float32Array
  /** One per row; absent when the spec names no label column. */
  readonly labels?: Float32Array
}

function invalid(message: string, context: Record<string, unknown> = {}, cause?: unknown): NightshiftError {
  return new NightshiftError('JOB_DATA_INVALID', message, {
    advice: 'Send gzip-compressed CSV with one number per cell, matching the columns that the spec names.',
    context,
    cause,
  })
}

function inflateLines(bytes: Uint8Array, limits: DatasetLimits): string[] {
  let text: string
  try {
    text = gunzipSync(bytes, { maxOutputLength: limits.inflatedBytes }).toString('latin1')
  } catch (cause) {
    const tooLarge = (cause as { code?: string }).code === 'ERR_BUFFER_TOO_LARGE'
    throw invalid(
      tooLarge
        ? `the data inflates to more than ${limits.inflatedBytes} bytes`
        : `the data is not gzip: ${(cause as Error).message}`,
      {},
      cause,
    )
  }
  const lines = text.split(/\r?\n/)
  if (lines.at(-1) === '') lines.pop()
  return lines
}

/** Throws JOB_DATA_INVALID naming the line and the column. */
export function parseDataset(
  bytes: Uint8Array,
  spec: DatasetSpec,
  limits: DatasetLimits = DATASET_LIMITS,
): Dataset {
  const lines = inflateLines(bytes, limits)
  const first = spec.header ? 1 : 0
  const rows = lines.length - first
  if (rows < 1) throw invalid('the data has no rows')
  if (rows > limits.rows) throw invalid(`the data has ${rows} rows; the limit is ${limits.rows}`)
  const columns = lines[first]!.split(',', limits.columns + 1).length
  if (columns > limits.columns) throw invalid(`the data has more than ${limits.columns} columns`)
  const needed = Math.max(spec.features.first + spec.features.count, (spec.label ?? -1) + 1)
  if (columns < needed) throw invalid(`the data has ${columns} columns; the spec needs ${needed}`)
  if (4 * rows * spec.features.count > 4 * limits.inflatedBytes) {
    throw invalid(`${rows} rows of ${spec.features.count} features are too many`)
  }

  const features = new Float32Array(rows * spec.features.count)
  const labels = spec.label === undefined ? undefined : new Float32Array(rows)
  for (let row = 0; row < rows; row++) {
    const line = first + row
    const cells = lines[line]!.split(',', columns + 1)
    if (cells.length !== columns) {
      throw invalid(`line ${line + 1} does not have ${columns} cells`, { line: line + 1 })
    }
    for (let at = 0; at < spec.features.count; at++) {
      const column = spec.features.first + at
      features[row * spec.features.count + at] = parseCell(cells[column]!, line, column) * spec.scale
    }
    if (labels !== undefined) labels[row] = parseLabel(cells[spec.label!]!, line, spec)
  }
  return { rows, features, ...(labels === undefined ? {} : { labels }) }
}

function parseCell(cell: string, line: number, column: number): number {
  const value = cell.trim() === '' ? Number.NaN : Number(cell)
  if (Number.isFinite(value)) return value
  throw invalid(`line ${line + 1}, column ${column + 1}: "${cell.slice(0, 40)}" is not a number`, {
    line: line + 1,
    column: column + 1,
  })
}

function parseLabel(cell: string, line: number, { label, classes }: DatasetSpec): number {
  const value = parseCell(cell, line, label!)
  if (classes === undefined || (Number.isInteger(value) && value >= 0 && value < classes)) return value
  throw invalid(`line ${line + 1}: the label ${value} is not a class below ${classes}`, { line: line + 1 })
}

export interface Split {
  /** csv.gz with `train` rows. */
  readonly train: Uint8Array
  /** csv.gz with the rest: what the renter keeps back to judge the result. */
  readonly held: Uint8Array
  readonly trainRows: number
  readonly heldRows: number
}

/**
 * Divides a csv.gz by a seeded shuffle of its lines. A header stands in both parts. The same bytes and seed give the
 * same parts.
 */
export function splitCsv(
  bytes: Uint8Array,
  { train, seed, header = false }: { train: number; seed: number; header?: boolean },
  limits: DatasetLimits = DATASET_LIMITS,
): Split {
  const lines = inflateLines(bytes, limits)
  const head = header ? lines.splice(0, 1) : []
  if (!(train >= 1 && train < lines.length)) {
    throw invalid(`cannot take ${train} rows for training out of ${lines.length}`)
  }
  const order = shuffledIndices(lines.length, seed)
  const pack = (indices: Int32Array) => {
    const chosen = [...head, ...Array.from(indices, (index) => lines[index]!)]
    return new Uint8Array(gzipSync(Buffer.from(`${chosen.join('\n')}\n`, 'latin1')))
  }
  return {
    train: pack(order.subarray(0, train)),
    held: pack(order.subarray(train)),
    trainRows: train,
    heldRows: lines.length - train,
  }
}
