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
 * lines, progress and health are dropped first, a tenth at once, and a line says how many lines those were; states and
 * outputs stay, and of checkpoints those that can be fetched.
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
/** What is left when there was too much. */
const KEPT_SHARE = 0.9

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
  const makeRoom = () => {
    const most = { events: JOB_LIMITS.maxEvents * KEPT_SHARE, chars: MAX_CHARS * KEPT_SHARE }
    let count = events.length
    let lines = 0
    let last: JobEvent | undefined
    const left = events.filter((event) => {
      const { log, progress, service } = event
      const isNeeded = log === undefined && progress === undefined && service === undefined
      if (isNeeded || (count <= most.events && chars <= most.chars)) return true
      count--
      chars -= charsOf(event)
      if (log !== undefined) {
        lines += log.dropped ?? 1
        last = event
      }
      return false
    })
    events.splice(0, events.length, ...left)
    if (last === undefined) return
    const { index, workedMs } = last
    const said = { index, workedMs, log: { line: `(${lines} older lines are not kept)`, dropped: lines } }
    chars += charsOf(said)
    const at = events.findIndex((event) => event.index > index)
    events.splice(at === -1 ? events.length : at, 0, said)
  }
  const push = (event: JobEvent) => {
    events.push(event)
    chars += charsOf(event)
    next++
    if (events.length > JOB_LIMITS.maxEvents || chars > MAX_CHARS) makeRoom()
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

function charsOf({ log, progress, output, service }: JobEvent): number {
  const metrics = progress?.metrics.length ?? 0
  return (
    64 +
    (log?.line.length ?? 0) +
    (service?.detail.length ?? 0) +
    40 * metrics +
    100 * (output?.blobs.length ?? 0)
  )
}
