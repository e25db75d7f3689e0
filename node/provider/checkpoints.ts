import { toHex } from '../../protocols/bytes.js'
import { JOB_LIMITS } from '../../protocols/job/rules.js'
import type { Blob } from '../../protocols/job/wire.js'
import type { Log } from '../../protocols/ports.js'
import type { RunEvent } from '../runtime/port.js'
import type { Blobs } from './blobs.js'
import type { KeptCheckpoint } from './jobs.js'
import type { Journal } from './journal.js'

/** The checkpoints of one job while it runs: stored, then told; of many that come at once only the newest. */
export interface Checkpoints {
  take(event: RunEvent): void
  /** Those that can be fetched, the oldest first. */
  list(): readonly Blob[]
  /** Resolves when all that was taken is stored and told; never rejects. */
  settled(): Promise<void>
}

/** With the time that had been worked when it came: what follows is not in it. */
type Taken = Extract<RunEvent, { kind: 'checkpoint' }> & { workedMs: number }

export function createCheckpoints(parts: {
  blobs: Blobs
  lease: Uint8Array
  journal: Journal
  workedMs: () => number
  /** What an earlier process of this node left. */
  before: readonly KeptCheckpoint[]
  /** Stores which there are: called before one is told, and before an older one is removed. */
  keep: (kept: KeptCheckpoint[]) => Promise<void>
  log: Log
}): Checkpoints {
  const { blobs, lease, journal, workedMs, keep, log } = parts
  let kept = [...parts.before]
  let newest: Taken | undefined
  let storing: Promise<void> | undefined

  async function store({ step, bytes, workedMs: atMs }: Taken): Promise<void> {
    const blob = await blobs.add(lease, `checkpoint-${step}`, piecesOf(bytes), JOB_LIMITS.maxCheckpointBytes)
    const others = kept.filter((other) => toHex(other.blob.sha256) !== toHex(blob.sha256))
    const known = [...others, { step, blob, workedMs: atMs }]
    const newest = known.slice(-JOB_LIMITS.keptCheckpoints)
    await keep(newest)
    kept = newest
    journal.append({ checkpoint: { step, blob } }, workedMs())
    for (const old of known.slice(0, -JOB_LIMITS.keptCheckpoints)) await blobs.drop(lease, old.blob)
  }

  async function storeAll(): Promise<void> {
    for (let next = newest; next !== undefined; next = newest) {
      newest = undefined
      // A job that cannot be kept safe goes on all the same: it is worth more finished than broken off.
      await store(next).catch((error) =>
        log.warn('a checkpoint could not be stored', { lease: toHex(lease), error: String(error) }),
      )
    }
    storing = undefined
  }

  return {
    take: (event) => {
      if (event.kind !== 'checkpoint') return
      newest = { ...event, workedMs: workedMs() }
      storing ??= storeAll()
    },
    list: () => kept.map(({ blob }) => blob),
    settled: async () => storing,
  }
}

async function* piecesOf(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes
}
