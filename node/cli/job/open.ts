import type { ControlClient } from '../../control/client.js'
import { findNode } from '../../control/client.js'
import type { Invocation } from '../command.js'
import { type JobRecords, openRecords } from './records.js'

/** The jobs of a data directory: asked of the node that runs on it, else read from its store. */
export type Jobs = Pick<ControlClient, 'jobs' | 'job' | 'jobEvents'> & {
  /** Undefined: no node runs. */
  node?: ControlClient
  close(): Promise<void>
}

export async function openJobs(invocation: Invocation): Promise<Jobs> {
  const { config } = await invocation.config()
  const node = await findNode(config.dataDir)
  if (node !== undefined) {
    return {
      jobs: node.jobs,
      job: node.job,
      jobEvents: node.jobEvents,
      node,
      close: async () => {},
    }
  }
  const records: JobRecords = await openRecords(config.dataDir)
  return records
}
