import { connectToNode } from '../../control/client.js'
import type { Invocation } from '../command.js'
import { EXIT } from '../exit.js'
import { findWork } from './find.js'

export async function run(invocation: Invocation): Promise<number> {
  const node = await connectToNode((await invocation.config()).config.dataDir)
  const work = await findWork(node, invocation.arguments[0] ?? '')
  const { id } = work.kind === 'job' ? work.job : work.workflow
  await (work.kind === 'job' ? node.stopJob(id) : node.stopWorkflow(id))
  invocation.report.result(
    { id, stopping: true },
    `${work.kind} ${id} is stopping: what was done is paid, the rest of the deposit comes back`,
  )
  return EXIT.OK
}
