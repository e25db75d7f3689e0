import { type ControlClient, findNode } from '../../control/client.js'
import type { Invocation } from '../command.js'

/** The jobs of a data directory: asked of the node that runs on it, else read from its store. */
export interface Jobs extends Pick<ControlClient, 'jobs' | 'jobEvents'> {
  /** Undefined: no node runs. */
  node?: ControlClient
  close(): Promise<void>
}

export async function openJobs(invocation: Invocation): Promise<Jobs> {
  const { config } = await invocation.config()
  const node = await findNode(config.dataDir)
  if (node !== undefined) {
    return { jobs: node.jobs, jobEvents: node.jobEvents, node, close: async () => {} }
  }
  const { openRecords } = await import('./records.js')
  return openRecords(config.dataDir)
}
