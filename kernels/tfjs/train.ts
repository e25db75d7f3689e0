import type { Optimizer, Scalar, Tensor, Tensor1D, Tensor2D } from '@tensorflow/tfjs-core'
import type { Sequential } from '@tensorflow/tfjs-layers'
import { NightshiftError } from '../../protocols/errors.js'
import type { Backend } from '../backend/backend.js'
import { type Artifact, decodeArtifact, encodeArtifact } from './artifact.js'
import { type Dataset, parseDataset } from './dataset.js'
import type { JobOptions, JobOutput } from './event.js'
import { buildModel, readTensor, readWeights, trainableVariables, writeWeights } from './model.js'
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
 * and gives nearly the same. Throws JOB_SPEC_INVALID, JOB_DATA_INVALID, MODEL_MALFORMED, JOB_UNSUPPORTED, JOB_DIVERGED.
 */
export async function train(
  backend: Backend,
  spec: TrainSpec,
  inputs: TrainInputs,
  { turn, onEvent }: JobOptions,
): Promise<JobOutput> {
  requireOutput(spec)
  const dataset = parseDataset(inputs.data, spec.dataset)
  requireRoom(backend, spec.model, { rows: dataset.rows, batchSize: spec.batchSize })
  const resumed = inputs.checkpoint === undefined ? undefined : decodeCheckpoint(inputs.checkpoint, spec)
  const model = buildModel(backend, spec.model, spec.seed)
  const optimizer = createOptimizer(backend, spec)
  const tensors = uploadDataset(backend, dataset, spec.model.input, spec.dataset)
  try {
    if (resumed !== undefined) await restore(backend, spec, model, optimizer, resumed)
    const stepsPerEpoch = Math.ceil(dataset.rows / spec.batchSize)
    const steps = stepsPerEpoch * spec.epochs
    const { weights } = inferShape(spec.model)
    onEvent({
      kind: 'log',
      line: `training ${weights} weights on ${dataset.rows} rows, ${spec.epochs} epochs of ${stepsPerEpoch} steps, ${backend.name}`,
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
      if (spec.checkpointSteps !== undefined && (step + 1) % spec.checkpointSteps === 0 && step + 1 < steps) {
        const artifact = await capture('checkpoint', model, optimizer, spec, step + 1)
        await backend.settle()
        onEvent({ kind: 'checkpoint', step: step + 1, bytes: encodeArtifact(artifact) })
      }
    }
    const artifact = await capture('model', model, optimizer, spec, steps)
    await backend.settle()
    return { artifacts: [{ name: 'model.nsmodel', bytes: encodeArtifact(artifact) }] }
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

async function capture(
  kind: Artifact['kind'],
  model: Sequential,
  optimizer: Optimizer,
  spec: TrainSpec,
  step: number,
): Promise<Artifact> {
  const state = []
  if (kind === 'checkpoint') {
    const [iterations, ...moments] = await optimizer.getWeights()
    for (const { name, tensor } of [iterations!, ...moments]) state.push(await readTensor(name, tensor))
    // Made for this call; the others are the optimizer's own.
    iterations!.tensor.dispose()
  }
  return { kind, model: spec.model, step, weights: await readWeights(model), state }
}

function decodeCheckpoint(bytes: Uint8Array, spec: TrainSpec): Artifact {
  const checkpoint = decodeArtifact(bytes)
  if (checkpoint.kind === 'checkpoint' && JSON.stringify(checkpoint.model) === JSON.stringify(spec.model)) {
    return checkpoint
  }
  throw foreignCheckpoint('it is no checkpoint, or of another model')
}

function foreignCheckpoint(why: string): NightshiftError {
  return new NightshiftError('MODEL_MALFORMED', `the checkpoint does not belong to this job: ${why}`, {
    advice: 'Start the job without it, or send the checkpoint of a job with the same model and optimizer.',
  })
}

/** Values that an optimizer keeps per weight, besides its count of steps. */
const STATE_PER_WEIGHT: Record<TrainSpec['optimizer']['type'], number> = {
  sgd: 0,
  momentum: 1,
  adam: 2,
  rmsprop: 2,
}

/** A stranger's checkpoint: tfjs would take any tensors for its state and fail far from the cause. */
function requireState(model: Sequential, { optimizer }: TrainSpec, { state }: Artifact): void {
  const shapes = trainableVariables(model).map(({ shape }) => String(shape))
  const expected = ['', ...new Array(STATE_PER_WEIGHT[optimizer.type]).fill(shapes).flat()]
  const fits =
    state.length === expected.length && state.every(({ shape }, at) => String(shape) === expected[at])
  if (!fits) throw foreignCheckpoint(`its state is not that of ${optimizer.type}`)
}

async function restore(
  backend: Backend,
  spec: TrainSpec,
  model: Sequential,
  optimizer: Optimizer,
  checkpoint: Artifact,
): Promise<void> {
  const { core: tf } = backend
  requireState(model, spec, checkpoint)
  writeWeights(backend, model, checkpoint)
  const state = checkpoint.state.map(({ name, shape, values }) => ({
    name,
    tensor: tf.tensor(values, [...shape]),
  }))
  await optimizer.setWeights(state)
  for (const { tensor } of state) tensor.dispose()
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
