import type { Optimizer, Scalar, Tensor, Tensor1D, Tensor2D } from '@tensorflow/tfjs-core'
import type { Sequential } from '@tensorflow/tfjs-layers'
import { NightshiftError } from '../../protocols/errors.js'
import type { Backend } from '../backend/backend.js'
import { encodeArtifact } from './artifact.js'
import { captureCheckpoint, decodeCheckpoint, malformedCheckpoint, restoreCheckpoint } from './checkpoint.js'
import { type Dataset, parseDataset } from './dataset.js'
import type { JobOptions, JobOutput } from './event.js'
import { buildModel, readWeights, trainableVariables } from './model.js'
import { inferShape, requireRoom } from './shape.js'
import { shuffledIndices } from './shuffle.js'
import type { DatasetSpec, TrainSpec } from './spec.js'

/** Progress is read from the device about so often over the whole training: every reading makes the device wait. */
const REPORTS = 100
/** …but not less than every so many steps, so that a stop never waits for a long queue. */
const MAX_STEPS_BETWEEN_REPORTS = 50
const SMALLEST_PROBABILITY = 1e-7

export interface TrainInputs {
  readonly data: Uint8Array
  /** Go on from here instead of from the seed's initial weights. */
  readonly checkpoint?: Uint8Array
}

/**
 * Trains a declared model. The same spec, data and backend give the same weights; another backend sums in another order
 * and gives nearly the same. Throws JOB_SPEC_INVALID, JOB_DATA_INVALID, CHECKPOINT_MALFORMED, JOB_UNSUPPORTED,
 * JOB_DIVERGED.
 */
export async function train(
  backend: Backend,
  spec: TrainSpec,
  inputs: TrainInputs,
  { turn, onEvent, wantsCheckpoint = () => false }: JobOptions,
): Promise<JobOutput> {
  requireOutput(spec)
  const dataset = parseDataset(inputs.data, spec.dataset)
  requireRoom(backend, spec.model, { rows: dataset.rows, batchSize: spec.batchSize })
  const resumed = inputs.checkpoint === undefined ? undefined : decodeCheckpoint(inputs.checkpoint, spec)
  const model = buildModel(backend, spec.model, spec.seed)
  const optimizer = createOptimizer(backend, spec)
  const tensors = uploadDataset(backend, dataset, spec.model.input, spec.dataset)
  try {
    if (resumed !== undefined) await restoreCheckpoint(backend, model, optimizer, spec, resumed)
    const stepsPerEpoch = Math.ceil(dataset.rows / spec.batchSize)
    const steps = stepsPerEpoch * spec.epochs
    if (resumed !== undefined && resumed.step >= steps) {
      throw malformedCheckpoint(`it tells of ${resumed.step} steps, the job has ${steps}`)
    }
    const { weights: size } = inferShape(spec.model)
    onEvent({
      kind: 'log',
      line: `training ${size} weights on ${dataset.rows} rows, ${spec.epochs} epochs of ${stepsPerEpoch} steps, ${backend.name}`,
    })
    const reportSteps = Math.max(1, Math.min(MAX_STEPS_BETWEEN_REPORTS, Math.floor(steps / REPORTS)))
    let order = new Int32Array()
    for (let step = resumed?.step ?? 0, shuffled = -1; step < steps; step++) {
      await turn()
      const epoch = Math.floor(step / stepsPerEpoch)
      if (epoch !== shuffled) {
        order = Int32Array.from(shuffledIndices(dataset.rows, spec.seed, epoch))
        shuffled = epoch
      }
      const from = (step % stepsPerEpoch) * spec.batchSize
      const batch = order.subarray(from, Math.min(from + spec.batchSize, dataset.rows))
      const reports = (step + 1) % reportSteps === 0 || step + 1 === steps
      const figures = trainStep(backend, model, optimizer, tensors, batch, spec, reports)
      if (figures !== undefined) {
        const { loss, accuracy } = await readFigures(figures)
        if (!Number.isFinite(loss)) throw diverged(step + 1)
        onEvent({
          kind: 'progress',
          step: step + 1,
          steps,
          epoch: epoch + 1,
          loss,
          ...(accuracy === undefined ? {} : { accuracy }),
        })
      }
      const isDue = spec.checkpointSteps !== undefined && (step + 1) % spec.checkpointSteps === 0
      if ((isDue || wantsCheckpoint()) && step + 1 < steps) {
        const bytes = await captureCheckpoint(model, optimizer, spec, step + 1)
        await backend.settle()
        onEvent({ kind: 'checkpoint', step: step + 1, bytes })
      }
    }
    const weights = await readWeights(model)
    await backend.settle()
    const bytes = encodeArtifact({ kind: 'model', model: spec.model, step: steps, weights, state: [] })
    return { artifacts: [{ name: 'model.nsmodel', bytes }] }
  } catch (error) {
    throw explainMissingKernel(backend, error)
  } finally {
    tensors.features.dispose()
    tensors.labels?.dispose()
    optimizer.dispose()
    model.dispose()
  }
}

/** The loss compares the model's output with labels, so the last layer must have the right width. */
function requireOutput(spec: TrainSpec): void {
  const { output } = inferShape(spec.model)
  const wanted = spec.dataset.classes ?? 1
  if (output.length === 1 && output[0] === wanted) return
  throw new NightshiftError(
    'JOB_SPEC_INVALID',
    `the model ends in [${output}], the labels need [${wanted}]`,
    {
      advice: 'Let the last layer have as many units as there are classes, or one for a number.',
    },
  )
}

export interface DatasetTensors {
  readonly features: Tensor
  readonly labels?: Tensor2D
}

/** Features shaped as the model's input; labels one-hot for classes, a column of numbers otherwise. */
export function uploadDataset(
  { core: tf }: Backend,
  { rows, features, labels }: Dataset,
  input: readonly number[],
  { classes }: DatasetSpec,
): DatasetTensors {
  return tf.tidy(() => {
    const shaped = tf.tensor(features, [rows, ...input])
    if (labels === undefined) return { features: shaped }
    const column =
      classes === undefined
        ? tf.tensor2d(labels, [rows, 1])
        : tf.cast(tf.oneHot(tf.tensor1d(Int32Array.from(labels), 'int32'), classes), 'float32')
    return { features: shaped, labels: column as Tensor2D }
  })
}

function createOptimizer({ core: tf }: Backend, { optimizer }: TrainSpec): Optimizer {
  switch (optimizer.type) {
    case 'sgd':
      return tf.train.sgd(optimizer.learningRate)
    case 'momentum':
      return tf.train.momentum(optimizer.learningRate, optimizer.momentum)
    case 'adam':
      return tf.train.adam(optimizer.learningRate, optimizer.beta1, optimizer.beta2)
    case 'rmsprop':
      return tf.train.rmsprop(optimizer.learningRate, optimizer.decay)
  }
}

/** Mean loss over a batch, as a scalar on the device. */
export function computeLoss(
  { core: tf }: Backend,
  loss: TrainSpec['loss'],
  output: Tensor,
  labels: Tensor,
): Scalar {
  if (loss === 'meanSquaredError') return tf.mean(tf.squaredDifference(output, labels)) as Scalar
  const likelihood = tf.log(tf.clipByValue(output, SMALLEST_PROBABILITY, 1))
  return tf.neg(tf.mean(tf.sum(tf.mul(labels, likelihood), -1))) as Scalar
}

interface Figures {
  loss: Scalar
  accuracy?: Scalar
}

function trainStep(
  backend: Backend,
  model: Sequential,
  optimizer: Optimizer,
  tensors: DatasetTensors,
  batch: Int32Array,
  spec: TrainSpec,
  reports: boolean,
): Figures | undefined {
  const { core: tf } = backend
  return tf.tidy(() => {
    const rows = tf.tensor1d(batch, 'int32')
    const features = tf.gather(tensors.features, rows)
    const labels = tf.gather(tensors.labels!, rows)
    const lossOf = () =>
      computeLoss(backend, spec.loss, model.apply(features, { training: true }) as Tensor, labels)
    const loss = optimizer.minimize(lossOf, reports, trainableVariables(model))
    if (loss === null) return undefined
    if (spec.dataset.classes === undefined) return { loss }
    return { loss, accuracy: computeAccuracy(backend, model.apply(features) as Tensor, labels) }
  })
}

function computeAccuracy(backend: Backend, output: Tensor, labels: Tensor): Scalar {
  return backend.core.mean(markRight(backend, output, labels)) as Scalar
}

/** How many rows are right: a whole number, exact for as many rows as a batch can have (2^24). */
export function countRight(backend: Backend, output: Tensor, labels: Tensor): Scalar {
  return backend.core.sum(markRight(backend, output, labels)) as Scalar
}

function markRight({ core: tf }: Backend, output: Tensor, labels: Tensor): Tensor1D {
  return tf.cast(tf.equal(tf.argMax(output, -1), tf.argMax(labels, -1)), 'float32') as Tensor1D
}

async function readFigures({ loss, accuracy }: Figures): Promise<{ loss: number; accuracy?: number }> {
  const read = async (scalar: Scalar) => {
    const [value] = await scalar.data()
    scalar.dispose()
    return value!
  }
  return { loss: await read(loss), ...(accuracy === undefined ? {} : { accuracy: await read(accuracy) }) }
}

function diverged(step: number): NightshiftError {
  return new NightshiftError('JOB_DIVERGED', `the loss is no longer a number after step ${step}`, {
    advice: 'Lower the learning rate, or scale the features to about 0…1.',
    context: { step },
  })
}

/** tfjs says "Kernel 'X' not registered for backend 'Y'" in prose only; there is no code to match on. */
function explainMissingKernel({ name }: Backend, error: unknown): unknown {
  const kernel = /Kernel '(\w+)' not registered/.exec((error as Error)?.message ?? '')?.[1]
  if (kernel === undefined) return error
  return new NightshiftError(
    'JOB_UNSUPPORTED',
    `the ${name} backend cannot train this model: it has no ${kernel}`,
    {
      advice: 'Use a provider with a GPU for this model, or a model without the layer.',
      context: { kernel, backend: name },
      cause: error,
    },
  )
}
