import type { DeviceJob } from '../../kernels/tfjs/job.js'
import { parsePredictSpec, parseTrainSpec } from '../../kernels/tfjs/spec.js'
import { checkShader } from '../../kernels/wgsl/spec.js'
import { NightshiftError } from '../../protocols/errors.js'
import type { JobSpec } from '../../protocols/job/spec.js'
import { checkContainer } from '../runtime/container/spec.js'

/** Names of the inputs that a task reads, in the order of a manifest's `inputs`. */
const INPUTS = { train: ['data'], predict: ['data', 'model'] } as const

type Task = keyof typeof INPUTS

/**
 * A declared job as the device runs it: `job.task` says which kind, the other fields are that task's own
 * specification. `from`: the checkpoint that a training goes on from. Throws JOB_SPEC_INVALID.
 */
export function toDeviceJob(
  spec: JobSpec,
  inputs: ReadonlyMap<string, Uint8Array>,
  from?: Uint8Array,
): DeviceJob {
  const task = taskOf(spec)
  const { task: _, ...rest } = spec.job
  const bytes = (name: string) => {
    const found = inputs.get(name)
    if (found === undefined) throw invalid(`the task ${task} needs an input named ${name}`)
    return found
  }
  const checkpoint = from === undefined ? {} : { checkpoint: from }
  return task === 'train'
    ? { task, spec: parseTrainSpec(rest), inputs: { data: bytes('data'), ...checkpoint } }
    : { task, spec: parsePredictSpec(rest), inputs: { data: bytes('data'), model: bytes('model') } }
}

/** Checks a specification without its inputs: before an order goes out, and before a provider asks for inputs. */
export function checkDeclared(spec: JobSpec, inputNames: readonly string[]): void {
  if (spec.runtime === 'container') return void checkContainer(spec.job, inputNames)
  if (spec.runtime === 'wgsl') return void checkShader(spec.job, inputNames)
  const task = taskOf(spec)
  const { task: _, ...rest } = spec.job
  if (task === 'train') parseTrainSpec(rest)
  else parsePredictSpec(rest)
  const missing = INPUTS[task].find((name) => !inputNames.includes(name))
  if (missing !== undefined) throw invalid(`the task ${task} needs an input named ${missing}`)
}

function taskOf(spec: JobSpec): Task {
  if (spec.runtime !== 'tfjs')
    throw invalid(`there is no runtime ${spec.runtime}; there are tfjs, wgsl and container`)
  const { task } = spec.job
  if (task === 'train' || task === 'predict') return task
  throw invalid(`task is ${JSON.stringify(task)}; it must be train or predict`)
}

function invalid(message: string): NightshiftError {
  return new NightshiftError('JOB_SPEC_INVALID', message, {
    advice: 'correct the `job` of the manifest; kernels/README.md lists what can be declared',
  })
}
