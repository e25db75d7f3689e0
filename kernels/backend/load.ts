import type { Backend, BackendName } from './backend.js'

export interface LoadOptions {
  /** Folder of the TensorFlow binding; default: below the package's root. */
  tensorflowFolder?: string
}

/** Each backend is imported only when it is asked for: a broken driver of one must not harm another. */
const LOADERS: Record<BackendName, (options: LoadOptions) => Promise<Backend>> = {
  'tensorflow-gpu': async ({ tensorflowFolder }) =>
    (await import('./tensorflow.js')).loadTensorflow('gpu', tensorflowFolder),
  'tensorflow-cpu': async ({ tensorflowFolder }) =>
    (await import('./tensorflow.js')).loadTensorflow('cpu', tensorflowFolder),
  webgpu: async () => (await import('./webgpu.js')).loadWebgpu(),
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
