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
  /** Of a line that stands for so many older ones. */
  dropped?: number
}

interface Reported {
  id: string
  state: JobState
  createdAtMs: number
}

/**
 * Log lines, progress, checkpoints, health and how slow a transfer is are the provider's to send, so of each so many are kept,
 * the newest, in memory and in the store alike; a line tells how many older lines are not.
 */
const MAX_KEPT = { log: 10_000, progress: 1_000, checkpoint: 1_000, service: 1_000, transfer: 1_000 } as const
/** So much more there may be of a kind before the oldest go, all at once. */
const SPARE = 1.1

type Chatter = keyof typeof MAX_KEPT

interface Numbered<Event> {
  number: number
  event: Event
  /** How it stands with the store; of what comes faster than it is written, much is dropped before. */
  disk?: 'written' | 'dropped'
}

interface Live<Event> {
  events: Numbered<Event>[]
  next: number
  kept: Record<Chatter, number>
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
      kept: { log: 0, progress: 0, checkpoint: 0, service: 0, transfer: 0 },
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

  const write = (job: Live<Event>, id: string, act: () => Promise<void>) => {
    job.written = job.written
      .then(act)
      .catch((error: unknown) => log.warn('an event could not be kept', { id, error: String(error) }))
  }
  const put = (job: Live<Event>, id: string, item: Numbered<Event>) =>
    write(job, id, async () => {
      if (item.disk === 'dropped') return
      item.disk = 'written'
      await eventsOf(id).put(keyOf(item.number), item.event)
    })
  const forget = (job: Live<Event>, id: string, item: Numbered<Event>) => {
    const isWritten = item.disk === 'written'
    item.disk = 'dropped'
    if (isWritten) write(job, id, () => eventsOf(id).delete(keyOf(item.number)))
  }
  /** The oldest of a kind make room for newer ones; a line stands for those lines that are gone. */
  const drop = (job: Live<Event>, id: string, kind: Chatter) => {
    let left = job.kept[kind] - MAX_KEPT[kind]
    const dropped = job.events.filter(({ event }) => event.kind === kind && left-- > 0)
    const isDropped = new Set(dropped)
    job.events = job.events.filter((item) => !isDropped.has(item))
    job.kept[kind] = MAX_KEPT[kind]
    const last = dropped.at(-1)!
    const stand = standIn(dropped, last)
    for (const item of dropped) {
      // What stands for the lines is written in the place of the last.
      if (item !== last || stand === undefined) forget(job, id, item)
      else item.disk = 'dropped'
    }
    if (stand === undefined) return
    job.events.splice(firstAfter(job.events, last.number), 0, stand)
    job.kept[kind]++
    put(job, id, stand)
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
      put(job, id, item)
      const { kind } = event
      if (isChatter(kind) && ++job.kept[kind] > MAX_KEPT[kind] * SPARE) drop(job, id, kind)
      for (const wake of job.wake) wake()
    },
    restore: async (id) => {
      const job = liveOf(id)
      job.events = (await eventsOf(id).list()).map(({ key, value }) => ({
        number: Number(key),
        event: value,
        disk: 'written',
      }))
      job.next = (job.events.at(-1)?.number ?? 0) + 1
      for (const { event } of job.events) {
        if (isChatter(event.kind)) job.kept[event.kind]++
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
  return Object.hasOwn(MAX_KEPT, kind)
}

/** Only lines are counted: of all else what is newest tells everything. */
function standIn<Event extends Told>(
  dropped: readonly Numbered<Event>[],
  { number, event }: Numbered<Event>,
): Numbered<Event> | undefined {
  if (event.kind !== 'log') return undefined
  const lines = dropped.reduce((sum, item) => sum + (item.event.dropped ?? 1), 0)
  return { number, event: { ...event, line: `(${lines} older lines are not kept)`, dropped: lines } }
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
