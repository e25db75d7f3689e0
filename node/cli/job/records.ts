import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { NightshiftError } from '../../../protocols/errors.js'
import { toJson } from '../../control/view.js'
import { recallDecimals } from '../../daemon/market.js'
import { createJournal } from '../../renter/journal.js'
import { openStore } from '../../store/level.js'
import { silentLog } from '../../system/log.js'
import { mergeStories } from '../../workflow/merge.js'
import { openWorkflows } from '../../workflow/workflows.js'
import type { Jobs } from './source.js'

/** What a data directory keeps of its jobs, read while no node runs on it. */
export async function openRecords(dataDir: string): Promise<Jobs> {
  const folder = join(dataDir, 'store')
  if (!existsSync(folder)) {
    throw new NightshiftError('NO_JOBS', `no node has ever run on ${dataDir}`, {
      advice: 'name the data directory of the node that posted the job with --data-dir',
      context: { dataDir },
    })
  }
  const store = await openStore(folder)
  const journal = createJournal({ store, log: silentLog })
  const workflows = openWorkflows(store, silentLog)
  return {
    jobs: async () => toJson(await journal.reports()),
    jobEvents: async function* (id, { from = 0 }) {
      let index = 0
      for await (const event of journal.events(id)) if (index++ >= from) yield toJson(event)
    },
    workflows: async () => toJson(await workflows.readAll()),
    workflowEvents: async function* (id) {
      const stories = mergeStories(workflows.journal.events(id), (job) => journal.events(job), false)
      for await (const event of stories) yield toJson(event)
    },
    decimals: () => recallDecimals(store),
    close: () => store.close(),
  }
}
