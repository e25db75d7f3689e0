import { createRequire } from 'node:module'
import { dirname, sep } from 'node:path'
import { NightshiftError } from '../../protocols/errors.js'
import type { Backend } from './backend.js'
import { processorModel } from './processor.js'

/** The heap is at most 4 GiB and never shrinks, so tensors stay well below. */
const MAX_TENSOR_BYTES = 2 ** 28

/** WebAssembly with SIMD on one core, from the files of the installed package: no network. */
export async function loadWasm(): Promise<Backend> {
  const [core, layers, wasm] = await Promise.all([
    import('@tensorflow/tfjs-core'),
    import('@tensorflow/tfjs-layers'),
    import('@tensorflow/tfjs-backend-wasm'),
  ])
  const packageFile = createRequire(import.meta.url).resolve('@tensorflow/tfjs-backend-wasm/package.json')
  wasm.setWasmPaths(`${dirname(packageFile)}${sep}wasm-out${sep}`)
  // Threads do not work in Node; asking for them would only start workers that never answer.
  core.env().set('WASM_HAS_MULTITHREAD_SUPPORT', false)
  if (!(await core.setBackend('wasm'))) {
    throw new NightshiftError('BACKEND_UNAVAILABLE', 'the WebAssembly backend did not start', {
      advice: 'Reinstall the dependencies: the .wasm files of @tensorflow/tfjs-backend-wasm are missing.',
    })
  }
  return {
    name: 'wasm',
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
