import type { Invocation } from '../command.js'
import { EXIT } from '../exit.js'
import { followEvents } from '../follow.js'
import { createStory, type EventView } from '../story.js'
import { followWorkflow } from '../workflow.js'
import { findWork } from './find.js'
import { openJobs } from './open.js'

export async function run(invocation: Invocation): Promise<number> {
  const { shell, report, options } = invocation
  const jobs = await openJobs(invocation)
  try {
    const work = await findWork(jobs, invocation.arguments[0] ?? '')
    if (work.kind === 'workflow') {
      const { id, decimals } = work.workflow
      const follows = options.follow === true && jobs.node !== undefined
      const told = jobs.workflowEvents(id, { follow: follows, signal: shell.signal })
      const isOnlyLog = options.onlyLog === true
      await followWorkflow(told, report, { to: 'out', decimals, isOnlyLog, isWhole: true })
      return EXIT.OK
    }
    const { job } = work
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
