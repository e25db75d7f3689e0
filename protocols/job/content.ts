import { sha256 as nobleSha256 } from '@noble/hashes/sha2.js'
import { equal } from '../bytes.js'
import { JOB_LIMITS } from './rules.js'
import type { ContentRequest } from './wire.js'

/**
 * The name of a blob: the root of a binary SHA-256 tree over chunks of 256 KiB, with the length hashed in. Whoever knows
 * the name and the list of leaves can check each chunk when it arrives, from whomever, in any order.
 *
 *     leaf = SHA-256(0 ‖ chunk)   node = SHA-256(1 ‖ left ‖ right)   root = SHA-256(2 ‖ length, 64 bits big-endian ‖ top)
 *
 * A node without a right neighbour goes up as it is (as in RFC 6962); an empty blob has an empty top. The first byte keeps
 * a leaf from being taken for a node, and the length what is left over from being taken for a chunk.
 */
export const CHUNK_BYTES = 256 * 1024
export const LEAF_BYTES = 32

/** SHA-256 over the parts, one after the other. */
export type Sha256 = (...parts: Uint8Array[]) => Uint8Array

export const CONTENT_LIMITS = {
  /** One blob; its list of leaves is one frame of a mebibyte then. */
  maxBytes: JOB_LIMITS.maxInputBytes,
  /** Chunks of one request: 16 MiB. */
  maxChunks: 64,
} as const

const LEAF = Uint8Array.of(0)
const NODE = Uint8Array.of(1)
const ROOT = Uint8Array.of(2)

/** How many chunks a blob of so many bytes has; an empty one has none. */
export function chunkCount(bytes: number): number {
  return Math.ceil(bytes / CHUNK_BYTES)
}

/** Bytes of the chunk with this number: all have CHUNK_BYTES but the last. */
export function chunkLength(index: number, bytes: number): number {
  return Math.min(CHUNK_BYTES, bytes - index * CHUNK_BYTES)
}

/** The hash of one chunk, 32 bytes. */
export function leafOf(chunk: Uint8Array, sha256: Sha256 = pureSha256): Uint8Array {
  return sha256(LEAF, chunk)
}

/** The name of a blob of `bytes` whose leaves, 32 bytes each, are `leaves`. */
export function rootOf(leaves: Uint8Array, bytes: number, sha256: Sha256 = pureSha256): Uint8Array {
  let row: Uint8Array[] = []
  for (let at = 0; at < leaves.length; at += LEAF_BYTES) row.push(leaves.subarray(at, at + LEAF_BYTES))
  while (row.length > 1) {
    const above: Uint8Array[] = []
    for (let at = 0; at < row.length; at += 2) {
      const [left, right] = [row[at] as Uint8Array, row[at + 1]]
      above.push(right === undefined ? left : sha256(NODE, left, right))
    }
    row = above
  }
  const length = new Uint8Array(8)
  new DataView(length.buffer).setBigUint64(0, BigInt(bytes))
  return sha256(ROOT, length, row[0] ?? new Uint8Array())
}

/** The name of a blob that lies in memory. */
export function contentOf(bytes: Uint8Array, sha256: Sha256 = pureSha256): Uint8Array {
  const hasher = createContentHasher(sha256)
  hasher.update(bytes)
  return hasher.end().root
}

export interface ContentHasher {
  /** The next bytes, in pieces of any size. */
  update(piece: Uint8Array): void
  end(): { root: Uint8Array; leaves: Uint8Array; bytes: number }
}

/** Names a blob that comes in pieces; of its bytes it keeps at most one chunk. */
export function createContentHasher(sha256: Sha256 = pureSha256): ContentHasher {
  const leaves: Uint8Array[] = []
  let waiting: Uint8Array[] = []
  let waitingBytes = 0
  let bytes = 0
  const take = (part: Uint8Array) => {
    leaves.push(sha256(LEAF, ...waiting, part))
    waiting = []
    waitingBytes = 0
  }
  return {
    update: (piece) => {
      bytes += piece.length
      let rest = piece
      while (waitingBytes + rest.length >= CHUNK_BYTES) {
        const part = rest.subarray(0, CHUNK_BYTES - waitingBytes)
        take(part)
        rest = rest.subarray(part.length)
      }
      if (rest.length === 0) return
      // The caller may use its buffer again.
      waiting.push(rest.slice())
      waitingBytes += rest.length
    },
    end: () => {
      if (waitingBytes > 0) take(new Uint8Array())
      const list = joinLeaves(leaves)
      return { root: rootOf(list, bytes, sha256), leaves: list, bytes }
    },
  }
}

/** The leaves one after the other, as they are sent and stored. */
export function joinLeaves(leaves: readonly Uint8Array[]): Uint8Array {
  const list = new Uint8Array(leaves.length * LEAF_BYTES)
  for (const [index, leaf] of leaves.entries()) list.set(leaf, index * LEAF_BYTES)
  return list
}

/** Whether these are the leaves of the blob that has this name and length. */
export function areLeavesOf(
  leaves: Uint8Array,
  blob: { sha256: Uint8Array; bytes: number },
  sha256: Sha256 = pureSha256,
): boolean {
  if (leaves.length !== chunkCount(blob.bytes) * LEAF_BYTES) return false
  return equal(rootOf(leaves, blob.bytes, sha256), blob.sha256)
}

/** Whether this is the chunk with that number, given leaves that were checked. */
export function isChunkOf(
  chunk: Uint8Array,
  index: number,
  leaves: Uint8Array,
  sha256: Sha256 = pureSha256,
): boolean {
  return equal(leafOf(chunk, sha256), leaves.subarray(index * LEAF_BYTES, (index + 1) * LEAF_BYTES))
}

/** What is wrong with a request for content, or undefined. `bytes`: of the blob, where there is one. */
export function findMalformedRequest(request: ContentRequest, bytes?: number): string | undefined {
  const { root, first, count } = request
  if (root.length !== 32) return `a name of ${root.length} bytes`
  if (count > CONTENT_LIMITS.maxChunks) return `${count} chunks at once`
  if (bytes !== undefined && first + count > chunkCount(bytes)) {
    return `chunks ${first} to ${first + count} of ${chunkCount(bytes)}`
  }
  return undefined
}

function pureSha256(...parts: Uint8Array[]): Uint8Array {
  const hasher = nobleSha256.create()
  for (const part of parts) hasher.update(part)
  return hasher.digest()
}
