import type { Invocation } from '../command.js'
import { EXIT } from '../exit.js'
import { followEvents } from '../follow.js'
import { createStory, type EventView } from '../story.js'
import { findJob } from './find.js'
import { openJobs } from './open.js'

export async function run(invocation: Invocation): Promise<number> {
  const { shell, report, options } = invocation
  const jobs = await openJobs(invocation)
  try {
    const job = findJob(await jobs.jobs(), invocation.arguments[0] ?? '')
    const follow = options.follow === true && jobs.node !== undefined
    const decimals = job.decimals ?? (await jobs.decimals())
    const events = jobs.jobEvents(job.id, { from: 0, follow, signal: shell.signal })
    const wanted = options.onlyLog === true ? onlyLog(events) : events
    const story = createStory({ style: report.out.style, decimals })
    await followEvents(wanted, story, report, { to: 'out' })
    return EXIT.OK
  } finally {
    await jobs.close()
  }
}

async function* onlyLog(events: AsyncIterable<EventView>): AsyncGenerator<EventView> {
  for await (const event of events) if (event.kind === 'log') yield event
}
