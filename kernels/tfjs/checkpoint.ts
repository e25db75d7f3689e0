import type { Optimizer, Variable } from '@tensorflow/tfjs-core'
import type { Sequential } from '@tensorflow/tfjs-layers'
import { codeOf, NightshiftError } from '../../protocols/errors.js'
import type { Backend } from '../backend/backend.js'
import { type Artifact, decodeArtifact, encodeArtifact } from './artifact.js'
import { readTensor, readWeights, trainableVariables, writeWeights } from './model.js'
import type { TrainSpec } from './spec.js'

/**
 * A training that stands still: weights, the optimizer's state and the number of steps that were done. Epoch, place in
 * it and the order of the rows follow from the steps and the seed.
 */

/** Values that an optimizer keeps per weight, besides its count of steps. */
const STATE_PER_WEIGHT: Record<TrainSpec['optimizer']['type'], number> = {
  sgd: 0,
  momentum: 1,
  adam: 2,
  rmsprop: 2,
}

export async function captureCheckpoint(
  model: Sequential,
  optimizer: Optimizer,
  spec: TrainSpec,
  step: number,
): Promise<Uint8Array> {
  const [iterations, ...moments] = await optimizer.getWeights()
  const state = []
  for (const { name, tensor } of [iterations!, ...moments]) state.push(await readTensor(name, tensor))
  // Made for this call; the others are the optimizer's own.
  iterations!.tensor.dispose()
  return encodeArtifact({
    kind: 'checkpoint',
    model: spec.model,
    step,
    weights: await readWeights(model),
    state,
  })
}

/**
 * Reads a stranger's checkpoint, before any of it reaches a device. Shapes are compared when it is restored.
 * Throws CHECKPOINT_MALFORMED.
 */
export function decodeCheckpoint(bytes: Uint8Array, spec: TrainSpec): Artifact {
  const checkpoint = decode(bytes)
  if (checkpoint.kind !== 'checkpoint') throw malformedCheckpoint('it is a finished model')
  if (JSON.stringify(checkpoint.model) !== JSON.stringify(spec.model))
    throw malformedCheckpoint('it is of another model')
  const { step, state, weights } = checkpoint
  const iterations = state[0]
  const counts = iterations?.values.length === 1 && iterations.values[0] === Math.fround(step)
  if (!counts) throw malformedCheckpoint(`its optimizer has not done the ${step} steps that it tells of`)
  const hasOnlyNumbers = [...weights, ...state].every(({ values }) => values.every(Number.isFinite))
  if (!hasOnlyNumbers) throw malformedCheckpoint('not all of its values are numbers')
  return checkpoint
}

/** Training goes on from here as if it had never stopped, bit for bit. Throws CHECKPOINT_MALFORMED. */
export async function restoreCheckpoint(
  backend: Backend,
  model: Sequential,
  optimizer: Optimizer,
  spec: TrainSpec,
  checkpoint: Artifact,
): Promise<void> {
  const { core: tf } = backend
  requireState(model, spec, checkpoint)
  try {
    writeWeights(backend, model, checkpoint)
  } catch (error) {
    throw malformedCheckpoint((error as Error).message)
  }
  const [iterations, ...moments] = checkpoint.state
  const state = [
    { name: iterations!.name, tensor: tf.scalar(checkpoint.step, 'int32') },
    ...moments.map(({ name, shape, values }) => ({ name, tensor: tf.tensor(values, [...shape]) })),
  ]
  await optimizer.setWeights(state)
  for (const { tensor } of state) tensor.dispose()
  if (spec.optimizer.type === 'adam') {
    const { beta1, beta2 } = spec.optimizer
    const powers = optimizer as unknown as Record<'accBeta1' | 'accBeta2', Variable>
    tf.tidy(() => {
      powers.accBeta1.assign(tf.scalar(runningPower(beta1, checkpoint.step + 1)))
      powers.accBeta2.assign(tf.scalar(runningPower(beta2, checkpoint.step + 1)))
    })
  }
}

/**
 * Adam multiplies its powers of beta step by step in single precision, and tfjs restores them by `pow`, whose last bits
 * differ. A product that no longer changes stays what it is, so this ends soon however many steps there were.
 */
function runningPower(base: number, exponent: number): number {
  const factor = Math.fround(base)
  let power = factor
  for (let at = 1; at < exponent; at++) {
    const next = Math.fround(power * factor)
    if (next === power) break
    power = next
  }
  return power
}

/** tfjs would take any tensors for an optimizer's state and fail far from the cause. */
function requireState(model: Sequential, { optimizer }: TrainSpec, { state }: Artifact): void {
  const shapes = trainableVariables(model).map(({ shape }) => String(shape))
  const expected = ['', ...new Array(STATE_PER_WEIGHT[optimizer.type]).fill(shapes).flat()]
  const fits =
    state.length === expected.length && state.every(({ shape }, at) => String(shape) === expected[at])
  if (!fits) throw malformedCheckpoint(`its state is not that of ${optimizer.type}`)
}

function decode(bytes: Uint8Array): Artifact {
  try {
    return decodeArtifact(bytes)
  } catch (error) {
    if (codeOf(error) === undefined) throw error
    throw malformedCheckpoint((error as Error).message)
  }
}

export function malformedCheckpoint(why: string): NightshiftError {
  return new NightshiftError('CHECKPOINT_MALFORMED', `the checkpoint does not belong to this job: ${why}`, {
    advice: 'Start the job without it, or from the one before it.',
  })
}
