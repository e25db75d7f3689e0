import { createHash } from 'node:crypto'
import bs58 from 'bs58'

/** A blockhash is good for this many later blocks (MAX_PROCESSING_AGE of the runtime). */
export const BLOCKHASH_WINDOW = 150

/** How many slot hashes the SlotHashes sysvar holds (MAX_ENTRIES of the runtime). */
export const SLOT_HASHES = 512

/**
 * The hash of the block that ended before `slot` began. It follows from the chain's secret seed and the slot alone, so a
 * restart knows every blockhash that was ever handed out, without a list on disk, and nobody outside can foresee one.
 */
export function blockhashOf(seed: Uint8Array, slot: number): string {
  const at = Buffer.alloc(8)
  at.writeBigUInt64LE(BigInt(slot))
  return bs58.encode(createHash('sha256').update('nightshift blockhash').update(seed).update(at).digest())
}

/** The latest blockhashes, oldest first: 150 for transactions to name, 512 for the SlotHashes sysvar to show. */
export class BlockhashQueue {
  readonly #hashes = new Map<number, string>()
  readonly #slotOf = new Map<string, number>()
  #newest = -1

  constructor(readonly seed: Uint8Array) {}

  /** Makes the queue that of `slot`, however far ahead it is. */
  moveTo(slot: number): void {
    const oldest = Math.max(0, slot - SLOT_HASHES)
    for (const [at, hash] of this.#hashes) {
      if (at >= oldest) break
      this.#hashes.delete(at)
      this.#slotOf.delete(hash)
    }
    for (let at = Math.max(oldest, this.#newest + 1); at <= slot; at++) {
      const hash = blockhashOf(this.seed, at)
      this.#hashes.set(at, hash)
      this.#slotOf.set(hash, at)
    }
    this.#newest = slot
  }

  /** The slot that this blockhash belongs to, or undefined when it is unknown or too old to be named. */
  slotOf(blockhash: string): number | undefined {
    const slot = this.#slotOf.get(blockhash)
    return slot === undefined || slot < this.#newest - BLOCKHASH_WINDOW ? undefined : slot
  }

  /** The hashes of the blocks that are complete, newest first; the runtime aborts on more than the sysvar holds. */
  slotHashes(): { slot: bigint; hash: string }[] {
    const complete = [...this.#hashes].filter(([at]) => at > 0).slice(-SLOT_HASHES)
    return complete.map(([at, hash]) => ({ slot: BigInt(at - 1), hash })).reverse()
  }
}
