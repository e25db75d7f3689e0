import {
  allowsMemoryPhase,
  checkParams,
  type Entry,
  FOLD,
  GROUP,
  holdsEntry,
  type ProofParams,
  SEED_BYTES,
  SEGMENT_ENTRIES,
} from '../../protocols/challenge/params.js'
import { isRefusal, NightshiftError } from '../../protocols/errors.js'
import type { Backend, Turn } from '../backend/backend.js'
import { type Band, bandRows, forEachBand, splitRows } from './bands.js'
import { expandFactors } from './factors.js'
import { encodeEntries, type Hasher, inlineHasher } from './hasher.js'
import { placeEntry, type TreeLayout, treeLayout } from './layout.js'
import { digestBand, packBand } from './matrices.js'
import { createRecall, type MemoryCommitment, type Resident } from './memory.js'
import type { Opening } from './opening.js'
import { DIGEST_BYTES, joinRoots, type Tree, treeOf } from './tree.js'

export interface Commitment {
  readonly root: Uint8Array
  /** Recomputes the asked rows on the device: the digest itself (n²/2 bytes a round) is not kept. */
  open(entries: readonly Entry[], turn: Turn): Promise<Opening[]>
  /** The memory phase, when the products were kept. Throws NOTHING_RESIDENT otherwise. */
  recall(nonce: Uint8Array, turn: Turn): Promise<MemoryCommitment>
  /** Frees what is kept on the device. */
  release(): void
}

export interface ProveOptions {
  seed: Uint8Array
  params: ProofParams
  turn: Turn
  hasher?: Hasher
  /** Keep all products on the device for the memory phase: 2·n² bytes a round. */
  resident?: boolean
}

/** Bands that wait for their hashes at most; each holds rows · n bytes. */
const BANDS_IN_HASHING = 4
/** The tree takes n²/16 bytes a round; beyond this the parameters are refused rather than the machine swapped. */
const MAX_TREE_BYTES = 2 ** 31

/** Runs all rounds on the device and commits to their digest. Throws PROOF_TOO_LARGE, DEVICE_FAILED. */
export async function prove(backend: Backend, options: ProveOptions): Promise<Commitment> {
  const { seed, params, hasher = inlineHasher } = options
  requireParams(seed, params)
  const layout = treeLayout(params)
  requireMemory(params, layout)
  if (options.resident === true) requireFolds(params)
  const resident: Resident[][] = []
  const release = () => {
    for (const { packed } of resident.splice(0).flat()) packed.dispose()
  }
  try {
    const trees = await proveRounds(backend, { ...options, hasher }, layout, resident)
    await backend.settle()
    const top = joinRoots(
      trees.map(({ root }) => root),
      layout.topDepth,
      layout.roundDepth,
    )
    return {
      root: top.root,
      open: (entries, turnOfOpening) =>
        openEntries(backend, { seed, params, turn: turnOfOpening }, trees, top, entries),
      recall: createRecall(backend, params, resident, hasher),
      release,
    }
  } catch (error) {
    release()
    throw error
  }
}

/** A peer's parameters reach the device only through here. */
function requireParams(seed: Uint8Array, params: ProofParams): void {
  const checked = checkParams(params)
  const detail = isRefusal(checked)
    ? checked.detail
    : seed.length === SEED_BYTES
      ? undefined
      : 'the seed is not 32 bytes'
  if (detail === undefined) return
  throw new NightshiftError('PROOF_PARAMS_INVALID', `the proof's parameters are not valid: ${detail}`, {
    advice: 'Check them with checkParams before asking the device.',
    context: { ...params },
  })
}

function requireMemory(params: ProofParams, { leavesPerRound }: TreeLayout): void {
  const bytes = 2 * params.rounds * leavesPerRound * DIGEST_BYTES
  if (bytes <= MAX_TREE_BYTES) return
  throw new NightshiftError('PROOF_TOO_LARGE', `the proof's tree would take ${bytes} bytes of memory`, {
    advice: 'Ask for fewer rounds or a smaller n.',
    context: { ...params, bytes },
  })
}

function requireFolds(params: ProofParams): void {
  if (allowsMemoryPhase(params)) return
  throw new NightshiftError(
    'PARAMS_WITHOUT_MEMORY_PHASE',
    `n = ${params.n} does not allow the memory phase`,
    {
      advice: `Ask for an n that is a multiple of ${FOLD}.`,
      context: { ...params },
    },
  )
}

async function proveRounds(
  backend: Backend,
  { seed, params, turn, hasher, resident: keep = false }: ProveOptions & { hasher: Hasher },
  layout: TreeLayout,
  resident: Resident[][],
): Promise<Tree[]> {
  const trees: Promise<Tree>[] = []
  let factors = expandFactors(seed, params, 0)
  for (let round = 0; round < params.rounds; round++) {
    // A round's hashing may lag behind the device by one round, no further.
    await trees[round - 2]
    const kept: Resident[] = []
    if (keep) resident.push(kept)
    const leaves = new Uint8Array(layout.leavesPerRound * DIGEST_BYTES)
    const hashing: Promise<void>[] = []
    const current = factors
    await forEachBand(backend, {
      n: params.n,
      factors: current,
      bands: splitRows(params.n, bandRows(backend, params.n)),
      turn,
      digest: (c, band) => {
        if (keep) kept.push({ ...band, packed: packBand(backend, c) })
        return digestBand(backend, c)
      },
      take: (band, values) => {
        const hashed = hasher
          .hashBand(values, band.rows.length)
          .then((digests) => placeLeaves(leaves, digests, band, layout))
        hashed.catch(() => {})
        hashing.push(hashed)
        return hashing.at(-BANDS_IN_HASHING)
      },
      whileBusy: () => {
        if (round + 1 < params.rounds) factors = expandFactors(seed, params, round + 1)
      },
    })
    const tree = Promise.all(hashing)
      .then(() => hasher.raise(leaves, layout.roundDepth))
      .then((levels) => treeOf(levels))
    tree.catch(() => {})
    trees.push(tree)
  }
  return Promise.all(trees)
}

function placeLeaves(
  leaves: Uint8Array,
  digests: Uint8Array,
  { rows, columnAt }: Band,
  layout: TreeLayout,
): void {
  const perRow = digests.length / rows.length
  const firstSegment = columnAt / GROUP / SEGMENT_ENTRIES
  for (const [at, row] of rows.entries()) {
    const place = (row * layout.segmentsPerRow + firstSegment) * DIGEST_BYTES
    leaves.set(digests.subarray(at * perRow, (at + 1) * perRow), place)
  }
}

async function openEntries(
  backend: Backend,
  { seed, params, turn }: ProveOptions,
  trees: readonly Tree[],
  top: Tree,
  entries: readonly Entry[],
): Promise<Opening[]> {
  for (const entry of entries) requireEntry(params, entry)
  const layout = treeLayout(params)
  const openings: Opening[] = new Array(entries.length)
  for (const round of new Set(entries.map((entry) => entry.round))) {
    const asked = [...entries.entries()].filter(([, entry]) => entry.round === round)
    const rows = [...new Set(asked.map(([, { row }]) => row))]
    const bands = splitRows(rows.length, bandRows(backend, params.n)).map((band) =>
      band.map((at) => rows[at]!),
    )
    await forEachBand(backend, {
      n: params.n,
      factors: expandFactors(seed, params, round),
      bands,
      turn,
      digest: (c) => digestBand(backend, c),
      take: (band, values) => {
        for (const [at, entry] of asked) {
          const opened = findSegment(params, layout, band, values, entry)
          if (opened === undefined) continue
          const path = [...trees[round]!.path(opened.leaf), ...top.path(round)]
          openings[at] = { ...entry, segment: opened.segment, path }
        }
      },
    })
  }
  await backend.settle()
  return openings
}

function findSegment(
  params: ProofParams,
  layout: TreeLayout,
  { rows, columnAt }: Band,
  values: Float32Array,
  entry: Entry,
): { leaf: number; segment: Uint8Array } | undefined {
  const width = values.length / rows.length
  const { leaf, segment, bytes } = placeEntry(params, layout, entry.row, entry.column)
  const row = rows.indexOf(entry.row)
  const from = segment * SEGMENT_ENTRIES - columnAt / GROUP
  if (row < 0 || from < 0 || from >= width) return undefined
  const start = row * width + from
  return { leaf, segment: encodeEntries(values.subarray(start, start + bytes / 2)) }
}

function requireEntry(params: ProofParams, entry: Entry): void {
  if (holdsEntry(params, entry)) return
  throw new NightshiftError('ENTRY_OUT_OF_RANGE', 'an entry outside the proof was asked for', {
    advice: 'Ask for entries within the rounds, rows and columns of the parameters.',
    context: { ...params, ...entry },
  })
}
