import { findNode } from '../../control/client.js'
import type { Invocation } from '../command.js'
import type { Jobs } from './source.js'

export async function openJobs(invocation: Invocation): Promise<Jobs> {
  const { config } = await invocation.config()
  const node = await findNode(config.dataDir)
  if (node !== undefined) {
    const decimals = async () => (await node.status()).chain.market?.decimals
    const { jobs, jobEvents, workflows, workflowEvents } = node
    return { jobs, jobEvents, workflows, workflowEvents, node, decimals, close: async () => {} }
  }
  const { openRecords } = await import('./records.js')
  return openRecords(config.dataDir)
}
