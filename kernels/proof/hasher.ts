import { Worker } from 'node:worker_threads'
import { NightshiftError } from '../../protocols/errors.js'
import { hashSegments, raiseLevels } from './tree.js'

/** Hashes what comes off the device. SHA-256 of small pieces costs a processor more time than a fast card needs. */
export interface Hasher {
  /** Digests of the leaves of a band, row after row: entries as 16-bit words. The values are given away. */
  hashBand(values: Float32Array, rows: number): Promise<Uint8Array>
  /** All levels of a tree above its leaves, the leaves included. The leaves are given away. */
  raise(leaves: Uint8Array, depth: number): Promise<Uint8Array[]>
}

/** In this thread: for small proofs, where handing over would cost more than hashing. */
export const inlineHasher: Hasher = {
  hashBand: async (values, rows) => hashSegments(encodeEntries(values), rows),
  raise: async (leaves, depth) => raiseLevels(leaves, depth),
}

/** Digest entries as 16-bit little-endian words, as every platform of Node has them in memory. */
export function encodeEntries(values: Float32Array): Uint8Array {
  return new Uint8Array(new Uint16Array(values).buffer)
}

export type HashRequest =
  | { readonly id: number; readonly kind: 'band'; readonly values: Float32Array; readonly rows: number }
  | { readonly id: number; readonly kind: 'raise'; readonly leaves: Uint8Array; readonly depth: number }
type HashTask =
  | { readonly kind: 'band'; readonly values: Float32Array; readonly rows: number }
  | { readonly kind: 'raise'; readonly leaves: Uint8Array; readonly depth: number }
export type HashAnswer = { readonly id: number; readonly hashed: Uint8Array | Uint8Array[] }

interface Thread {
  readonly worker: Worker
  readonly waiting: Map<number, { resolve: (hashed: never) => void; reject: (error: unknown) => void }>
}

/** Below this a band is hashed where it is: it takes less than a tenth of a millisecond. */
const INLINE_VALUES = 2 ** 14

function startThread(): Thread {
  const worker = new Worker(new URL('./hash-main.js', import.meta.url))
  const waiting: Thread['waiting'] = new Map()
  worker.on('message', ({ id, hashed }: HashAnswer) => {
    waiting.get(id)?.resolve(hashed as never)
    waiting.delete(id)
    // An idle thread does not keep the process alive; one that owes an answer does.
    if (waiting.size === 0) worker.unref()
  })
  worker.on('error', (cause) => {
    const error = new NightshiftError('HASH_THREAD_DIED', 'a hashing thread ended', {
      advice: 'Try again; if it happens again, the machine is out of memory.',
      cause,
    })
    for (const { reject } of waiting.values()) reject(error)
    waiting.clear()
  })
  worker.unref()
  return { worker, waiting }
}

/** Spreads the hashing over threads, which start with the first large band. */
export function createThreadHasher(threadCount: number): Hasher {
  let threads: Thread[] | undefined
  let nextId = 0
  const post = <T>(task: HashTask, buffer: ArrayBufferLike): Promise<T> => {
    threads ??= Array.from({ length: threadCount }, startThread)
    const idlest = threads.reduce((best, thread) => (thread.waiting.size < best.waiting.size ? thread : best))
    const id = nextId++
    return new Promise<T>((resolve, reject) => {
      idlest.waiting.set(id, { resolve, reject })
      idlest.worker.ref()
      idlest.worker.postMessage({ ...task, id }, [buffer as ArrayBuffer])
    })
  }
  return {
    hashBand: (values, rows) =>
      values.length < INLINE_VALUES
        ? inlineHasher.hashBand(values, rows)
        : post({ kind: 'band', values, rows }, values.buffer),
    raise: (leaves, depth) =>
      leaves.length < INLINE_VALUES
        ? inlineHasher.raise(leaves, depth)
        : post({ kind: 'raise', leaves, depth }, leaves.buffer),
  }
}
