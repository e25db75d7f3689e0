import { equal } from '../../protocols/bytes.js'
import { NightshiftError } from '../../protocols/errors.js'
import {
  areLeavesOf,
  CHUNK_BYTES,
  chunkCount,
  chunkLength,
  isChunkOf,
  LEAF_BYTES,
} from '../../protocols/job/content.js'
import type { Clock } from '../../protocols/ports.js'
import { nativeSha256 } from '../files/hash.js'
import type { FileLog, Files } from '../files/port.js'
import { leavesNameOf } from './port.js'

/**
 * A blob that is being received, as a file with gaps, and its leaves beside it. Nothing says which chunks are there but
 * their hashes: after a crash each is read again and checked, so that what was lost on the way to the disk is asked for again.
 */
export interface Draft {
  /** Chunks of one request: fewer where each has to wait for its turn. */
  readonly rangeChunks: number
  /** The leaves that an earlier attempt has stored, where they are right. */
  readonly leaves: Uint8Array | undefined
  /** Keeps checked leaves, and finds the chunks that are not there. */
  begin(leaves: Uint8Array): Promise<number[]>
  /** Chunks that were checked, in the order of their numbers. `goOn` throws when there is no use in waiting for a turn. */
  write(first: number, chunks: readonly Uint8Array[], goOn: () => void): Promise<void>
  /** Puts what has arrived on the disk. */
  sync(): Promise<void>
  /** All chunks are there: the file gets its name. */
  finish(file: string): Promise<void>
  close(): Promise<void>
}

/** What a crash may cost: so much is sent again at most. A flush costs milliseconds. */
const SYNC_BYTES = 64 * 2 ** 20
const READ_CHUNKS = 4

/** 4 MiB, as each stream may have them at any place; a mebibyte where all go to the end of one file. */
const RANGE_CHUNKS = { anywhere: 16, inOrder: 4 }
const TURN_MS = 250

type Named = { sha256: Uint8Array; bytes: number }

async function readLeaves(files: FileLog, partial: string, blob: Named): Promise<Uint8Array | undefined> {
  const name = leavesNameOf(partial)
  const bytes = chunkCount(blob.bytes) * LEAF_BYTES
  if ((await files.size(name)) !== bytes) return undefined
  const stored = bytes === 0 ? new Uint8Array() : await files.read(name, 0, bytes)
  return areLeavesOf(stored, blob, nativeSha256) ? stored : undefined
}

async function keepLeaves(files: FileLog, partial: string, leaves: Uint8Array): Promise<void> {
  await files.remove(leavesNameOf(partial))
  await files.append(leavesNameOf(partial), leaves)
}

/** For files that can only be added to: each stream waits for its turn, which holds its peer back. */
export async function openLog(files: FileLog, partial: string, blob: Named, clock: Clock): Promise<Draft> {
  const leaves = await readLeaves(files, partial, blob)
  let at = 0
  let wake = () => {}
  let changed = new Promise<void>((resolve) => {
    wake = resolve
  })

  /** How much of it is right; a chunk that is not makes all of it worthless, since nothing in the middle can be replaced. */
  async function check(known: Uint8Array): Promise<number> {
    const size = await files.size(partial)
    for (let index = 0; index < chunkCount(size); index++) {
      const chunk = await files.read(partial, index * CHUNK_BYTES, chunkLength(index, size))
      const isTail = chunk.length < chunkLength(index, blob.bytes)
      if (size <= blob.bytes && (isTail || isChunkOf(chunk, index, known, nativeSha256))) continue
      await files.remove(partial)
      return 0
    }
    return size
  }

  async function append(bytes: Uint8Array): Promise<void> {
    await files.append(partial, bytes)
    at += bytes.length
    const before = wake
    changed = new Promise<void>((resolve) => {
      wake = resolve
    })
    before()
  }

  return {
    rangeChunks: RANGE_CHUNKS.inOrder,
    leaves,
    begin: async (known) => {
      if (leaves === undefined) await keepLeaves(files, partial, known)
      at = await check(known)
      const first = at === blob.bytes ? chunkCount(at) : Math.floor(at / CHUNK_BYTES)
      return Array.from({ length: chunkCount(blob.bytes) - first }, (_, index) => first + index)
    },
    write: async (first, chunks, goOn) => {
      const begin = first * CHUNK_BYTES
      while (at < begin) {
        goOn()
        const late = new AbortController()
        await Promise.race([changed, clock.sleep(TURN_MS, late.signal).catch(() => {})])
        late.abort()
      }
      const bytes = Buffer.concat(chunks)
      // A write that was torn off has left a part of this chunk.
      const there = bytes.subarray(0, at - begin)
      if (there.length > 0 && !equal(await files.read(partial, begin, there.length), there)) {
        await files.remove(partial)
        at = 0
        throw new NightshiftError('FILE_CHANGED', 'what an earlier attempt has left is damaged', {
          advice: 'check the disk; the transfer begins anew',
        })
      }
      await append(bytes.subarray(there.length))
    },
    sync: async () => {},
    finish: async (name) => {
      if (blob.bytes === 0) await files.append(partial, new Uint8Array())
      await files.move(partial, name)
      await files.remove(leavesNameOf(partial))
    },
    close: async () => {},
  }
}

/** What may come at any place: a file with gaps, flushed every SYNC_BYTES. */
export async function openDraft(files: Files, partial: string, blob: Named): Promise<Draft> {
  const leaves = await readLeaves(files, partial, blob)
  const file = await files.edit(partial)
  let isOpen = true
  let unsynced = 0
  let syncing: Promise<void> = Promise.resolve()

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
    rangeChunks: RANGE_CHUNKS.anywhere,
    leaves,
    begin: async (known) => {
      if (leaves === undefined) await keepLeaves(files, partial, known)
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
      await files.remove(leavesNameOf(partial))
    },
    close,
  }
}
