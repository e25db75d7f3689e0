import { NightshiftError } from '../../protocols/errors.js'
import type { Backend } from '../backend/backend.js'
import { type LayerSpec, MAX_WEIGHTS, type ModelSpec } from './spec.js'

/** Values that one example may become inside the model. With the batch size it bounds the device's memory. */
const MAX_ACTIVATIONS = 2 ** 24

interface Step {
  shape: number[]
  weights: number
}

function product(shape: readonly number[]): number {
  return shape.reduce((total, length) => total * length, 1)
}

function asPair(value: number | readonly [number, number]): readonly [number, number] {
  return typeof value === 'number' ? [value, value] : value
}

function slide(length: number, window: number, stride: number, padding: 'valid' | 'same'): number {
  return padding === 'same' ? Math.ceil(length / stride) : Math.floor((length - window) / stride) + 1
}

function slideImage(
  shape: readonly number[],
  window: readonly [number, number],
  stride: readonly [number, number],
  padding: 'valid' | 'same',
): [number, number] {
  return [slide(shape[0]!, window[0], stride[0], padding), slide(shape[1]!, window[1], stride[1], padding)]
}

/** The shape that a layer turns `shape` into, or why it cannot. */
function applyLayer(layer: LayerSpec, shape: number[]): Step | string {
  switch (layer.type) {
    case 'dense': {
      const inputs = shape.at(-1)!
      return {
        shape: [...shape.slice(0, -1), layer.units],
        weights: inputs * layer.units + (layer.useBias ? layer.units : 0),
      }
    }
    case 'conv2d': {
      if (shape.length !== 3) return `needs an image [height, width, channels], not [${shape}]`
      const window = asPair(layer.kernelSize)
      return {
        shape: [...slideImage(shape, window, asPair(layer.strides), layer.padding), layer.filters],
        weights: window[0] * window[1] * shape[2]! * layer.filters + (layer.useBias ? layer.filters : 0),
      }
    }
    case 'maxPooling2d':
    case 'averagePooling2d': {
      if (shape.length !== 3) return `needs an image [height, width, channels], not [${shape}]`
      const window = asPair(layer.poolSize)
      const stride = asPair(layer.strides ?? layer.poolSize)
      return { shape: [...slideImage(shape, window, stride, layer.padding), shape[2]!], weights: 0 }
    }
    case 'flatten':
      return { shape: [product(shape)], weights: 0 }
    case 'reshape':
      return product(layer.shape) === product(shape)
        ? { shape: [...layer.shape], weights: 0 }
        : `cannot turn [${shape}] into [${layer.shape}]`
    case 'batchNormalization':
      return { shape, weights: 4 * shape.at(-1)! }
    case 'activation':
      return { shape, weights: 0 }
  }
}

export interface InferredShape {
  readonly output: number[]
  readonly weights: number
  /** Values of one example at the widest place of the model. */
  readonly activations: number
  /** Weights of the largest layer. */
  readonly layerWeights: number
}

/** Throws JOB_UNSUPPORTED when a tensor would be larger than the device allows: WebGPU would go on with zeros. */
export function requireRoom(
  { name, maxTensorBytes }: Backend,
  model: ModelSpec,
  { rows, batchSize }: { rows: number; batchSize: number },
): void {
  const { activations, layerWeights } = inferShape(model)
  const largest = Math.max(Math.min(rows, batchSize) * activations, rows * product(model.input), layerWeights)
  if (4 * largest <= maxTensorBytes) return
  throw new NightshiftError('JOB_UNSUPPORTED', `a tensor of ${4 * largest} bytes is too large for ${name}`, {
    advice: 'Use a smaller batch, fewer rows or narrower layers, or a provider with a larger device.',
    context: { bytes: 4 * largest, maxTensorBytes },
  })
}

/**
 * Output shape and number of weights, found before anything is allocated. Throws JOB_SPEC_INVALID for layers that do
 * not fit one another and for models that are too large.
 */
export function inferShape({ input, layers }: ModelSpec): InferredShape {
  let shape = [...input]
  let weights = 0
  let activations = product(shape)
  let layerWeights = 0
  for (const [at, layer] of layers.entries()) {
    const step = applyLayer(layer, shape)
    if (typeof step === 'string') throw invalid(at, layer, step)
    if (step.shape.some((length) => length < 1)) throw invalid(at, layer, `shrinks [${shape}] to nothing`)
    shape = step.shape
    weights += step.weights
    activations = Math.max(activations, product(shape))
    layerWeights = Math.max(layerWeights, step.weights)
    if (weights > MAX_WEIGHTS)
      throw invalid(at, layer, `brings the model to ${weights} weights of ${MAX_WEIGHTS}`)
    if (product(shape) > MAX_ACTIVATIONS)
      throw invalid(at, layer, `makes ${product(shape)} values per example`)
  }
  return { output: shape, weights, activations, layerWeights }
}

function invalid(at: number, layer: LayerSpec, why: string): NightshiftError {
  return new NightshiftError('JOB_SPEC_INVALID', `model.layers.${at} (${layer.type}): ${why}`, {
    advice: 'Correct the layer, or the one before it.',
    context: { layer: at, type: layer.type },
  })
}
