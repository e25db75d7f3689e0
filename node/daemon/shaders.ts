import type { Config } from '../../config/schema.js'
import type { BackendReport } from '../../kernels/backend/backend.js'
import { chooseCards } from '../../kernels/devices/cards.js'
import { readNvidiaSmi } from '../../kernels/devices/detect.js'
import { startShaderProcess } from '../../kernels/wgsl/process.js'
import { NightshiftError } from '../../protocols/errors.js'
import type { Clock, Log } from '../../protocols/ports.js'
import type { ShaderHost } from '../runtime/wgsl.js'

/** Of the host, besides what is declared: a driver, a compiler and what they keep. */
const OVERHEAD_BYTES = 2 ** 30

/**
 * What runs shaders here, when the configuration asks for it and a WebGPU adapter is there that is what the heartbeat
 * says of the device. Without one, the runtime is not on offer; a node that would have nothing else does not start.
 * Throws NO_ADAPTER.
 */
export async function openShaders(
  config: Config,
  parts: { devices: readonly BackendReport[]; clock: Clock; log: Log },
): Promise<ShaderHost | undefined> {
  const { runtimes, wgsl, software } = config.provider
  if (!runtimes.includes('wgsl')) return undefined
  const { devices, clock, log } = parts
  try {
    const [device] = devices
    const [card] = device?.gpu === true ? chooseCards(await readNvidiaSmi()) : []
    const start = (bytes: number) =>
      startShaderProcess({
        clock,
        log,
        stepMs: wgsl.stepMs,
        memoryBytes: OVERHEAD_BYTES + 2 * bytes,
        ...(card === undefined ? {} : { card }),
      })
    const probe = await start(0)
    await probe.stop()
    const { report } = probe
    const unfit = whyUnfit(devices, report)
    if (unfit !== undefined) throw noAdapter(unfit)
    log.info('shaders are on offer', { adapter: report.model, software: report.software })
    const offered = device?.gpu === true ? device.memoryBytes : software.memoryBytes
    return { report, memoryBytes: offered ?? report.bufferBytes, start }
  } catch (error) {
    if (runtimes.length === 1) throw error
    log.warn('shaders are not on offer', { error: (error as Error).message })
    return undefined
  }
}

/** Renters rent what the heartbeat says; a shader must not run on something else. */
function whyUnfit(
  devices: readonly BackendReport[],
  { model, software }: ShaderHost['report'],
): string | undefined {
  const [first] = devices
  if (first?.gpu !== true) return undefined
  if (software) return `the adapter ${model} computes on the processor, but a card is offered`
  return devices.length > 1 ? `WebGPU cannot tell ${devices.length} equal cards apart` : undefined
}

function noAdapter(why: string): NightshiftError {
  return new NightshiftError('NO_ADAPTER', `shaders cannot be offered: ${why}`, {
    advice: 'install the graphics driver, or take `wgsl` out of provider.runtimes',
  })
}
