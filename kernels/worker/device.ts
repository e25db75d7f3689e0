import type { Entry, ProofParams } from '../../protocols/challenge/params.js'
import { codeOf, NightshiftError } from '../../protocols/errors.js'
import type { Clock, Log } from '../../protocols/ports.js'
import { BACKEND_NAMES, type BackendName, type BackendReport, type Card } from '../backend/backend.js'
import type { MemoryEntry, Opening } from '../proof/opening.js'
import type { JobEvent, JobOutput } from '../tfjs/event.js'
import type { DeviceJob } from '../tfjs/job.js'
import type { Evaluation, PredictInputs } from '../tfjs/predict.js'
import type { TrainSpecInput } from '../tfjs/spec.js'
import { type DeviceWorker, type StartOptions, startWorker } from './worker.js'

export interface DeviceOptions {
  /** 'auto' takes the first of BACKEND_NAMES that works. */
  backend: BackendName | 'auto'
  clock: Clock
  log: Log
  /** How much of the device's memory a proof may use at once; default: what single tensors allow. */
  memoryBytes?: number
  tensorflowFolder?: string
  /** One card of several: a device for each lets all of them prove at once. Default: the driver's first. */
  card?: Card
  startTimeoutMs?: number
  cancelGraceMs?: number
}

export interface Proof {
  readonly root: Uint8Array
  /** From the start of the work on the device until the root was known; waiting behind other proofs not counted. */
  readonly elapsedMs: number
  /** Throws PROOF_GONE after a restart of the worker or when eight later proofs have pushed this one out. */
  open(entries: readonly Entry[], options?: { signal?: AbortSignal }): Promise<Opening[]>
  /**
   * The memory phase of a proof that was made with `resident`: folds all products with weights from the nonce. Throws
   * NOTHING_RESIDENT, PROOF_GONE.
   */
  recall(nonce: Uint8Array, options?: { signal?: AbortSignal }): Promise<MemoryProof>
  /** Frees what is kept in the worker, and on the device. */
  release(): Promise<void>
}

export interface MemoryProof {
  readonly root: Uint8Array
  readonly elapsedMs: number
  open(entries: readonly MemoryEntry[], options?: { signal?: AbortSignal }): Promise<Opening[]>
}

export interface ProofRequest {
  seed: Uint8Array
  params: ProofParams
  /** Keep the products on the device for `recall`: 2·n² bytes a round (`residentBytes`); n a multiple of 256. */
  resident?: boolean
}

export interface RunOptions {
  signal?: AbortSignal
  onEvent?: (event: JobEvent) => void
  /** Called once, with what asks the job for a checkpoint; a training tells it as an event after its present step. */
  onAskable?: (askCheckpoint: () => void) => void
}

export interface Device {
  readonly report: BackendReport
  /** The worker's process; changes when it was restarted; undefined while there is none. */
  readonly pid: number | undefined
  prove(request: ProofRequest, options?: { signal?: AbortSignal }): Promise<Proof>
  run(job: DeviceJob, options?: RunOptions): Promise<JobOutput>
  evaluate(
    request: { spec: TrainSpecInput; inputs: PredictInputs },
    options?: { signal?: AbortSignal },
  ): Promise<Evaluation>
  /**
   * Kills the worker, which gives the card and its memory back to the owner; running work fails with DEVICE_WORKER_DIED.
   * The next use, or `ready`, starts another one.
   */
  release(): Promise<void>
  /** Resolves when the next use will not have to wait for a worker. Throws what startWorker throws. */
  ready(): Promise<void>
  /** Releases it for good. */
  close(): Promise<void>
}

/** A, B, C and what lies between them on the device: at most four tensors of full size at once. */
const TENSORS_AT_ONCE = 4

function startOptions(options: DeviceOptions, backend: BackendName): StartOptions {
  const { memoryBytes, backend: _, ...rest } = options
  const maxTensorBytes =
    memoryBytes === undefined ? {} : { maxTensorBytes: Math.floor(memoryBytes / TENSORS_AT_ONCE) }
  return { ...rest, backend, ...maxTensorBytes }
}

async function startFirst(options: DeviceOptions): Promise<DeviceWorker> {
  if (options.backend !== 'auto') return startWorker(startOptions(options, options.backend))
  const reasons: string[] = []
  for (const backend of BACKEND_NAMES) {
    try {
      const worker = await startWorker(startOptions(options, backend))
      if (backend !== 'webgpu' || worker.report.gpu) return worker
      await worker.stop()
      reasons.push(`webgpu: ${worker.report.model} is a software adapter`)
    } catch (error) {
      reasons.push(`${backend}: ${(error as Error).message}`)
      options.log.debug('a backend cannot be used', { backend, reason: (error as Error).message })
    }
  }
  throw new NightshiftError('NO_BACKEND', `no backend works: ${reasons.join('; ')}`, {
    advice: 'Reinstall the dependencies: at least "cpu" works wherever Node runs.',
    context: { reasons },
  })
}

/** Opens a device in a process of its own. Throws NO_BACKEND, or what startWorker throws for a named backend. */
export async function openDevice(options: DeviceOptions): Promise<Device> {
  let live = await startFirst(options)
  const { report } = live
  let current = Promise.resolve(live)
  let closed = false

  const requireOpen = () => {
    if (closed)
      throw new NightshiftError('DEVICE_CLOSED', 'the device was closed', { advice: 'Open it again.' })
  }
  const worker = async (): Promise<DeviceWorker> => {
    const seen = current
    const found = await seen.catch(() => undefined)
    requireOpen()
    if (found?.alive === true) return found
    // Whoever comes first after a death starts the next one; the others wait for the same.
    if (current === seen) {
      options.log.warn('the device worker is started afresh', { backend: report.backend })
      current = startWorker(startOptions(options, report.backend))
    }
    live = await current
    return live
  }

  return {
    report,
    get pid() {
      return live.alive ? live.pid : undefined
    },
    prove: async (ask, { signal } = {}) => {
      const holder = await worker()
      const { id, answer } = holder.request('prove', ask, { ...(signal === undefined ? {} : { signal }) })
      const { root, elapsedMs } = await answer
      return {
        root,
        elapsedMs,
        open: (entries, openOptions = {}) =>
          holder.request('open', { proof: id, entries: [...entries] }, openOptions).answer.catch(rethrowGone),
        recall: async (nonce, recallOptions = {}) => {
          const recalled = await holder
            .request('recall', { proof: id, nonce }, recallOptions)
            .answer.catch(rethrowGone)
          return {
            ...recalled,
            open: (folds, openOptions = {}) =>
              holder
                .request('openFolds', { proof: id, entries: [...folds] }, openOptions)
                .answer.catch(rethrowGone),
          }
        },
        release: async () => {
          await holder.request('release', { proof: id }).answer.catch(() => null)
        },
      }
    },
    run: async (job, { onAskable, ...runOptions } = {}) => {
      const holder = await worker()
      const { id, answer } = holder.request('run', { job }, runOptions)
      onAskable?.(() => holder.askCheckpoint(id))
      return answer
    },
    evaluate: async (ask, evaluateOptions = {}) =>
      (await worker()).request('evaluate', ask, evaluateOptions).answer,
    release: async () => {
      await (await current.catch(() => undefined))?.stop()
    },
    ready: async () => {
      await worker()
    },
    close: async () => {
      closed = true
      await (await current.catch(() => undefined))?.stop()
    },
  }
}

/** A proof lives in the worker that made it. */
function rethrowGone(cause: unknown): never {
  if (codeOf(cause) !== 'DEVICE_WORKER_DIED') throw cause
  throw new NightshiftError('PROOF_GONE', 'the proof was lost with its worker', {
    advice: 'Ask for a new proof.',
    cause,
  })
}

/**
 * Tries every backend, each in a child of its own, and says what it found: for `node check` and the inventory.
 * Never throws for a backend that does not work.
 */
export async function probeBackends(
  options: Omit<DeviceOptions, 'backend'>,
  names: readonly BackendName[] = BACKEND_NAMES,
): Promise<BackendReport[]> {
  const reports: BackendReport[] = []
  for (const backend of names) {
    try {
      const worker = await startWorker(startOptions({ ...options, backend }, backend))
      await worker.stop()
      reports.push(worker.report)
    } catch (error) {
      reports.push({ backend, ok: false, gpu: false, model: '', reason: (error as Error).message })
    }
  }
  return reports
}
