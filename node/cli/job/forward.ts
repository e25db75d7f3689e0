import { NightshiftError } from '../../../protocols/errors.js'
import { connectToNode } from '../../control/client.js'
import type { Invocation } from '../command.js'
import { EXIT } from '../exit.js'
import { findJob } from './find.js'

const PORTS = /^(?:(\d{1,5}):)?(\d{1,5})$/

export async function run(invocation: Invocation): Promise<number> {
  const { shell, report } = invocation
  const request = readPorts(invocation.arguments[1] ?? '')
  const node = await connectToNode((await invocation.config()).config.dataDir)
  const job = findJob(await node.jobs(), invocation.arguments[0] ?? '')
  try {
    for await (const event of node.forward(job.id, request, shell.signal)) {
      if (event.kind === 'forwarding') {
        const { host, port } = event
        report.event(event, `${host}:${port} is port ${request.port} of job ${job.id}; Ctrl-C ends it`)
      } else if (event.kind === 'failed') {
        if (report.json) report.event(event)
        else report.progress(`a connection failed: ${event.message} (${event.code})`)
      } else report.progress('the job has ended')
    }
  } catch (error) {
    if (!shell.signal.aborted) throw error
  }
  return EXIT.OK
}

/** `port` or `local:port`; the local port is the job's where nothing else is said. */
function readPorts(text: string): { port: number; localPort: number } {
  const [, local, remote = ''] = PORTS.exec(text) ?? []
  const port = Number(remote)
  const localPort = Number(local ?? remote)
  if (remote !== '' && port >= 1 && port <= 65_535 && localPort <= 65_535) return { port, localPort }
  throw new NightshiftError('USAGE', `"${text}" names no ports`, {
    advice: 'write the port of the job, such as 8080, or local:port, such as 9000:8080',
  })
}
