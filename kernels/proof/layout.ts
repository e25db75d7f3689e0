import {
  foldsPerRow,
  GROUP,
  LEAF_BYTES,
  type ProofParams,
  SEED_BYTES,
  SEGMENT_ENTRIES,
} from '../../protocols/challenge/params.js'

/**
 * Byte layouts of kernel v1: the message that is hashed for factors, and where a digest entry lies in the tree.
 * kernels/README.md is the specification; this file is its only implementation besides the one on the chain.
 */
export const STREAM_INNER = 0
export const STREAM_LEFT = 1
export const STREAM_RIGHT = 2

const DOMAIN = new TextEncoder().encode('NS/mm/v1')
const SEED_AT = 8
const N_AT = SEED_AT + SEED_BYTES
const ROUND_AT = N_AT + 4
const STREAM_AT = ROUND_AT + 2
const COUNTER_AT = STREAM_AT + 2
/** 52 bytes: with SHA-256's own padding it is one block of 64. */
const MESSAGE_BYTES = COUNTER_AT + 4

export interface FactorMessage {
  readonly bytes: Uint8Array
  setCounter(counter: number): void
}

export function createFactorMessage(
  seed: Uint8Array,
  { n }: ProofParams,
  round: number,
  stream: number,
): FactorMessage {
  const bytes = new Uint8Array(MESSAGE_BYTES)
  const view = new DataView(bytes.buffer)
  bytes.set(DOMAIN, 0)
  bytes.set(seed, SEED_AT)
  view.setUint32(N_AT, n, true)
  view.setUint16(ROUND_AT, round, true)
  view.setUint16(STREAM_AT, stream, true)
  return { bytes, setCounter: (counter) => view.setUint32(COUNTER_AT, counter, true) }
}

export interface TreeLayout {
  /** Leaves in a row of E; the last one may be shorter. */
  readonly segmentsPerRow: number
  /** Leaves that hold data, in one round. */
  readonly leavesPerRound: number
  /** Levels of the tree of one round, and of the tree over the rounds' roots. */
  readonly roundDepth: number
  readonly topDepth: number
}

export function treeLayout({ n, rounds }: ProofParams): TreeLayout {
  const segmentsPerRow = Math.ceil(n / GROUP / SEGMENT_ENTRIES)
  const leavesPerRound = n * segmentsPerRow
  return {
    segmentsPerRow,
    leavesPerRound,
    roundDepth: Math.ceil(Math.log2(leavesPerRound)),
    topDepth: Math.ceil(Math.log2(rounds)),
  }
}

export interface SegmentPlace {
  /** Index of the leaf within its round. */
  readonly leaf: number
  readonly segment: number
  /** Bytes of the leaf: two per entry. */
  readonly bytes: number
  /** Index of the entry within the leaf. */
  readonly index: number
}

export function placeEntry(
  { n }: ProofParams,
  layout: TreeLayout,
  row: number,
  column: number,
): SegmentPlace {
  const segment = Math.floor(column / SEGMENT_ENTRIES)
  const entries = Math.min(SEGMENT_ENTRIES, n / GROUP - segment * SEGMENT_ENTRIES)
  return {
    leaf: row * layout.segmentsPerRow + segment,
    segment,
    bytes: 2 * entries,
    index: column - segment * SEGMENT_ENTRIES,
  }
}

/** The tree of the memory phase: folds of a round, row after row, 128 to a leaf. */
export function memoryLayout(params: ProofParams): Pick<TreeLayout, 'roundDepth' | 'topDepth'> {
  const leaves = (params.n * foldsPerRow(params)) / FOLDS_PER_LEAF
  return { roundDepth: Math.ceil(Math.log2(leaves)), topDepth: Math.ceil(Math.log2(params.rounds)) }
}

const FOLDS_PER_LEAF = LEAF_BYTES / 4

export function placeFold(params: ProofParams, row: number, column: number): { leaf: number; index: number } {
  const place = row * foldsPerRow(params) + column
  return { leaf: Math.floor(place / FOLDS_PER_LEAF), index: place % FOLDS_PER_LEAF }
}
