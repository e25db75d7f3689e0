import type { Backend, BackendName, Card } from './backend.js'

export interface LoadOptions {
  /** Folder of the TensorFlow binding; default: below the package's root. */
  tensorflowFolder?: string
  /** Default: the one that the driver puts first. */
  card?: Card
}

/** Each backend is imported only when it is asked for: a broken driver of one must not harm another. */
const LOADERS: Record<BackendName, (options: LoadOptions) => Promise<Backend>> = {
  'tensorflow-gpu': async ({ tensorflowFolder, card }) =>
    (await import('./tensorflow.js')).loadTensorflow('gpu', tensorflowFolder, card),
  'tensorflow-cpu': async ({ tensorflowFolder }) =>
    (await import('./tensorflow.js')).loadTensorflow('cpu', tensorflowFolder),
  webgpu: async ({ card }) => (await import('./webgpu.js')).loadWebgpu(card),
  wasm: async () => (await import('./wasm.js')).loadWasm(),
  cpu: async () => (await import('./cpu.js')).loadCpu(),
}

/**
 * Starts a backend in this process. A process can hold one: the tensors of two would be confused, so this belongs into
 * a worker. Throws BACKEND_UNAVAILABLE.
 */
export function loadBackend(name: BackendName, options: LoadOptions = {}): Promise<Backend> {
  return LOADERS[name](options)
}
