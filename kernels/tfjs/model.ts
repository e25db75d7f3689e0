import type { Tensor, Variable } from '@tensorflow/tfjs-core'
import type { Sequential } from '@tensorflow/tfjs-layers'
import { NightshiftError } from '../../protocols/errors.js'
import type { Backend } from '../backend/backend.js'
import type { Artifact, NamedTensor } from './artifact.js'
import { inferShape } from './shape.js'
import type { LayerSpec, ModelSpec } from './spec.js'

/** Builds the model on the device, its initial weights from the seed. Throws JOB_SPEC_INVALID. */
export function buildModel({ layers: tfl }: Backend, spec: ModelSpec, seed: number): Sequential {
  inferShape(spec)
  const model = tfl.sequential()
  for (const [at, layer] of spec.layers.entries()) {
    const first = at === 0 ? { inputShape: [...spec.input] } : {}
    // A seed of its own for every layer: with the same one, equal layers would start as copies.
    const kernelInitializer = tfl.initializers.glorotUniform({ seed: seed + at * 7_919 + 1 })
    model.add(createLayer(tfl, layer, { ...first, name: `layer${at}` }, kernelInitializer))
  }
  return model
}

function createLayer(
  tfl: Backend['layers'],
  layer: LayerSpec,
  place: { inputShape?: number[]; name: string },
  kernelInitializer: ReturnType<Backend['layers']['initializers']['glorotUniform']>,
) {
  const { type: _, ...options } = layer
  switch (layer.type) {
    case 'dense':
      return tfl.layers.dense({ ...layer, ...place, kernelInitializer })
    case 'conv2d':
      return tfl.layers.conv2d({ ...layer, ...place, kernelInitializer })
    case 'maxPooling2d':
      return tfl.layers.maxPooling2d({ ...(options as typeof layer), ...place })
    case 'averagePooling2d':
      return tfl.layers.averagePooling2d({ ...(options as typeof layer), ...place })
    case 'flatten':
      return tfl.layers.flatten(place)
    case 'reshape':
      return tfl.layers.reshape({ targetShape: layer.shape, ...place })
    case 'batchNormalization':
      return tfl.layers.batchNormalization(place)
    case 'activation':
      return tfl.layers.activation({ activation: layer.activation, ...place })
  }
}

export function trainableVariables(model: Sequential): Variable[] {
  return model.trainableWeights.map((weight) => weight.read() as Variable)
}

/** Copies the weights from the device. */
export async function readWeights(model: Sequential): Promise<NamedTensor[]> {
  const named: NamedTensor[] = []
  for (const [at, tensor] of model.getWeights().entries()) {
    named.push(await readTensor(model.weights[at]!.originalName, tensor))
  }
  return named
}

export async function readTensor(name: string, tensor: Tensor): Promise<NamedTensor> {
  const values = Float32Array.from((await tensor.data()) as Float32Array)
  return { name, shape: [...tensor.shape], values }
}

/** Puts weights into a model of the same architecture. Throws MODEL_MALFORMED when a shape differs. */
export function writeWeights({ core: tf }: Backend, model: Sequential, { weights }: Artifact): void {
  const present = model.getWeights()
  const fits =
    present.length === weights.length &&
    present.every((tensor, at) => String(tensor.shape) === String(weights[at]!.shape))
  if (!fits) {
    throw new NightshiftError(
      'MODEL_MALFORMED',
      'the weights do not have the shapes that the model asks for',
      {
        advice: 'Do not use the file. If a provider sent it as the result, refuse the result.',
      },
    )
  }
  tf.tidy(() => model.setWeights(weights.map(({ values, shape }) => tf.tensor(values, [...shape]))))
}
