import { equal } from '../../protocols/bytes.js'
import {
  areLeavesOf,
  CHUNK_BYTES,
  chunkCount,
  chunkLength,
  isChunkOf,
  LEAF_BYTES,
} from '../../protocols/job/content.js'
import { nativeSha256 } from '../files/hash.js'
import type { Files } from '../files/port.js'

/**
 * A blob that is being received, as a file with gaps, and its leaves beside it. Nothing says which chunks are there but
 * their hashes: after a crash each is read again and checked, so that what was lost on the way to the disk is asked for again.
 */
export interface Draft {
  /** The leaves that an earlier attempt has stored, where they are right. */
  readonly leaves: Uint8Array | undefined
  /** Keeps checked leaves, and finds the chunks that are not there. */
  begin(leaves: Uint8Array): Promise<number[]>
  /** Chunks that were checked, in the order of their numbers. */
  write(first: number, chunks: readonly Uint8Array[]): Promise<void>
  /** Puts what has arrived on the disk. */
  sync(): Promise<void>
  /** All chunks are there: the file gets its name. */
  finish(file: string): Promise<void>
  close(): Promise<void>
}

/** What a crash may cost: so much is sent again at most. A flush costs milliseconds. */
const SYNC_BYTES = 64 * 2 ** 20
const READ_CHUNKS = 4

export async function openDraft(
  files: Files,
  partial: string,
  blob: { sha256: Uint8Array; bytes: number },
): Promise<Draft> {
  const leavesName = `${partial}.leaves`
  const leaves = await readLeaves()
  const file = await files.edit(partial)
  let isOpen = true
  let unsynced = 0
  let syncing: Promise<void> = Promise.resolve()

  async function readLeaves(): Promise<Uint8Array | undefined> {
    const bytes = chunkCount(blob.bytes) * LEAF_BYTES
    if ((await files.size(leavesName)) !== bytes) return undefined
    const stored = bytes === 0 ? new Uint8Array() : await files.read(leavesName, 0, bytes)
    return areLeavesOf(stored, blob, nativeSha256) ? stored : undefined
  }

  async function findMissing(known: Uint8Array): Promise<number[]> {
    const missing: number[] = []
    const size = await file.size()
    for (let first = 0; first < chunkCount(blob.bytes); first += READ_CHUNKS) {
      const offset = first * CHUNK_BYTES
      const there = offset < size ? await file.read(offset, READ_CHUNKS * CHUNK_BYTES) : new Uint8Array()
      const last = Math.min(first + READ_CHUNKS, chunkCount(blob.bytes))
      for (let index = first; index < last; index++) {
        const at = (index - first) * CHUNK_BYTES
        const chunk = there.subarray(at, at + chunkLength(index, blob.bytes))
        const isThere = chunk.length === chunkLength(index, blob.bytes)
        if (!isThere || !isChunkOf(chunk, index, known, nativeSha256)) missing.push(index)
      }
    }
    return missing
  }

  async function sync(): Promise<void> {
    if (unsynced === 0) return syncing
    unsynced = 0
    const before = syncing
    syncing = before.then(() => file.sync())
    // Whoever waits for it is told; nobody may wait.
    syncing.catch(() => {})
    return syncing
  }

  async function close(): Promise<void> {
    if (!isOpen) return
    isOpen = false
    await file.close()
  }

  return {
    leaves,
    begin: async (known) => {
      if (leaves === undefined || !equal(leaves, known)) {
        await files.remove(leavesName)
        await files.append(leavesName, known)
      }
      return findMissing(known)
    },
    write: async (first, chunks) => {
      await file.write(first * CHUNK_BYTES, chunks)
      unsynced += chunks.reduce((sum, { length }) => sum + length, 0)
      if (unsynced >= SYNC_BYTES) await sync()
    },
    sync,
    finish: async (name) => {
      await sync()
      await close()
      await files.move(partial, name)
      await files.remove(leavesName)
    },
    close,
  }
}
