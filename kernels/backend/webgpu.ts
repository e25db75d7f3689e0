import { openAdapter, unavailable } from './adapter.js'
import type { Backend, Card } from './backend.js'
import type { GpuAdapterInfo, GpuDevice } from './gpu.js'
import { watchHealth } from './health.js'

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

/** WGSL indexes tensors with 32-bit integers, so one may not hold 2^31 values even if the buffer could be larger. */
const MAX_TENSOR_BYTES = 2 ** 32 - 2 ** 20

/** Any vendor's card through Dawn. */
export async function loadWebgpu(card?: Card): Promise<Backend> {
  const { adapter, model, software } = await openAdapter(card)
  const device = await adapter.requestDevice({
    requiredFeatures: adapter.features.has('timestamp-query') ? ['timestamp-query'] : [],
    requiredLimits: Object.fromEntries(WANTED_LIMITS.map((name) => [name, adapter.limits[name]!])),
  })
  const { settle } = watchHealth(device)

  const [core, layers, webgpu] = await Promise.all([
    import('@tensorflow/tfjs-core'),
    import('@tensorflow/tfjs-layers'),
    import('@tensorflow/tfjs-backend-webgpu'),
  ])
  core.removeBackend('webgpu')
  const { WebGPUBackend } = webgpu as unknown as {
    WebGPUBackend: new (device: GpuDevice, info: GpuAdapterInfo) => InstanceType<typeof core.KernelBackend>
  }
  core.registerBackend('webgpu', () => new WebGPUBackend(device, adapter.info))
  if (!(await core.setBackend('webgpu'))) throw unavailable('the WebGPU backend did not start')

  const batchSize = core.env().getNumber('WEBGPU_DEFERRED_SUBMIT_BATCH_SIZE')
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
    settle,
  }
}
