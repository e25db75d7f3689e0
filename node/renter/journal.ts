import { hasEnded } from '../../protocols/job/rules.js'
import type { Log } from '../../protocols/ports.js'
import type { Store } from '../store/port.js'
import type { DeploymentEvent, DeploymentReport } from './event.js'

/** Reports and events of all jobs, kept across restarts; whoever follows a job gets each event once, in order. */
export interface Journal {
  save(report: DeploymentReport): Promise<void>
  report(id: string): Promise<DeploymentReport | undefined>
  reports(): Promise<DeploymentReport[]>
  append(id: string, event: DeploymentEvent): void
  /** No more events of this job will come. */
  end(id: string): Promise<void>
  events(id: string, options?: { follow?: boolean; signal?: AbortSignal }): AsyncIterable<DeploymentEvent>
}

/** Progress comes with every batch; what was drawn once need not be kept for ever. */
const MAX_KEPT_PROGRESS = 1_000

interface Live {
  events: DeploymentEvent[]
  /** The writes so far; a follower that comes later reads from memory, a restart from the store. */
  written: Promise<void>
  wake: Set<() => void>
  progress: number
}

export function createJournal(parts: { store: Store; log: Log }): Journal {
  const { store, log } = parts
  const reports = store.collection<DeploymentReport>('deployments')
  const live = new Map<string, Live>()

  const eventsOf = (id: string) => store.collection<DeploymentEvent>(`events/${id}`)
  const liveOf = (id: string): Live => {
    const found = live.get(id) ?? { events: [], written: Promise.resolve(), wake: new Set(), progress: 0 }
    live.set(id, found)
    return found
  }

  const follow = async function* (id: string, signal?: AbortSignal): AsyncGenerator<DeploymentEvent> {
    for (let next = 0; ; ) {
      const job = live.get(id)
      if (job === undefined) return
      while (next < job.events.length) yield job.events[next++] as DeploymentEvent
      if (!live.has(id)) return
      const { promise, resolve } = Promise.withResolvers<void>()
      job.wake.add(resolve)
      signal?.addEventListener('abort', () => resolve(), { once: true })
      await promise
      job.wake.delete(resolve)
      if (signal?.aborted) return
      // The job may have ended meanwhile: what it said last is still to be told.
      while (next < job.events.length) yield job.events[next++] as DeploymentEvent
    }
  }

  const wakeAll = (job: Live) => {
    for (const wake of job.wake) wake()
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
      const key = String(job.events.push(event)).padStart(8, '0')
      if (event.kind !== 'progress' || job.progress++ < MAX_KEPT_PROGRESS) {
        job.written = job.written
          .then(() => eventsOf(id).put(key, event))
          .catch((error: unknown) => log.warn('an event could not be kept', { id, error: String(error) }))
      }
      wakeAll(job)
    },
    end: async (id) => {
      const job = live.get(id)
      if (job === undefined) return
      await job.written
      live.delete(id)
      wakeAll(job)
    },
    events: async function* (id, { follow: followOn = false, signal } = {}) {
      if (live.has(id)) {
        if (followOn) return yield* follow(id, signal)
        return yield* [...liveOf(id).events]
      }
      for (const { value } of await eventsOf(id).list()) yield value
    },
  }
}
