import { NightshiftError } from '../../protocols/errors.js'
import type { Card } from './backend.js'
import type { GpuAdapter, GpuAdapterInfo } from './gpu.js'

interface Gpu {
  requestAdapter(options: { powerPreference: 'high-performance' }): Promise<GpuAdapter | null>
}

export interface OpenedAdapter {
  readonly adapter: GpuAdapter
  /** As the driver names it. */
  readonly model: string
  /** It computes on the processor: never called a GPU. */
  readonly software: boolean
}

/** Names of adapters that compute on the processor, for drivers that do not set isFallbackAdapter. */
const SOFTWARE_ADAPTER = /swiftshader|llvmpipe|lavapipe|softpipe|basic render|warp\b|software/i

export function unavailable(message: string, cause?: unknown): NightshiftError {
  return new NightshiftError('BACKEND_UNAVAILABLE', message, {
    advice:
      'Install the graphics driver with Vulkan (Linux), Direct3D 12 (Windows) or Metal (macOS) support.',
    cause,
  })
}

async function openGpu(card?: Card): Promise<Gpu> {
  const { create, globals } = await import('webgpu').catch((cause) => {
    throw unavailable('the WebGPU binding cannot be loaded', cause)
  })
  Object.assign(globalThis, globals)
  const gpu = create(card === undefined ? [] : [`adapter=${card.model}`]) as unknown as Gpu
  // Node 20 has no navigator; later ones have one without `gpu`. The backend looks there and nowhere else.
  const scope = globalThis as { navigator?: object }
  if (scope.navigator === undefined)
    Object.defineProperty(scope, 'navigator', { value: {}, configurable: true })
  Object.defineProperty(scope.navigator, 'gpu', { value: gpu, configurable: true })
  return gpu
}

/** Any vendor's card through Dawn, in this process. Throws BACKEND_UNAVAILABLE. */
export async function openAdapter(card?: Card): Promise<OpenedAdapter> {
  const gpu = await openGpu(card)
  const adapter = await gpu.requestAdapter({ powerPreference: 'high-performance' }).catch((cause) => {
    throw unavailable(`WebGPU found no adapter: ${(cause as Error).message}`, cause)
  })
  if (adapter === null) throw unavailable('WebGPU found no adapter')
  return { adapter, model: nameOf(adapter.info), software: isSoftware(adapter) }
}

function nameOf({ vendor, architecture, device, description }: GpuAdapterInfo): string {
  return description || [vendor, architecture, device].filter(Boolean).join(' ') || 'unnamed adapter'
}

function isSoftware({ isFallbackAdapter, info }: GpuAdapter): boolean {
  const { vendor, architecture, device, description } = info
  return (
    isFallbackAdapter === true ||
    info.isFallbackAdapter === true ||
    SOFTWARE_ADAPTER.test(`${vendor} ${architecture} ${device} ${description}`)
  )
}
