import { createHash } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { TrainSpecInput } from '../../kernels/tfjs/spec.js'
import { type Device, type DeviceOptions, openDevice } from '../../kernels/worker/device.js'
import { systemClock } from '../../node/system/clock.js'
import { silentLog } from '../../node/system/log.js'

/**
 * Lets the workers of a test find the software Vulkan device of `npm run setup:swiftshader`: WebGPU without a card. Says
 * whether it is there. A card of the machine's own goes first when VK_DRIVER_FILES is set already.
 */
export function useSwiftshader(): boolean {
  const folder = fileURLToPath(new URL('../../../.nightshift/swiftshader/', import.meta.url))
  if (!existsSync(folder)) return false
  process.env.VK_DRIVER_FILES ??= `${folder}vk_swiftshader_icd.json`
  process.env.LD_LIBRARY_PATH = [folder, process.env.LD_LIBRARY_PATH].filter(Boolean).join(':')
  return true
}

/** Files of the repository, from the compiled test. */
export function repositoryFile(path: string): Uint8Array {
  return new Uint8Array(readFileSync(fileURLToPath(new URL(`../../../${path}`, import.meta.url))))
}

export function openTestDevice(options: Partial<DeviceOptions> = {}): Promise<Device> {
  return openDevice({ backend: 'wasm', clock: systemClock, log: silentLog, ...options })
}

/** The example job: an MLP on the digits, 97 % and more on the rows kept back within seconds on one core. */
export const digitsSpec: TrainSpecInput = {
  model: {
    input: [64],
    layers: [
      { type: 'dense', units: 64, activation: 'relu' },
      { type: 'dense', units: 10, activation: 'softmax' },
    ],
  },
  optimizer: { type: 'adam', learningRate: 0.003 },
  loss: 'categoricalCrossentropy',
  epochs: 30,
  batchSize: 32,
  seed: 1,
  dataset: { format: 'csv.gz', features: { first: 0, count: 64 }, scale: 0.0625, label: 64, classes: 10 },
}

export function processLives(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}

/** Waits for a condition; the test's own time limit ends a wait in vain. */
export async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await systemClock.sleep(10)
}

export const fromHex = (hex: string) => new Uint8Array(Buffer.from(hex, 'hex'))
export const toHex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex')

const sha256 = (...parts: Uint8Array[]) => {
  const hash = createHash('sha256')
  for (const part of parts) hash.update(part)
  return new Uint8Array(hash.digest())
}

const P = 509
const modulo = (x: number, m: number) => ((x % m) + m) % m

function words(seed: Uint8Array, n: number, round: number, stream: number, counter: number): number[] {
  const tail = Buffer.alloc(12)
  tail.writeUInt32LE(n, 0)
  tail.writeUInt16LE(round, 4)
  tail.writeUInt16LE(stream, 6)
  tail.writeUInt32LE(counter, 8)
  const digest = sha256(Buffer.from('NS/mm/v1', 'ascii'), seed, tail)
  return Array.from({ length: 16 }, (_, at) => (digest[2 * at]! + 256 * digest[2 * at + 1]!) % P)
}

const dot = (u: number[], v: number[]) => u.reduce((sum, x, at) => sum + x * v[at]!, 0)
const entry = (u: number[], v: number[]) => modulo(modulo(dot(u, v), P), 16) - 8

export interface ReferenceProof {
  root: Uint8Array
  /** Digest entries of all rounds: [round][row][column]. */
  digest: number[][][]
}

/**
 * The proof by the letter of kernels/README.md, in plain nested loops, sharing no line with the prover: what the golden
 * vectors are made with. For small n only.
 */
export function referenceProof(seed: Uint8Array, n: number, rounds: number): ReferenceProof {
  const digest = Array.from({ length: rounds }, (_, round) => referenceRound(seed, n, round))
  return { root: rootOf(digest, n, rounds), digest }
}

/** C of one round. */
function referenceProduct(seed: Uint8Array, n: number, round: number): number[][] {
  const inner = (k: number) => words(seed, n, round, 0, Math.floor(k / 2)).slice(8 * (k % 2), 8 * (k % 2) + 8)
  const outer = (stream: number, row: number) =>
    words(seed, n, round, stream, Math.floor(row / 4)).slice(4 * (row % 4), 4 * (row % 4) + 4)
  const range = Array.from({ length: n }, (_, at) => at)
  const vA = range.map((k) => inner(k).slice(0, 4))
  const uB = range.map((k) => inner(k).slice(4))
  const uA = range.map((row) => outer(1, row))
  const vB = range.map((column) => outer(2, column))
  const a = range.map((i) => range.map((k) => entry(uA[i]!, vA[k]!)))
  const bColumns = range.map((j) => range.map((k) => entry(uB[k]!, vB[j]!)))
  return a.map((row) => bColumns.map((column) => dot(row, column)))
}

function referenceRound(seed: Uint8Array, n: number, round: number): number[][] {
  return referenceProduct(seed, n, round).map((row) =>
    Array.from({ length: n / 4 }, (_, group) =>
      [0, 1, 2, 3].reduce((sum, k) => sum + (k + 1) * modulo(modulo(row[4 * group + k]!, P) ** 2, P), 0),
    ),
  )
}

/** F of the memory phase by the letter of the README: [round][row][fold]. */
export function referenceFolds(seed: Uint8Array, n: number, rounds: number, nonce: Uint8Array): number[][][] {
  const stream = Array.from({ length: 9 }, (_, counter) => {
    const tail = Buffer.alloc(4)
    tail.writeUInt32LE(counter, 0)
    return [...sha256(Buffer.from('NS/mem/1', 'ascii'), nonce, tail)]
  })
  const bytes = stream.flat()
  const shift = (bytes[256]! + 256 * bytes[257]!) % 2039
  return Array.from({ length: rounds }, (_, round) =>
    referenceProduct(seed, n, round).map((row) =>
      Array.from({ length: n / 256 }, (_, fold) =>
        row
          .slice(256 * fold, 256 * (fold + 1))
          .reduce(
            (sum, c, at) => sum + (1 + (bytes[at]! % 16)) * modulo(modulo(c + shift, 2039) ** 2, 2039),
            0,
          ),
      ),
    ),
  )
}

/** All levels of the memory phase's tree, from the leaves up: folds as 32-bit words, row after row, 128 to a leaf. */
export function foldLevelsOf(folds: number[][][]): Uint8Array[][] {
  const leaves = folds.map((rows) => foldSegments(rows).map((bytes) => sha256(Uint8Array.of(0), bytes)))
  const perRound = 2 ** Math.ceil(Math.log2(leaves[0]!.length))
  const all = Array.from(
    { length: perRound * 2 ** Math.ceil(Math.log2(folds.length)) },
    (_, at) => leaves[Math.floor(at / perRound)]?.[at % perRound] ?? new Uint8Array(32),
  )
  return climbLevels(all)
}

export function foldRootOf(folds: number[][][]): Uint8Array {
  return foldLevelsOf(folds).at(-1)![0]!
}

/** The leaves of one round before they are hashed. */
export function foldSegments(rows: number[][]): Uint8Array[] {
  const flat = rows.flat()
  return Array.from({ length: flat.length / 128 }, (_, leaf) => {
    const bytes = Buffer.alloc(512)
    for (let at = 0; at < 128; at++) bytes.writeUInt32LE(flat[128 * leaf + at]!, 4 * at)
    return new Uint8Array(bytes)
  })
}

/** `digest` may be anything: also what a cheat would commit to. */
export function rootOf(digest: number[][][], n: number, rounds: number): Uint8Array {
  return levelsOf(digest, n, rounds).at(-1)![0]!
}

/** All levels of the padded tree, from 2^depth leaves up to the root. */
export function levelsOf(digest: number[][][], n: number, rounds: number): Uint8Array[][] {
  const perRow = Math.ceil(n / 4 / 256)
  const roundDepth = Math.ceil(Math.log2(n * perRow))
  const depth = roundDepth + Math.ceil(Math.log2(rounds))
  const leaves: Uint8Array[] = Array.from({ length: 2 ** depth }, () => new Uint8Array(32))
  for (const [round, rows] of digest.entries()) {
    for (const [row, entries] of rows.entries()) {
      for (let segment = 0; segment < perRow; segment++) {
        const bytes = segmentBytes(entries, segment)
        leaves[round * 2 ** roundDepth + row * perRow + segment] = sha256(Uint8Array.of(0), bytes)
      }
    }
  }
  return climbLevels(leaves)
}

function climbLevels(leaves: Uint8Array[]): Uint8Array[][] {
  const levels = [leaves]
  while (levels.at(-1)!.length > 1) {
    const below = levels.at(-1)!
    levels.push(
      Array.from({ length: below.length / 2 }, (_, at) =>
        sha256(Uint8Array.of(1), below[2 * at]!, below[2 * at + 1]!),
      ),
    )
  }
  return levels
}

export function segmentBytes(entries: number[], segment: number): Uint8Array {
  const slice = entries.slice(256 * segment, 256 * (segment + 1))
  const bytes = Buffer.alloc(2 * slice.length)
  for (const [at, value] of slice.entries()) bytes.writeUInt16LE(value, 2 * at)
  return new Uint8Array(bytes)
}
