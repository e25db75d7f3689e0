import { type Experience, tallyUp } from '../../protocols/inventory/reputation.js'
import type { Clock, Log } from '../../protocols/ports.js'
import type { Store } from '../store/port.js'
import type { ExperienceLog } from './port.js'

/** This node's own dealings with other nodes: a tally of each kind for each peer, in memory and in the store. */
export interface ExperienceStore extends ExperienceLog {
  of(peer: string): Experience
}

const COLLECTION = 'reputation-experience'
/** Names cost nothing, and each that commits to a bid can leave a note: the one noted longest ago is forgotten. */
const MAX_PEERS = 4_096

export async function openExperience(parts: {
  store: Store
  clock: Clock
  log: Log
}): Promise<ExperienceStore> {
  const { clock, log } = parts
  const collection = parts.store.collection<Experience>(COLLECTION)
  const stored = await collection.list()
  const known = new Map(
    stored
      .sort((a, b) => lastOf(a.value) - lastOf(b.value))
      .map(({ key, value }): [string, Experience] => [key, value]),
  )

  return {
    of: (peer) => known.get(peer) ?? {},
    note: async (peer, what) => {
      const before = known.get(peer) ?? {}
      const after = { ...before, [what]: tallyUp(before[what], what, clock.now()) }
      known.delete(peer)
      known.set(peer, after)
      try {
        await collection.put(peer, after)
        for (const oldest of known.keys()) {
          if (known.size <= MAX_PEERS) break
          known.delete(oldest)
          await collection.delete(oldest)
        }
      } catch (error) {
        log.warn('an experience with a peer could not be kept', { peer, what, error: String(error) })
      }
    },
  }
}

function lastOf(experience: Experience): number {
  return Math.max(0, ...Object.values(experience).map(({ atMs }) => atMs))
}
