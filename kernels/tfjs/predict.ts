import type { Scalar, Tensor, Tensor2D } from '@tensorflow/tfjs-core'
import type { Sequential } from '@tensorflow/tfjs-layers'
import { NightshiftError } from '../../protocols/errors.js'
import type { Backend, Turn } from '../backend/backend.js'
import { decodeArtifact } from './artifact.js'
import { parseDataset } from './dataset.js'
import type { JobOptions, JobOutput } from './event.js'
import { buildModel, writeWeights } from './model.js'
import { inferShape, requireRoom } from './shape.js'
import type { ModelSpec, PredictSpec, TrainSpec } from './spec.js'
import { computeLoss, countRight, uploadDataset } from './train.js'

export interface PredictInputs {
  readonly data: Uint8Array
  /** What a training left: the artifact `model.nsmodel`. */
  readonly model: Uint8Array
}

async function withModel<T>(
  backend: Backend,
  bytes: Uint8Array,
  use: (model: Sequential, spec: ModelSpec) => Promise<T>,
): Promise<T> {
  const artifact = decodeArtifact(bytes)
  const model = buildModel(backend, artifact.model, 0)
  try {
    writeWeights(backend, model, artifact)
    return await use(model, artifact.model)
  } finally {
    model.dispose()
  }
}

function requireFeatures({ input }: ModelSpec, count: number): void {
  const values = input.reduce((product, length) => product * length, 1)
  if (values === count) return
  throw new NightshiftError(
    'JOB_SPEC_INVALID',
    `the model takes ${values} values, the spec names ${count} columns`,
    {
      advice: 'Let dataset.features.count be what the model takes.',
    },
  )
}

/**
 * One line of CSV per input row: the outputs of the model, in order. Throws JOB_SPEC_INVALID, JOB_DATA_INVALID,
 * MODEL_MALFORMED.
 */
export async function predict(
  backend: Backend,
  spec: PredictSpec,
  inputs: PredictInputs,
  { turn, onEvent }: JobOptions,
): Promise<JobOutput> {
  const { core: tf } = backend
  return withModel(backend, inputs.model, async (model, modelSpec) => {
    requireFeatures(modelSpec, spec.dataset.features.count)
    const dataset = parseDataset(inputs.data, spec.dataset)
    requireRoom(backend, modelSpec, { rows: dataset.rows, batchSize: spec.batchSize })
    const width = inferShape(modelSpec).output.reduce((product, length) => product * length, 1)
    const tensors = uploadDataset(backend, dataset, modelSpec.input, spec.dataset)
    const lines: string[] = []
    try {
      const steps = Math.ceil(dataset.rows / spec.batchSize)
      for (let step = 0; step < steps; step++) {
        await turn()
        const from = step * spec.batchSize
        const output = tf.tidy(
          () => model.apply(takeRows(backend, tensors.features, from, spec.batchSize)) as Tensor,
        )
        const values = await output.data()
        output.dispose()
        for (let at = 0; at < values.length; at += width) lines.push(values.slice(at, at + width).join(','))
        onEvent({ kind: 'progress', step: step + 1, steps })
      }
    } finally {
      tensors.features.dispose()
      tensors.labels?.dispose()
    }
    await backend.settle()
    const bytes = new TextEncoder().encode(`${lines.join('\n')}\n`)
    return { artifacts: [{ name: 'predictions.csv', bytes }] }
  })
}

function takeRows({ core: tf }: Backend, tensor: Tensor, from: number, count: number): Tensor {
  const [rows = 0, ...rest] = tensor.shape
  return tf.slice(tensor, [from, ...rest.map(() => 0)], [Math.min(count, rows - from), ...rest])
}

export interface Evaluation {
  /** The share of rows whose most probable class is the label; for a number it is absent. */
  readonly accuracy?: number
  readonly loss: number
  readonly rows: number
}

/**
 * How good a model is on data that its maker has not seen. `spec` is the renter's own: a model of another architecture
 * than the one asked for is MODEL_MALFORMED.
 */
export async function evaluate(
  backend: Backend,
  spec: TrainSpec,
  inputs: PredictInputs,
  turn: Turn,
): Promise<Evaluation> {
  const { core: tf } = backend
  return withModel(backend, inputs.model, async (model, modelSpec) => {
    if (JSON.stringify(modelSpec) !== JSON.stringify(spec.model)) {
      throw new NightshiftError(
        'MODEL_MALFORMED',
        'the model has another architecture than the one asked for',
        {
          advice: 'Refuse the result.',
        },
      )
    }
    const dataset = parseDataset(inputs.data, spec.dataset)
    requireRoom(backend, modelSpec, { rows: dataset.rows, batchSize: spec.batchSize })
    const { features, labels } = uploadDataset(backend, dataset, modelSpec.input, spec.dataset)
    let loss = 0
    let right = 0
    try {
      for (let from = 0; from < dataset.rows; from += spec.batchSize) {
        await turn()
        const share = Math.min(spec.batchSize, dataset.rows - from) / dataset.rows
        const figures = tf.tidy(() => {
          const output = model.apply(takeRows(backend, features, from, spec.batchSize)) as Tensor
          const truth = takeRows(backend, labels!, from, spec.batchSize) as Tensor2D
          return [computeLoss(backend, spec.loss, output, truth), countRight(backend, output, truth)]
        })
        const [batchLoss, batchRight] = await Promise.all(figures.map(readScalar))
        loss += share * batchLoss!
        right += batchRight!
      }
    } finally {
      features.dispose()
      labels?.dispose()
    }
    await backend.settle()
    const { rows } = dataset
    return { loss, rows, ...(spec.dataset.classes === undefined ? {} : { accuracy: right / rows }) }
  })
}

async function readScalar(scalar: Scalar): Promise<number> {
  const [value] = await scalar.data()
  scalar.dispose()
  return value!
}
