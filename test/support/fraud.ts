import { createHash } from 'node:crypto'
import type { SignedMessage } from '../../chain/client/instructions.js'
import type { Opening } from '../../kernels/proof/opening.js'
import { hashLeaf, hashNode } from '../../kernels/proof/tree.js'
import { computeEntries } from '../../kernels/proof/verifier.js'
import { type Entry, entriesPerRow, type ProofParams } from '../../protocols/challenge/params.js'
import { encodeReceipt, type Receipt } from '../../protocols/challenge/receipt.js'
import type { MarketWorld, ProviderParty } from './escrow.js'
import { signMessage } from './runtime.js'

/**
 * Proofs in which only what a test needs is computed: every leaf holds zeros but one, so that a root and a path at n = 32,768 cost
 * no more than at n = 16. A tree whose one true leaf is opened is as good a proof to the chain as a whole one.
 */
export interface Commitment {
  root: Uint8Array
  opening: Opening
  /** What the opened entry should be. */
  expected: number
}

/** The true digest entries of the segment that holds `entry`. */
export function trueSegment(seed: Uint8Array, params: ProofParams, entry: Entry): Uint8Array {
  const perRow = entriesPerRow(params)
  const first = entry.column - (entry.column % 256)
  const length = Math.min(256, perRow - first)
  const wanted = Array.from({ length }, (_, at) => ({ ...entry, column: first + at }))
  const segment = Buffer.alloc(2 * length)
  computeEntries(seed, params, wanted).forEach((value, at) => {
    segment.writeUInt16LE(value, 2 * at)
  })
  return new Uint8Array(segment)
}

/** Commits to `segment` at the place of `entry`, zeros elsewhere, and opens it. Written from kernels/README.md. */
export function commit(seed: Uint8Array, params: ProofParams, entry: Entry, segment: Uint8Array): Commitment {
  const segmentsPerRow = Math.ceil(params.n / 4 / 256)
  const leaves = params.n * segmentsPerRow
  const roundDepth = Math.ceil(Math.log2(leaves))
  const depth = roundDepth + Math.ceil(Math.log2(params.rounds))
  const index = entry.round * 2 ** roundDepth + entry.row * segmentsPerRow + Math.floor(entry.column / 256)
  let sibling: Uint8Array = new Uint8Array(32)
  let node = hashLeaf(segment)
  const path: Uint8Array[] = []
  for (let level = 0; level < depth; level++) {
    path.push(sibling)
    const onRight = Math.floor(index / 2 ** level) % 2 === 1
    node = new Uint8Array(onRight ? hashNode(sibling, node) : hashNode(node, sibling))
    sibling = new Uint8Array(hashNode(sibling, sibling))
  }
  const expected = computeEntries(seed, params, [entry])[0]!
  return { root: node, opening: { ...entry, segment, path }, expected }
}

/** `segment` with the entry at `column` off by one: the least lie. */
export function lieAbout(segment: Uint8Array, column: number): Uint8Array {
  const lie = Uint8Array.from(segment)
  lie[2 * (column % 256)]! ^= 1
  return lie
}

export interface SignedReceipt {
  signed: SignedMessage
  hash: Uint8Array
}

export function receiptOf(
  world: MarketWorld,
  provider: ProviderParty,
  fields: Partial<Receipt> & Pick<Receipt, 'seed' | 'params' | 'root'>,
  signer = provider.node,
): SignedReceipt {
  const message = encodeReceipt({
    market: world.address.toBytes(),
    lease: new Uint8Array(32),
    provider: provider.node.publicKey.toBytes(),
    asker: new Uint8Array(32).fill(7),
    startedMs: world.time * 1000,
    endedMs: world.time * 1000 + 900,
    ...fields,
  })
  return { signed: signMessage(message, signer), hash: sha256(message) }
}

export function sha256(bytes: Uint8Array): Uint8Array {
  return new Uint8Array(createHash('sha256').update(bytes).digest())
}
