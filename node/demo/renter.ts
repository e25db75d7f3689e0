import type { Clock } from '../../protocols/ports.js'
import type { EventView } from '../cli/story.js'
import { findNode } from '../control/client.js'
import type { Json } from '../control/view.js'
import type { DeploymentReport } from '../renter/event.js'
import type { Member } from '../swarm/member.js'
import type { RunningProcess } from '../swarm/process.js'
import { parseEvent, type Swarm } from '../swarm/swarm.js'

export type Report = Json<DeploymentReport>

export interface Posted {
  process: RunningProcess
  /** The final report; undefined when the process ended without one. */
  report: Promise<Report | undefined>
}

/** The renter is a process like any other: the product's own `job post`, whose lines are the story. */
export function postJob(
  swarm: Swarm,
  renter: Member,
  manifest: string,
  onEvent: (event: EventView) => void,
): Posted {
  const process = swarm.run(renter, 'renter', ['job', 'post', '--json', '--file', manifest])
  let report: Report | undefined
  process.onLine((line) => {
    const event = parseEvent(line)
    if (event?.kind === 'report') report = event.report as Report
    else if (typeof event?.kind === 'string') onEvent(event as unknown as EventView)
  })
  return { process, report: process.exited.then(() => report) }
}

const POLL_MS = 500
const ENDED: readonly string[] = ['COMPLETED', 'FAILED', 'STOPPED']

/**
 * After the renter was killed: a node on its data directory goes on with its job. Resolves to the job's report once it has
 * ended and so has every lease, or to the last one known when that takes too long.
 */
export async function recoverRenter(
  swarm: Swarm,
  renter: Member,
  parts: { clock: Clock; signal: AbortSignal; timeoutMs: number; isSettled: () => Promise<boolean> },
): Promise<Report | undefined> {
  const { clock, signal, timeoutMs } = parts
  const process = swarm.run(renter, 'renter-again', ['node', 'start', '--json'])
  const until = clock.elapsed() + timeoutMs
  try {
    await process.waitFor((line) => (parseEvent(line)?.event === 'ready' ? true : undefined), {
      timeoutMs,
      signal,
    })
    let report: Report | undefined
    const isOver = async () => {
      const node = await findNode(renter.dataDir)
      report = (await node?.jobs())?.[0] ?? report
      return report !== undefined && ENDED.includes(report.state) && (await parts.isSettled())
    }
    while (clock.elapsed() < until && !(await isOver())) await clock.sleep(POLL_MS, signal)
    return report
  } finally {
    await process.stop()
  }
}
