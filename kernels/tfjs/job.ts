import type { Backend } from '../backend/backend.js'
import type { JobOptions, JobOutput } from './event.js'
import { type PredictInputs, predict } from './predict.js'
import { type PredictSpecInput, parsePredictSpec, parseTrainSpec, type TrainSpecInput } from './spec.js'
import { type TrainInputs, train } from './train.js'

/** A declared job and the bytes that it works on. */
export type DeviceJob =
  | { readonly task: 'train'; readonly spec: TrainSpecInput; readonly inputs: TrainInputs }
  | { readonly task: 'predict'; readonly spec: PredictSpecInput; readonly inputs: PredictInputs }

/** Runs a job on a backend in this process. The specs are checked here once more: they come from a stranger. */
export async function runJob(backend: Backend, job: DeviceJob, options: JobOptions): Promise<JobOutput> {
  switch (job.task) {
    case 'train':
      return train(backend, parseTrainSpec(job.spec), job.inputs, options)
    case 'predict':
      return predict(backend, parsePredictSpec(job.spec), job.inputs, options)
  }
}
