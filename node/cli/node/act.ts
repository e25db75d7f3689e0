import { connectToNode } from '../../control/client.js'
import type { Invocation } from '../command.js'
import { EXIT } from '../exit.js'

export async function runPause(invocation: Invocation): Promise<number> {
  const node = await connectToNode((await invocation.config()).config.dataDir)
  await node.pause()
  invocation.report.result({ paused: true }, 'paused: jobs that ran have ended, no new ones are taken')
  return EXIT.OK
}

export async function runResume(invocation: Invocation): Promise<number> {
  const node = await connectToNode((await invocation.config()).config.dataDir)
  await node.resume()
  invocation.report.result({ paused: false }, 'resumed: taking jobs again')
  return EXIT.OK
}

export async function runStop(invocation: Invocation): Promise<number> {
  const node = await connectToNode((await invocation.config()).config.dataDir)
  await node.stop()
  invocation.report.result({ stopping: true, pid: node.pid }, `the node (process ${node.pid}) is stopping`)
  return EXIT.OK
}
