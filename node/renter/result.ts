import type { JobPlan } from '../../config/manifest/plan.js'
import type { Evaluation } from '../../kernels/tfjs/predict.js'
import { parseTrainSpec, type TrainSpecInput } from '../../kernels/tfjs/spec.js'
import { codeOf, NightshiftError } from '../../protocols/errors.js'
import type { Files } from '../files/port.js'
import type { PreparedInputs } from './inputs.js'
import type { JobResult } from './job.js'

/** The part of a device that checking needs: it may be a lesser one than the provider's. */
export interface Checker {
  evaluate(request: {
    spec: TrainSpecInput
    inputs: { data: Uint8Array; model: Uint8Array }
  }): Promise<Evaluation>
}

export interface Judge {
  /** Undefined when the result is what the plan expects, else the reason why it is not. */
  check(
    inputs: PreparedInputs,
    plan: JobPlan,
    result: JobResult,
    tell: (event: Checked) => void,
  ): Promise<string | undefined>
}

type Checked = { kind: 'checked'; accuracy: number; expected: number; rows: number; ok: boolean }

/** The name under which a training job leaves its model (kernels/tfjs). */
const MODEL_ARTIFACT = 'model.nsmodel'
/** Above any model that a declared job can describe; it is read into memory to be checked. */
const MAX_MODEL_BYTES = 256 * 2 ** 20

/** Judges a trained model on the rows that were held back: the provider has never seen them. */
export function createJudge(parts: { files: Files; checker: Checker }): Judge {
  return {
    check: async (inputs, plan, result, tell) => {
      const expected = plan.expect.accuracy
      const data = inputs.heldBack.get('data')
      if (expected === undefined || data === undefined) return undefined
      const output = result.outputs.find(({ name }) => name === MODEL_ARTIFACT)
      if (output === undefined) return 'RESULT_MISSING'
      if (output.bytes > MAX_MODEL_BYTES) return 'RESULT_MALFORMED'
      const model = await parts.files.read(output.file, 0, output.bytes)
      const { task: _, ...spec } = plan.spec
      try {
        const checked = await parts.checker.evaluate({ spec: parseTrainSpec(spec), inputs: { data, model } })
        const accuracy = checked.accuracy ?? 0
        const ok = accuracy >= expected
        tell({ kind: 'checked', accuracy, expected, rows: checked.rows, ok })
        return ok ? undefined : 'RESULT_BELOW_EXPECTATION'
      } catch (error) {
        if (codeOf(error) === 'MODEL_MALFORMED') return 'RESULT_MALFORMED'
        throw new NightshiftError('RESULT_NOT_CHECKED', 'the result could not be checked here', {
          advice: 'this is no fault of the provider’s; look at the cause, then post the job again',
          cause: error,
        })
      }
    },
  }
}
