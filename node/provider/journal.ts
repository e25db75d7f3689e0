import { JOB_LIMITS } from '../../protocols/job/rules.js'
import type { JobEvent, State } from '../../protocols/job/wire.js'

/** What a job says, apart from the answers to one session. */
export type JournalBody =
  | Pick<JobEvent, 'state'>
  | Pick<JobEvent, 'log'>
  | Pick<JobEvent, 'progress'>
  | Pick<JobEvent, 'output'>
  | Pick<JobEvent, 'checkpoint'>
  | Pick<JobEvent, 'service'>
  | Pick<JobEvent, 'leaving'>

/**
 * The events of one job, numbered from 0, for a renter who comes and goes. Bounded in number and size: the oldest log
 * and progress events are dropped first, states and outputs never; of checkpoints those are told that can be fetched.
 */
export interface Journal {
  append(body: JournalBody, workedMs: number): void
  /** The newest state again: a sign of life, of which only the latest is kept. */
  beat(workedMs: number): void
  /** All that is kept from an index on. */
  from(index: number): JobEvent[]
  /** The index of the next event. */
  next(): number
  /** Resolves when there is an event from that index on, or when `wake` is called. */
  wait(index: number): Promise<void>
  wake(): void
}

const MAX_CHARS = 4 * 2 ** 20

export function createJournal(kept: readonly JobEvent[], next: number): Journal {
  const events = [...kept]
  let chars = events.reduce((sum, event) => sum + charsOf(event), 0)
  let latest: State | undefined = events.findLast(({ state }) => state !== undefined)?.state
  let beatIndex = -1
  let wake = () => {}
  let changed = new Promise<void>((resolve) => (wake = resolve))

  const announce = () => {
    wake()
    changed = new Promise<void>((resolve) => (wake = resolve))
  }
  /** Makes room for one more. */
  const dropCheckpoints = () => {
    const told = events.filter(({ checkpoint }) => checkpoint !== undefined)
    for (const old of told.slice(0, Math.max(0, told.length + 1 - JOB_LIMITS.keptCheckpoints))) {
      chars -= charsOf(old)
      events.splice(events.indexOf(old), 1)
    }
  }
  const push = (event: JobEvent) => {
    events.push(event)
    chars += charsOf(event)
    next++
    while (events.length > JOB_LIMITS.maxEvents || chars > MAX_CHARS) {
      const oldest = events.findIndex(({ log, progress }) => log !== undefined || progress !== undefined)
      if (oldest === -1) break
      chars -= charsOf(events[oldest]!)
      events.splice(oldest, 1)
    }
    announce()
  }

  return {
    append: (body, workedMs) => {
      if ('state' in body) latest = body.state
      if ('checkpoint' in body) dropCheckpoints()
      push({ index: next, workedMs: Math.floor(workedMs), ...body })
    },
    beat: (workedMs) => {
      if (latest === undefined) return
      const before = events.findIndex(({ index }) => index === beatIndex)
      if (before !== -1) events.splice(before, 1)
      beatIndex = next
      push({ index: next, workedMs: Math.floor(workedMs), state: latest })
    },
    from: (index) => events.filter((event) => event.index >= index),
    next: () => next,
    wait: async (index) => {
      if (next <= index) await changed
    },
    wake: announce,
  }
}

function charsOf({ log, progress, output }: JobEvent): number {
  const metrics = progress?.metrics.length ?? 0
  return 64 + (log?.line.length ?? 0) + 40 * metrics + 100 * (output?.blobs.length ?? 0)
}
