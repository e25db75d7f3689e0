import type { Backend } from './backend.js'
import { processorModel } from './processor.js'

const MAX_TENSOR_BYTES = 2 ** 28

/** Plain JavaScript: always there, slow, and the reference for the others. */
export async function loadCpu(): Promise<Backend> {
  const [core, layers] = await Promise.all([
    import('@tensorflow/tfjs-core'),
    import('@tensorflow/tfjs-layers'),
    import('@tensorflow/tfjs-backend-cpu'),
  ])
  await core.setBackend('cpu')
  // At first use it advertises the native binding on standard output, which belongs to results.
  ;(core.backend() as unknown as { firstUse: boolean }).firstUse = false
  return {
    name: 'cpu',
    core,
    layers,
    gpu: false,
    model: processorModel(),
    maxTensorBytes: MAX_TENSOR_BYTES,
    readsAsync: false,
    frugal: () => {},
    settle: async () => {},
  }
}
