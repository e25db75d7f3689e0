import { LEAF_BYTES } from '../../protocols/challenge/params.js'
import { sha256 } from './sha256.js'

/**
 * The commitment's binary tree: SHA-256 with RFC 6962's domain separation (0x00 before a leaf, 0x01 before two
 * children). Leaves that hold no data are 32 zero bytes, so the shape follows from the parameters alone and a path has
 * a fixed length.
 */
export const DIGEST_BYTES = 32

const leafMessage = new Uint8Array(1 + LEAF_BYTES)
const nodeMessage = new Uint8Array(1 + 2 * DIGEST_BYTES)
nodeMessage[0] = 1

export function hashLeaf(segment: Uint8Array): Uint8Array {
  leafMessage.set(segment, 1)
  return sha256(leafMessage.subarray(0, 1 + segment.length))
}

export function hashNode(left: Uint8Array, right: Uint8Array): Uint8Array {
  nodeMessage.set(left, 1)
  nodeMessage.set(right, 1 + DIGEST_BYTES)
  return sha256(nodeMessage)
}

/** Cuts each row into leaves of 512 bytes, the last one shorter, and hashes them: 32 bytes a leaf, row after row. */
export function hashSegments(bytes: Uint8Array, rows: number): Uint8Array {
  const rowBytes = bytes.length / rows
  const perRow = Math.ceil(rowBytes / LEAF_BYTES)
  const leaves = new Uint8Array(rows * perRow * DIGEST_BYTES)
  for (let leaf = 0; leaf < rows * perRow; leaf++) {
    const rowEnd = (Math.floor(leaf / perRow) + 1) * rowBytes
    const from = rowEnd - rowBytes + (leaf % perRow) * LEAF_BYTES
    leaves.set(hashLeaf(bytes.subarray(from, Math.min(from + LEAF_BYTES, rowEnd))), leaf * DIGEST_BYTES)
  }
  return leaves
}

const emptyNodes: Uint8Array[] = [new Uint8Array(DIGEST_BYTES)]

function emptyNode(level: number): Uint8Array {
  while (emptyNodes.length <= level) {
    const below = emptyNodes[emptyNodes.length - 1]!
    emptyNodes.push(hashNode(below, below))
  }
  return emptyNodes[level]!
}

/**
 * All levels of a tree, from the leaves (32 bytes each, at most 2^depth of them) up to the root, each without the empty
 * nodes on its right. `height` is the level at which the leaves themselves stand: 0 for hashes of data, more for the
 * roots of trees below.
 */
export function raiseLevels(leaves: Uint8Array, depth: number, height = 0): Uint8Array[] {
  const levels = [leaves]
  for (let level = 0; level < depth; level++) levels.push(raise(levels[level]!, height + level))
  return levels
}

function raise(below: Uint8Array, level: number): Uint8Array {
  const count = below.length / DIGEST_BYTES
  const above = new Uint8Array(Math.ceil(count / 2) * DIGEST_BYTES)
  for (let index = 0; index < count; index += 2) {
    const at = index * DIGEST_BYTES
    const left = below.subarray(at, at + DIGEST_BYTES)
    const right =
      index + 1 < count ? below.subarray(at + DIGEST_BYTES, at + 2 * DIGEST_BYTES) : emptyNode(level)
    above.set(hashNode(left, right), at / 2)
  }
  return above
}

export interface Tree {
  readonly root: Uint8Array
  /** Siblings from the leaf up. */
  path(leaf: number): Uint8Array[]
}

export function treeOf(levels: readonly Uint8Array[], height = 0): Tree {
  const node = (level: number, index: number) => {
    const at = index * DIGEST_BYTES
    const digests = levels[level]!
    const found = at < digests.length ? digests.subarray(at, at + DIGEST_BYTES) : emptyNode(height + level)
    return new Uint8Array(found)
  }
  const depth = levels.length - 1
  return {
    root: node(depth, 0),
    path: (leaf) => Array.from({ length: depth }, (_, level) => node(level, (leaf >> level) ^ 1)),
  }
}

/** The tree over the roots of equal trees. */
export function joinRoots(roots: readonly Uint8Array[], depth: number, height: number): Tree {
  const leaves = new Uint8Array(roots.length * DIGEST_BYTES)
  for (const [at, root] of roots.entries()) leaves.set(root, at * DIGEST_BYTES)
  return treeOf(raiseLevels(leaves, depth, height), height)
}

/** The root that a leaf and its path lead to. Bit b of `index` says on which side the node of level b stands. */
export function climb(leaf: Uint8Array, index: number, path: readonly Uint8Array[]): Uint8Array {
  let digest = leaf
  for (const [level, sibling] of path.entries()) {
    const onRight = Math.floor(index / 2 ** level) % 2 === 1
    digest = onRight ? hashNode(sibling, digest) : hashNode(digest, sibling)
  }
  return digest
}
