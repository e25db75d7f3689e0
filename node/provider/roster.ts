import { toHex } from '../../protocols/bytes.js'
import type { Clock } from '../../protocols/ports.js'
import type { JobRecord, Jobs } from './jobs.js'
import { createLive, type Live } from './live.js'
import { createTurns } from './turns.js'

/** The jobs of this node in memory, by their lease; what changes of one is on the disk before others see it. */
export interface Roster {
  get(lease: Uint8Array): Live | undefined
  all(): Live[]
  add(live: Live): void
  delete(lease: Uint8Array): void
  /** One change after the other: of two at once, the first would come back over the second. */
  store(live: Live, change: Partial<JobRecord>): Promise<void>
}

/** Takes up the jobs that an earlier process left. */
export async function openRoster(jobs: Jobs, clock: Clock): Promise<Roster> {
  const lives = new Map<string, Live>()
  const storing = createTurns()
  for (const { record, journal } of await jobs.load()) {
    lives.set(toHex(record.lease), createLive(record, journal, clock))
  }
  return {
    get: (lease) => lives.get(toHex(lease)),
    all: () => [...lives.values()],
    add: (live) => void lives.set(toHex(live.record.lease), live),
    delete: (lease) => void lives.delete(toHex(lease)),
    store: (live, change) =>
      storing.take(toHex(live.record.lease), async () => {
        const changed = { ...live.record, ...change }
        await jobs.put(changed)
        live.record = changed
      }),
  }
}
