import { NightshiftError } from '../../../protocols/errors.js'
import { connectToNode } from '../../control/client.js'
import type { Invocation } from '../command.js'
import { EXIT } from '../exit.js'
import { tellVerdict } from '../owner.js'
import { readDuration } from '../quantity.js'

export async function runPause(invocation: Invocation): Promise<number> {
  const { for: lasting, notice, now } = invocation.options
  if (notice !== undefined && now === true) {
    throw new NightshiftError('USAGE', '--notice and --now contradict one another', {
      advice: 'give one of them',
    })
  }
  const forMs = lasting === undefined ? undefined : readDuration('--for', String(lasting))
  const noticeMs =
    now === true ? 0 : notice === undefined ? undefined : readDuration('--notice', String(notice))
  const node = await connectToNode((await invocation.config()).config.dataDir)
  const owner = await node.pause({
    ...(forMs === undefined ? {} : { forMs }),
    ...(noticeMs === undefined ? {} : { noticeMs }),
  })
  invocation.report.result(
    { paused: owner.verdict.kind === 'away', ...owner.verdict },
    tellVerdict(owner.verdict),
  )
  return EXIT.OK
}

export async function runResume(invocation: Invocation): Promise<number> {
  const node = await connectToNode((await invocation.config()).config.dataDir)
  const { verdict } = await node.resume()
  invocation.report.result({ paused: verdict.kind === 'away', ...verdict }, tellVerdict(verdict))
  return EXIT.OK
}

export async function runStop(invocation: Invocation): Promise<number> {
  const node = await connectToNode((await invocation.config()).config.dataDir)
  await node.stop()
  invocation.report.result({ stopping: true, pid: node.pid }, `the node (process ${node.pid}) is stopping`)
  return EXIT.OK
}
