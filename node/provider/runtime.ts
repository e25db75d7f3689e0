import type { DeviceJob } from '../../kernels/tfjs/job.js'
import { parsePredictSpec, parseTrainSpec } from '../../kernels/tfjs/spec.js'
import { NightshiftError, type Refusal } from '../../protocols/errors.js'
import type { JobSpec } from '../../protocols/job/spec.js'

/** A job that was found sound before any of its data was asked for. */
export interface PreparedJob {
  /** What the device is given, once the inputs are there; by their names. */
  build(inputs: ReadonlyMap<string, Uint8Array>): DeviceJob
}

export type SpecRefusal = 'RUNTIME_NOT_OFFERED' | 'JOB_INVALID' | 'INPUT_MISSING'

const TFJS = 'tfjs'

/** Judges a declared job by its runtime's own schema, and that the inputs which it reads are announced. */
export function prepareJob(
  spec: JobSpec,
  facts: { runtimes: readonly string[]; inputs: readonly string[] },
): PreparedJob | Refusal<SpecRefusal> {
  if (spec.runtime !== TFJS || !facts.runtimes.includes(spec.runtime)) {
    return { refused: 'RUNTIME_NOT_OFFERED', detail: `on offer: ${facts.runtimes.join(', ')}` }
  }
  const { task, ...job } = spec.job
  try {
    if (task === 'train') return prepareTraining(parseTrainSpec(job), facts.inputs)
    if (task === 'predict') return preparePrediction(parsePredictSpec(job), facts.inputs)
  } catch (error) {
    if (!(error instanceof NightshiftError)) throw error
    return { refused: 'JOB_INVALID', detail: error.message }
  }
  return { refused: 'JOB_INVALID', detail: 'task: "train" or "predict"' }
}

function prepareTraining(
  spec: ReturnType<typeof parseTrainSpec>,
  names: readonly string[],
): PreparedJob | Refusal<SpecRefusal> {
  const missing = findMissing(['data'], names)
  if (missing !== undefined) return missing
  return {
    build: (inputs) => {
      const checkpoint = inputs.get('checkpoint')
      const data = inputs.get('data') as Uint8Array
      return { task: 'train', spec, inputs: { data, ...(checkpoint === undefined ? {} : { checkpoint }) } }
    },
  }
}

function preparePrediction(
  spec: ReturnType<typeof parsePredictSpec>,
  names: readonly string[],
): PreparedJob | Refusal<SpecRefusal> {
  const missing = findMissing(['data', 'model'], names)
  if (missing !== undefined) return missing
  return {
    build: (inputs) => ({
      task: 'predict',
      spec,
      inputs: { data: inputs.get('data') as Uint8Array, model: inputs.get('model') as Uint8Array },
    }),
  }
}

function findMissing(
  wanted: readonly string[],
  names: readonly string[],
): Refusal<'INPUT_MISSING'> | undefined {
  const missing = wanted.filter((name) => !names.includes(name))
  return missing.length === 0
    ? undefined
    : { refused: 'INPUT_MISSING', detail: `the job reads ${missing.join(', ')}` }
}
