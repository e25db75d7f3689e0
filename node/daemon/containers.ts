import { createHash } from 'node:crypto'
import { join } from 'node:path'
import type { Config } from '../../config/schema.js'
import type { Clock, Log } from '../../protocols/ports.js'
import { findEngine } from '../runtime/container/engine.js'
import { createContainerRuntime } from '../runtime/container/runtime.js'
import { engineSockets } from '../runtime/container/sockets.js'
import type { Runtime } from '../runtime/port.js'
import { environment } from '../system/environment.js'

/**
 * The runtime for containers, when the configuration asks for one. An engine that is not there keeps a node from
 * starting only when the node would have nothing else to offer: after a restart of the host it may come up later.
 * Throws NO_ENGINE.
 */
export async function openContainers(
  config: Config,
  parts: { peer: string; clock: Clock; log: Log },
): Promise<Runtime | undefined> {
  const { runtimes, container } = config.provider
  if (!runtimes.includes('container')) return undefined
  const { peer, clock, log } = parts
  const sockets = container.socket === '' ? engineSockets(environment, process.platform) : [container.socket]
  try {
    const engine = await findEngine(sockets, clock)
    log.info('jobs in containers are on offer', { engine: engine.kind, version: engine.version })
    return await createContainerRuntime({
      engine,
      node: createHash('sha256').update(peer).digest('hex'),
      folder: join(config.dataDir, 'containers'),
      limits: {
        memoryBytes: container.memoryBytes,
        cpus: container.cpus,
        processes: container.processes,
        diskBytes: container.diskBytes,
        imageBytes: container.imageBytes,
        cacheBytes: container.cacheBytes,
        logLinesPerSecond: container.logLinesPerSecond,
      },
      gpus: container.gpus,
      clock,
      log,
    })
  } catch (error) {
    if (runtimes.length === 1) throw error
    log.warn('jobs in containers are not on offer', { error: (error as Error).message })
    return undefined
  }
}
