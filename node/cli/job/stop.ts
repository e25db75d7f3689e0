import { connectToNode } from '../../control/client.js'
import type { Invocation } from '../command.js'
import { EXIT } from '../exit.js'
import { findJob } from './find.js'

export async function run(invocation: Invocation): Promise<number> {
  const node = await connectToNode((await invocation.config()).config.dataDir)
  const job = findJob(await node.jobs(), invocation.arguments[0] ?? '')
  await node.stopJob(job.id)
  invocation.report.result(
    { id: job.id, stopping: true },
    `job ${job.id} is stopping: what was done is paid, the rest of the deposit comes back`,
  )
  return EXIT.OK
}
