import type { Clock, Log, Random } from '../../protocols/ports.js'

/** A connection as far as it matters for whether it is still needed. */
export interface Neighbour {
  /** Base58 peer id. */
  peer: string
  openedAtMs: number
  /** Something other than gossip goes on over it. */
  isInUse: boolean
  /** The hash table, gossip's mesh or a bootstrap peer: it would be dialled again. */
  isKept: boolean
  /** Says that it is in a topic of ours. */
  isOfOurTopics: boolean
}

/**
 * Each open connection costs both sides pings, gossip about gossip and memory, and what dials a peer (the hash table, a
 * bid, a ping) does not hang up; without a limit of this kind every node ends up connected to every other.
 */
export const COMPANY = { most: 24, fewest: 20 } as const
/** It was opened for something: a bid that is revealed when its window opens, a question. */
const YOUNG_MS = 20_000
const LOOK_MS = 5_000

/** Whom to leave: those that are not needed, those of other topics first, until `fewest` are left. */
export function choosePartings(
  neighbours: readonly Neighbour[],
  nowMs: number,
  random: Random,
  { most, fewest }: { most: number; fewest: number } = COMPANY,
): string[] {
  if (neighbours.length <= most) return []
  const idle = neighbours
    .filter(({ isInUse, isKept, openedAtMs }) => !isInUse && !isKept && nowMs - openedAtMs >= YOUNG_MS)
    .map((neighbour) => ({ ...neighbour, lot: random.below(1_000_000) }))
    .sort((a, b) => Number(a.isOfOurTopics) - Number(b.isOfOurTopics) || a.lot - b.lot)
  return idle.slice(0, neighbours.length - fewest).map(({ peer }) => peer)
}

/** Hangs up on neighbours that are too many, until the returned function is called. */
export function limitCompany(parts: {
  neighbours: () => Promise<Neighbour[]>
  hangUp: (peer: string) => Promise<void>
  clock: Clock
  random: Random
  log: Log
}): () => void {
  const { neighbours, hangUp, clock, random, log } = parts
  const look = async () => {
    for (const peer of choosePartings(await neighbours(), clock.now(), random)) {
      log.debug('one neighbour too many', { peer })
      await hangUp(peer)
    }
  }
  return clock.every(LOOK_MS, () => {
    look().catch((error) => log.debug('neighbours could not be told apart', { error: String(error) }))
  })
}
