import { NightshiftError } from '../../protocols/errors.js'
import type { Backend, Card } from './backend.js'

/** The part of WebGPU that is used here; the DOM's own types are not loaded on the server. */
interface Adapter {
  readonly isFallbackAdapter?: boolean
  readonly info: {
    vendor: string
    architecture: string
    device: string
    description: string
    isFallbackAdapter?: boolean
  }
  readonly features: ReadonlySet<string>
  readonly limits: Record<string, number>
  requestDevice(descriptor: {
    requiredFeatures: string[]
    requiredLimits: Record<string, number>
  }): Promise<Device>
}
interface Device {
  readonly limits: Record<string, number>
  readonly lost: Promise<{ reason: string; message: string }>
  readonly queue: { onSubmittedWorkDone(): Promise<void> }
  addEventListener(type: 'uncapturederror', listen: (event: { error: { message: string } }) => void): void
  pushErrorScope(filter: 'internal'): void
  popErrorScope(): Promise<unknown>
}
interface Gpu {
  requestAdapter(options: { powerPreference: 'high-performance' }): Promise<Adapter | null>
}

/** All that tfjs can make use of; the default limits are those of a phone. */
const WANTED_LIMITS = [
  'maxBufferSize',
  'maxStorageBufferBindingSize',
  'maxComputeWorkgroupStorageSize',
  'maxComputeInvocationsPerWorkgroup',
  'maxComputeWorkgroupSizeX',
  'maxComputeWorkgroupSizeY',
  'maxComputeWorkgroupSizeZ',
  'maxComputeWorkgroupsPerDimension',
]

/** Names of adapters that compute on the processor, for drivers that do not set isFallbackAdapter. */
const SOFTWARE_ADAPTER = /swiftshader|llvmpipe|lavapipe|softpipe|basic render|warp\b|software/i

/** WGSL indexes tensors with 32-bit integers, so one may not hold 2^31 values even if the buffer could be larger. */
const MAX_TENSOR_BYTES = 2 ** 32 - 2 ** 20

function unavailable(message: string, cause?: unknown): NightshiftError {
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

/** Any vendor's card through Dawn. */
export async function loadWebgpu(card?: Card): Promise<Backend> {
  const gpu = await openGpu(card)
  const adapter = await gpu.requestAdapter({ powerPreference: 'high-performance' }).catch((cause) => {
    throw unavailable(`WebGPU found no adapter: ${(cause as Error).message}`, cause)
  })
  if (adapter === null) throw unavailable('WebGPU found no adapter')
  const device = await adapter.requestDevice({
    requiredFeatures: adapter.features.has('timestamp-query') ? ['timestamp-query'] : [],
    requiredLimits: Object.fromEntries(WANTED_LIMITS.map((name) => [name, adapter.limits[name]!])),
  })
  let failure: string | undefined
  device.addEventListener('uncapturederror', ({ error }) => {
    failure ??= error.message
  })
  device.lost.then(({ reason, message }) => {
    failure ??= `the device was lost (${reason}): ${message}`
  })

  const [core, layers, webgpu] = await Promise.all([
    import('@tensorflow/tfjs-core'),
    import('@tensorflow/tfjs-layers'),
    import('@tensorflow/tfjs-backend-webgpu'),
  ])
  core.removeBackend('webgpu')
  const { WebGPUBackend } = webgpu as unknown as {
    WebGPUBackend: new (device: Device, info: Adapter['info']) => InstanceType<typeof core.KernelBackend>
  }
  core.registerBackend('webgpu', () => new WebGPUBackend(device, adapter.info))
  if (!(await core.setBackend('webgpu'))) throw unavailable('the WebGPU backend did not start')

  const batchSize = core.env().getNumber('WEBGPU_DEFERRED_SUBMIT_BATCH_SIZE')
  const { vendor, architecture, device: deviceName, description } = adapter.info
  const model =
    description || [vendor, architecture, deviceName].filter(Boolean).join(' ') || 'unnamed adapter'
  const software =
    adapter.isFallbackAdapter === true ||
    adapter.info.isFallbackAdapter === true ||
    SOFTWARE_ADAPTER.test(`${vendor} ${architecture} ${deviceName} ${description}`)
  return {
    name: 'webgpu',
    core,
    layers,
    gpu: !software,
    model,
    maxTensorBytes: Math.min(
      MAX_TENSOR_BYTES,
      device.limits.maxStorageBufferBindingSize!,
      device.limits.maxBufferSize!,
    ),
    readsAsync: true,
    frugal: (on) => core.env().set('WEBGPU_DEFERRED_SUBMIT_BATCH_SIZE', on ? 1 : batchSize),
    settle: async () => {
      // Errors of earlier commands are delivered before this scope's own answer.
      device.pushErrorScope('internal')
      await Promise.all([device.queue.onSubmittedWorkDone(), device.popErrorScope()])
      if (failure === undefined) return
      throw new NightshiftError('DEVICE_FAILED', `the graphics device reported: ${failure}`, {
        advice: 'The worker is started afresh; if it happens again, lower n or update the graphics driver.',
        context: { model },
      })
    },
  }
}
