import type { Report } from './report.js'
import type { EventView, Story } from './story.js'

/** Shows a stream of events as it comes: for people on `stderr` or `stdout`, with --json one line each on stdout. */
export async function followEvents(
  events: AsyncIterable<EventView>,
  story: Story,
  report: Report,
  options: { to: 'out' | 'err'; onEvent?: (event: EventView) => void },
): Promise<void> {
  for await (const event of events) {
    options.onEvent?.(event)
    if (report.json) {
      report.event(event)
      continue
    }
    const status = story.statusOf(event)
    if (status !== undefined) {
      report.status(status)
      continue
    }
    const line = story.describe(event)
    if (line === undefined) continue
    if (options.to === 'err') report.progress(line)
    else report.event(event, line)
  }
}
