import { hasEnded } from '../../protocols/job/rules.js'
import type { JobState } from '../../protocols/job/wire.js'
import type { Log } from '../../protocols/ports.js'
import type { Store } from '../store/port.js'
import type { DeploymentEvent, DeploymentReport } from './event.js'

/**
 * Reports and events of all jobs, kept across restarts; whoever follows a job gets each event once, in order. Workflows keep
 * theirs in the same way.
 */
export interface Journal<Event extends Told = DeploymentEvent, Report extends Reported = DeploymentReport> {
  save(report: Report): Promise<void>
  report(id: string): Promise<Report | undefined>
  reports(): Promise<Report[]>
  append(id: string, event: Event): void
  /** Takes up the events of a job that an earlier process left unended: more will follow them. */
  restore(id: string): Promise<Event[]>
  /** No more events of this job will come. */
  end(id: string): Promise<void>
  /** Adds to the events of a job that has ended: what the chain did later. */
  amend(id: string, event: Event): Promise<void>
  events(id: string, options?: { follow?: boolean; signal?: AbortSignal }): AsyncIterable<Event>
}

interface Told {
  kind: string
}

interface Reported {
  id: string
  state: JobState
  createdAtMs: number
}

/**
 * Log lines, progress, checkpoints and how slow a transfer is are the provider's to send, so the number that is kept is limited: in the store the first ones
 * (what is read later begins at the beginning), in memory the last ones (a follower wants what happens now).
 */
const MAX_STORED = { log: 10_000, progress: 1_000, checkpoint: 1_000, transfer: 1_000 } as const
const MAX_LIVE_CHATTER = 20_000

type Chatter = keyof typeof MAX_STORED

interface Numbered<Event> {
  number: number
  event: Event
}

interface Live<Event> {
  events: Numbered<Event>[]
  next: number
  chatter: number
  stored: Record<Chatter, number>
  /** The writes so far; a follower that comes later reads from memory, a restart from the store. */
  written: Promise<void>
  wake: Set<() => void>
  ended: boolean
}

export function createJournal<
  Event extends Told = DeploymentEvent,
  Report extends Reported = DeploymentReport,
>(parts: {
  store: Store
  log: Log
  /** Collections of the store. */
  names?: { reports: string; events: string }
}): Journal<Event, Report> {
  const { store, log, names = { reports: 'deployments', events: 'events' } } = parts
  const reports = store.collection<Report>(names.reports)
  const live = new Map<string, Live<Event>>()
  const amending = new Map<string, Promise<void>>()

  const eventsOf = (id: string) => store.collection<Event>(`${names.events}/${id}`)
  const liveOf = (id: string): Live<Event> => {
    const found = live.get(id) ?? {
      events: [],
      next: 1,
      chatter: 0,
      stored: { log: 0, progress: 0, checkpoint: 0, transfer: 0 },
      written: Promise.resolve(),
      wake: new Set(),
      ended: false,
    }
    live.set(id, found)
    return found
  }

  const follow = async function* (job: Live<Event>, signal?: AbortSignal): AsyncGenerator<Event> {
    let last = 0
    let wake = () => {}
    const onAbort = () => wake()
    signal?.addEventListener('abort', onAbort)
    try {
      while (!signal?.aborted) {
        const item = job.events[firstAfter(job.events, last)]
        if (item !== undefined) {
          last = item.number
          yield item.event
        } else if (job.ended) {
          return
        } else {
          await new Promise<void>((resolve) => {
            wake = resolve
            job.wake.add(resolve)
          })
          job.wake.delete(wake)
        }
      }
    } finally {
      job.wake.delete(wake)
      signal?.removeEventListener('abort', onAbort)
    }
  }

  const keep = (job: Live<Event>, id: string, { number, event }: Numbered<Event>) => {
    if (isChatter(event.kind) && ++job.stored[event.kind] > MAX_STORED[event.kind]) return
    job.written = job.written
      .then(() => eventsOf(id).put(keyOf(number), event))
      .catch((error: unknown) => log.warn('an event could not be kept', { id, error: String(error) }))
  }

  const amend = async (id: string, event: Event) => {
    const last = (await eventsOf(id).list()).at(-1)
    await eventsOf(id).put(keyOf(Number(last?.key ?? 0) + 1), event)
  }

  return {
    save: async (report) => {
      if (!hasEnded(report.state)) liveOf(report.id)
      await reports.put(report.id, report)
    },
    report: (id) => reports.get(id),
    reports: async () =>
      (await reports.list()).map(({ value }) => value).sort((a, b) => b.createdAtMs - a.createdAtMs),
    append: (id, event) => {
      const job = liveOf(id)
      const item = { number: job.next++, event }
      job.events.push(item)
      if (isChatter(event.kind) && ++job.chatter > MAX_LIVE_CHATTER) dropChatter(job)
      keep(job, id, item)
      for (const wake of job.wake) wake()
    },
    restore: async (id) => {
      const job = liveOf(id)
      job.events = (await eventsOf(id).list()).map(({ key, value }) => ({
        number: Number(key),
        event: value,
      }))
      job.next = (job.events.at(-1)?.number ?? 0) + 1
      for (const { event } of job.events) {
        if (!isChatter(event.kind)) continue
        job.chatter++
        job.stored[event.kind]++
      }
      return job.events.map(({ event }) => event)
    },
    end: async (id) => {
      const job = live.get(id)
      if (job === undefined) return
      await job.written
      live.delete(id)
      job.ended = true
      for (const wake of job.wake) wake()
    },
    amend: (id, event) => {
      const done = (amending.get(id) ?? Promise.resolve()).then(() => amend(id, event))
      amending.set(
        id,
        done.catch(() => {}),
      )
      return done
    },
    events: async function* (id, { follow: followOn = false, signal } = {}) {
      const job = live.get(id)
      if (job === undefined) for (const { value } of await eventsOf(id).list()) yield value
      else if (followOn) yield* follow(job, signal)
      else for (const { event } of [...job.events]) yield event
    },
  }
}

function isChatter(kind: string): kind is Chatter {
  return Object.hasOwn(MAX_STORED, kind)
}

/** The older half of what a provider said goes; what the renter itself tells of stays. */
function dropChatter<Event extends Told>(job: Live<Event>): void {
  let left = Math.floor(job.chatter / 2)
  job.events = job.events.filter(({ event }) => !isChatter(event.kind) || left-- <= 0)
  job.chatter = job.events.filter(({ event }) => isChatter(event.kind)).length
}

/** Index of the first event with a higher number; events are in the order of their numbers. */
function firstAfter(events: ReadonlyArray<{ number: number }>, number: number): number {
  let from = 0
  let to = events.length
  while (from < to) {
    const middle = (from + to) >> 1
    if ((events[middle] as { number: number }).number > number) to = middle
    else from = middle + 1
  }
  return from
}

function keyOf(number: number): string {
  return String(number).padStart(8, '0')
}
