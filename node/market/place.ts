import type { TopicRules } from '../net/ports.js'

/** A shard's name, or `''` for a market that is not divided. */
export type ShardName = string

export interface Neighbours {
  shard: ShardName
  fresh: readonly string[]
  /** They are the first, or the first after a time without any. */
  isFirst: boolean
}

/**
 * Where a word's messages go. Services say what they have and what they look for; which topics that means, who else is
 * in them and how these are found is decided behind this port.
 */
export interface Place {
  /** `rulesOf` is asked for each shard that is joined, now or later, until the returned function is called. */
  attach(word: string, rulesOf: (shard: ShardName) => TopicRules): () => void
  /** This node offers something in exactly these shards: it stays in them, and says so to whoever looks for members. */
  settle(shards: readonly ShardName[]): void
  /**
   * Joins those of the shards that have members, and stays while they are asked for. Resolves when each was looked for,
   * at the latest after a few seconds; what was looked for lately is not looked for again. Never rejects but for `signal`.
   */
  seek(shards: readonly ShardName[], signal?: AbortSignal): Promise<void>
  /** Those of `shards` that are joined now. */
  joined(shards: readonly ShardName[]): ShardName[]
  /** To those of `shards` that are joined; resolves to the number of neighbours that it was sent to. */
  publish(word: string, shards: readonly ShardName[], data: Uint8Array): Promise<number>
  /** Neighbours that are in the shard. */
  peers(shard: ShardName): string[]
  /** Called when a shard that is joined has neighbours that it did not have before; every few seconds at most. */
  onNeighbours(listener: (news: Neighbours) => void): () => void
  close(): void
}
