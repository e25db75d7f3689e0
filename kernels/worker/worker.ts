import type { ChildProcess } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { NightshiftError } from '../../protocols/errors.js'
import type { Clock, Log } from '../../protocols/ports.js'
import type { BackendReport } from '../backend/backend.js'
import type { JobEvent } from '../tfjs/event.js'
import { toError } from './fault.js'
import { forkEntry } from './fork.js'
import type { FromWorker, RequestKind, Requests, ToWorker, WorkerOptions } from './messages.js'

/** A child process that holds one backend. */
export interface DeviceWorker {
  readonly report: BackendReport
  readonly pid: number
  /** False from the moment that the process has ended or was killed. */
  readonly alive: boolean
  request<Kind extends RequestKind>(
    kind: Kind,
    ask: Requests[Kind]['ask'],
    options?: { signal?: AbortSignal; onEvent?: (event: JobEvent) => void },
  ): { id: number; answer: Promise<Requests[Kind]['answer']> }
  /** Asks the job that runs as this request for a checkpoint, which comes as its event. */
  askCheckpoint(id: number): void
  /** Kills the process; resolves when it is gone and the device is free. */
  stop(): Promise<void>
}

export interface StartOptions extends WorkerOptions {
  clock: Clock
  log: Log
  /** Loading a driver and compiling the first kernels can take long; default 60 s. */
  startTimeoutMs?: number
  /** Work that was cancelled and does not end within this time is killed with its process; default 1 s. */
  cancelGraceMs?: number
}

interface Waiting {
  resolve: (answer: never) => void
  reject: (error: unknown) => void
  /** Lets go of the caller's signal and of the time limit that its abort has set. */
  settle: () => void
  onEvent: (event: JobEvent) => void
}

const ENTRY = fileURLToPath(new URL('./main.js', import.meta.url))
const START_TIMEOUT_MS = 60_000
const CANCEL_GRACE_MS = 1_000

function diedError(backend: string, how: string): NightshiftError {
  return new NightshiftError('DEVICE_WORKER_DIED', `the ${backend} worker ended unexpectedly (${how})`, {
    advice: 'The next call starts a fresh one. If it happens again, lower the memory that jobs may use.',
    context: { backend, how },
  })
}

function spawn({ backend, tensorflowFolder, card, maxTensorBytes }: WorkerOptions, log: Log): ChildProcess {
  const options: WorkerOptions = {
    backend,
    ...(tensorflowFolder === undefined ? {} : { tensorflowFolder }),
    ...(card === undefined ? {} : { card }),
    ...(maxTensorBytes === undefined ? {} : { maxTensorBytes }),
  }
  return forkEntry(ENTRY, options, log, { backend })
}

/**
 * Starts the child, waits until its backend has given the known answer. Throws BACKEND_UNAVAILABLE, BACKEND_WRONG,
 * BACKEND_TIMEOUT, DEVICE_WORKER_DIED.
 */
export function startWorker(options: StartOptions): Promise<DeviceWorker> {
  const { backend, clock, log, startTimeoutMs = START_TIMEOUT_MS, cancelGraceMs = CANCEL_GRACE_MS } = options
  const child = spawn(options, log)
  const waiting = new Map<number, Waiting>()
  let alive = true
  let nextId = 1
  let onExit: () => void = () => {}
  const exited = new Promise<void>((resolve) => {
    onExit = resolve
  })
  const post = (message: ToWorker) => {
    if (alive && child.connected) child.send(message, () => {})
  }
  const stop = () => {
    alive = false
    child.kill('SIGKILL')
    return exited
  }

  const watchSignal = (id: number, reject: (error: unknown) => void, signal?: AbortSignal) => {
    let disarm = () => {}
    const onAbort = () => {
      reject(signal!.reason)
      post({ kind: 'cancel', id })
      disarm = clock.after(cancelGraceMs, () => void stop())
    }
    signal?.addEventListener('abort', onAbort, { once: true })
    return () => {
      signal?.removeEventListener('abort', onAbort)
      disarm()
    }
  }
  const request: DeviceWorker['request'] = (kind, ask, { signal, onEvent } = {}) => {
    const id = nextId++
    const answer = new Promise<never>((resolve, reject) => {
      if (!alive) return reject(diedError(backend, 'before the request'))
      if (signal?.aborted) return reject(signal.reason)
      const settle = watchSignal(id, reject, signal)
      waiting.set(id, {
        resolve,
        reject,
        settle,
        onEvent: (event) => {
          if (signal?.aborted !== true) onEvent?.(event)
        },
      })
      post({ id, kind, ask } as ToWorker)
    })
    return { id, answer }
  }

  return new Promise((resolve, reject) => {
    const disarm = clock.after(startTimeoutMs, () => {
      stop()
      reject(
        new NightshiftError('BACKEND_TIMEOUT', `${backend} did not answer within ${startTimeoutMs} ms`, {
          advice: 'The driver may hang: restart the machine, or choose another backend.',
        }),
      )
    })
    const end = (how: string) => {
      alive = false
      disarm()
      const error = diedError(backend, how)
      reject(error)
      for (const entry of waiting.values()) {
        entry.settle()
        entry.reject(error)
      }
      waiting.clear()
      onExit()
    }
    child.on('error', (error) => end(error.message))
    child.on('exit', (code, signal) => end(signal ?? `exit code ${code}`))
    child.on('message', (message: FromWorker) => {
      switch (message.kind) {
        case 'ready':
          disarm()
          return resolve({
            report: message.report,
            pid: child.pid!,
            get alive() {
              return alive
            },
            request,
            askCheckpoint: (id) => post({ kind: 'checkpoint', id }),
            stop,
          })
        case 'unusable':
          disarm()
          return reject(toError(message.fault))
        case 'event':
          return waiting.get(message.id)?.onEvent(message.event)
        case 'answer':
        case 'fault': {
          const entry = waiting.get(message.id)
          waiting.delete(message.id)
          entry?.settle()
          if (message.kind === 'fault') entry?.reject(toError(message.fault))
          else entry?.resolve(message.answer as never)
        }
      }
    })
  })
}
