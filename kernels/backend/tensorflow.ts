import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type * as Core from '@tensorflow/tfjs-core'
import type * as Layers from '@tensorflow/tfjs-layers'
import { NightshiftError } from '../../protocols/errors.js'
import { readNvidiaSmi } from '../devices/detect.js'
import type { Backend, Card } from './backend.js'
import { processorModel } from './processor.js'

/** Where `npm run setup:tensorflow` puts its build unless it is told otherwise: below the package's own root. */
export const TENSORFLOW_FOLDER = fileURLToPath(new URL('../../../.nightshift/tensorflow/', import.meta.url))

const BINDING = '@tensorflow/tfjs-node-gpu'
const MAX_TENSOR_BYTES = 2 ** 32

function unavailable(message: string, cause?: unknown): NightshiftError {
  return new NightshiftError('BACKEND_UNAVAILABLE', message, {
    advice: 'Run "npm run setup:tensorflow" to build the TensorFlow binding, or use another backend.',
    cause,
  })
}

function resolveBinding(folder: string): NodeJS.Require {
  for (const base of [join(folder, 'package.json'), import.meta.url]) {
    if (base !== import.meta.url && !existsSync(base)) continue
    const require = createRequire(base)
    try {
      require.resolve(BINDING)
      return require
    } catch {
      // Not installed here: try the next place.
    }
  }
  throw unavailable('the TensorFlow binding is not installed')
}

/** The binding calls a function that Node 23 removed. */
function mendUtil(): void {
  const mended = createRequire(import.meta.url)('node:util') as object & {
    isNullOrUndefined?: (value: unknown) => boolean
    isArray?: (value: unknown) => boolean
  }
  mended.isNullOrUndefined ??= (value) => value === null || value === undefined
  mended.isArray ??= Array.isArray
}

/**
 * TensorFlow's C library. `wanted` says whether it must, or must not, compute on a GPU.
 * The entry of the process has hidden the other cards (CUDA_VISIBLE_DEVICES); `chosen` finds its figures.
 */
export async function loadTensorflow(
  wanted: 'gpu' | 'cpu',
  folder = TENSORFLOW_FOLDER,
  chosen?: Card,
): Promise<Backend> {
  const require = resolveBinding(folder)
  mendUtil()
  let core: typeof Core
  let layers: typeof Layers
  try {
    require(BINDING)
    // The binding's own dependencies: with any other copy of the core its kernels would be registered elsewhere.
    const beside = createRequire(require.resolve(BINDING))
    core = beside('@tensorflow/tfjs-core') as typeof Core
    layers = createRequire(beside.resolve('@tensorflow/tfjs'))('@tensorflow/tfjs-layers') as typeof Layers
  } catch (cause) {
    throw unavailable(`the TensorFlow binding cannot be loaded: ${(cause as Error).message}`, cause)
  }
  if (!(await core.setBackend('tensorflow'))) throw unavailable('the TensorFlow backend did not start')
  const { isUsingGpuDevice } = core.backend() as unknown as { isUsingGpuDevice: boolean }
  if (isUsingGpuDevice !== (wanted === 'gpu')) {
    throw unavailable(isUsingGpuDevice ? 'TensorFlow computes on a GPU' : 'TensorFlow sees no GPU')
  }
  // TensorFlow's binding does not name its card.
  const card = isUsingGpuDevice ? (await readNvidiaSmi())[chosen?.index ?? 0] : undefined
  return {
    name: wanted === 'gpu' ? 'tensorflow-gpu' : 'tensorflow-cpu',
    core,
    layers,
    gpu: isUsingGpuDevice,
    model: isUsingGpuDevice ? (card?.model ?? 'NVIDIA GPU') : processorModel(),
    ...(card?.memoryBytes === undefined ? {} : { memoryBytes: card.memoryBytes }),
    ...(card?.driver === undefined ? {} : { driver: card.driver }),
    maxTensorBytes: isUsingGpuDevice ? MAX_TENSOR_BYTES : MAX_TENSOR_BYTES / 4,
    readsAsync: false,
    frugal: () => {},
    settle: async () => {},
  }
}
