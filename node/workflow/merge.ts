import type { DeploymentEvent } from '../renter/event.js'
import type { WorkflowEvent } from './event.js'

type JobEvents = (job: string) => AsyncIterable<DeploymentEvent>

/**
 * A workflow's own events and those of its jobs as one stream: in the order of their time when all have happened, and as they
 * come when it is followed.
 */
export async function* mergeStories(
  own: AsyncIterable<WorkflowEvent>,
  eventsOf: JobEvents,
  isFollowed: boolean,
): AsyncGenerator<WorkflowEvent> {
  if (isFollowed) {
    yield* follow(own, eventsOf)
    return
  }
  const all: WorkflowEvent[] = []
  const isNew = firstOf()
  for await (const event of own) {
    all.push(event)
    if (isNew(event)) for await (const told of storyOf(event, eventsOf)) all.push(told)
  }
  yield* all.sort((a, b) => a.atMs - b.atMs)
}

type Posted = Extract<WorkflowEvent, { kind: 'part' }> & { job: string }

/** Whether an event is the first that names its job: that job has been posted. */
function firstOf(): (event: WorkflowEvent) => event is Posted {
  const seen = new Set<string>()
  return (event): event is Posted => {
    if (event.kind !== 'part' || event.job === undefined || seen.has(event.job)) return false
    seen.add(event.job)
    return true
  }
}

async function* storyOf({ step, part, job }: Posted, eventsOf: JobEvents): AsyncGenerator<WorkflowEvent> {
  for await (const event of eventsOf(job)) yield { atMs: event.atMs, kind: 'job', step, part, job, event }
}

type Next = { from: AsyncIterator<WorkflowEvent>; result: IteratorResult<WorkflowEvent> }

/** Asks each stream for one event at a time, so that a slow reader holds up its sources and nothing piles up here. */
async function* follow(
  own: AsyncIterable<WorkflowEvent>,
  eventsOf: JobEvents,
): AsyncGenerator<WorkflowEvent> {
  const open = new Map<AsyncIterator<WorkflowEvent>, Promise<Next>>()
  const ask = (from: AsyncIterator<WorkflowEvent>) =>
    void open.set(
      from,
      from.next().then((result) => ({ from, result })),
    )
  const isNew = firstOf()
  const first = own[Symbol.asyncIterator]()
  ask(first)
  try {
    while (open.size > 0) {
      const { from, result } = await Promise.race(open.values())
      if (result.done === true) {
        open.delete(from)
        continue
      }
      ask(from)
      if (isNew(result.value)) ask(storyOf(result.value, eventsOf))
      yield result.value
    }
  } finally {
    for (const from of open.keys()) void from.return?.()
  }
}
