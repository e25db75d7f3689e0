import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { NightshiftError } from '../../protocols/errors.js'
import type { Clock, Log } from '../../protocols/ports.js'
import type { Card } from '../backend/backend.js'
import { toError } from '../worker/fault.js'
import { forkEntry } from '../worker/fork.js'
import type {
  AdapterReport,
  FromShader,
  ShaderOptions,
  ShaderRequestKind,
  ShaderRequests,
} from './messages.js'
import type { ShaderSpec } from './spec.js'

export interface ShaderEvents {
  onProgress?: (step: number) => void
  onCheckpoint?: (step: number, bytes: Uint8Array) => void
}

/**
 * One shader job in a process of its own. Whatever is asked of it has a time limit, after which the process is killed:
 * a shader that never ends cannot be ended otherwise. All throw SHADER_TOO_SLOW, OUT_OF_MEMORY, DEVICE_WORKER_DIED,
 * WORK_ENDED.
 */
export interface ShaderProcess {
  readonly report: AdapterReport
  readonly pid: number
  /** Compiles the shader and makes its buffers, all zeros. Throws JOB_SPEC_INVALID, DEVICE_FAILED too. */
  open(spec: ShaderSpec, code: string, sizes: readonly number[]): Promise<void>
  /** `offset` and length are multiples of four. */
  write(buffer: number, offset: number, bytes: Uint8Array): Promise<void>
  read(buffer: number, offset: number, length: number): Promise<Uint8Array>
  /** Does the steps from `from` on. Throws DEVICE_LOST, DEVICE_FAILED too. */
  run(from: number, events?: ShaderEvents): Promise<void>
  /** Resolves when it stands still, between two steps. */
  pause(): Promise<void>
  resume(): Promise<void>
  /** Asks for a checkpoint after the present batch of steps; it comes as an event of `run`. */
  askCheckpoint(): Promise<void>
  /** Kills the process; resolves when it is gone and the device is free. */
  stop(): Promise<void>
}

export interface ShaderProcessOptions {
  clock: Clock
  log: Log
  /** The adapter by a part of its name; default: the driver's first. */
  card?: Card
  /** Longest time for one step, and for the compiler. */
  stepMs: number
  /** What the process may take of the host's memory, checked twice a second where the system tells (Linux). */
  memoryBytes: number
}

const ENTRY = fileURLToPath(new URL('./main.js', import.meta.url))
/** A driver may take long to load. */
const START_MS = 60_000
/** Sixteen mebibytes go through the slowest bus in less. */
const COPY_MS = 30_000
const LOOK_MS = 500

interface Waiting {
  kind: ShaderRequestKind
  resolve: (answer: never) => void
  reject: (error: unknown) => void
}

/** Throws BACKEND_UNAVAILABLE, BACKEND_TIMEOUT, DEVICE_WORKER_DIED. */
export function startShaderProcess(options: ShaderProcessOptions): Promise<ShaderProcess> {
  const { clock, log, card, stepMs, memoryBytes } = options
  const asked: ShaderOptions = card === undefined ? {} : { card }
  const child = forkEntry(ENTRY, asked, log, { runtime: 'wgsl' })
  const waiting = new Map<number, Waiting>()
  let nextId = 1
  /** Why it was killed, or that it has gone. */
  let ended: NightshiftError | undefined
  let events: ShaderEvents = {}
  let disarm = () => {}
  let wantsPause = false
  let isPaused = false
  let onExit: () => void = () => {}
  const exited = new Promise<void>((resolve) => {
    onExit = resolve
  })

  const kill = (because: NightshiftError) => {
    ended ??= because
    child.kill('SIGKILL')
  }
  /** Of what is asked for now, the shortest patience. A shader that stands still is waited for. */
  const watch = () => {
    disarm()
    const limits = [...waiting.values()].flatMap(({ kind }) =>
      kind === 'open' || (kind === 'run' && !isPaused) || kind === 'pause'
        ? [stepMs]
        : kind === 'run'
          ? []
          : [COPY_MS],
    )
    if (limits.length === 0) return
    const ms = Math.min(...limits)
    disarm = clock.after(ms, () => kill(tooSlow(ms)))
  }
  const request = <Kind extends ShaderRequestKind>(
    kind: Kind,
    ask: ShaderRequests[Kind]['ask'],
  ): Promise<ShaderRequests[Kind]['answer']> =>
    new Promise((resolve, reject) => {
      if (ended !== undefined) return reject(ended)
      const id = nextId++
      waiting.set(id, { kind, resolve, reject })
      child.send({ id, kind, ask }, () => {})
      watch()
    })
  const settle = (id: number): Waiting | undefined => {
    const entry = waiting.get(id)
    waiting.delete(id)
    watch()
    return entry
  }
  const stopLooking = clock.every(LOOK_MS, () => {
    void residentBytes(child.pid).then((bytes) => {
      if (bytes > memoryBytes) kill(tooLarge(bytes, memoryBytes))
    })
  })

  return new Promise((resolve, reject) => {
    const stopWaiting = clock.after(START_MS, () =>
      kill(
        new NightshiftError('BACKEND_TIMEOUT', `WebGPU did not answer within ${START_MS} ms`, {
          advice: 'The driver may hang: restart the machine.',
        }),
      ),
    )
    const end = (how: string) => {
      ended ??= died(how)
      stopLooking()
      stopWaiting()
      disarm()
      reject(ended)
      for (const entry of waiting.values()) entry.reject(ended)
      waiting.clear()
      onExit()
    }
    child.on('error', (error) => end(error.message))
    child.on('exit', (code, signal) => end(signal ?? `exit code ${code}`))
    child.on('message', (message: FromShader) => {
      switch (message.kind) {
        case 'ready':
          stopWaiting()
          return resolve({
            report: message.report,
            pid: child.pid!,
            open: async (spec, code, sizes) => void (await request('open', { spec, code, sizes })),
            write: async (buffer, offset, bytes) => void (await request('write', { buffer, offset, bytes })),
            read: (buffer, offset, length) => request('read', { buffer, offset, length }),
            run: async (from, told = {}) => {
              events = told
              await request('run', { from })
            },
            pause: async () => {
              wantsPause = true
              await request('pause', null)
              isPaused = wantsPause
              watch()
            },
            resume: async () => {
              wantsPause = false
              isPaused = false
              await request('resume', null)
            },
            askCheckpoint: async () => void (await request('checkpoint', null)),
            stop: () => {
              kill(new NightshiftError('WORK_ENDED', 'the work was ended', { advice: 'it was asked to' }))
              return exited
            },
          })
        case 'unusable':
          ended ??= toError(message.fault)
          return kill(ended)
        case 'answer':
          return settle(message.id)?.resolve(message.answer as never)
        case 'fault':
          return settle(message.id)?.reject(toError(message.fault))
        case 'alive':
          return watch()
        case 'progress':
          watch()
          return events.onProgress?.(message.step)
        case 'checkpoint':
          watch()
          return events.onCheckpoint?.(message.step, message.bytes)
      }
    })
  })
}

/** What a process holds of the host's memory; nothing where the system does not tell it in `/proc`. */
async function residentBytes(pid: number | undefined): Promise<number> {
  const told = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '')
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(told)?.[1] ?? 0) * 1_024
}

function tooSlow(ms: number): NightshiftError {
  return new NightshiftError(
    'SHADER_TOO_SLOW',
    `the shader was ended: a step, or the compiler, took more than ${ms} ms`,
    {
      advice:
        'divide the work into more steps; the provider says how long one may take (provider.wgsl.step_ms)',
      context: { stepMs: ms },
    },
  )
}

function tooLarge(bytes: number, most: number): NightshiftError {
  return new NightshiftError(
    'OUT_OF_MEMORY',
    `the shader's process took ${bytes} bytes of memory, at most ${most}`,
    {
      advice: 'declare smaller buffers, and smaller arrays within the shader',
      context: { bytes, most },
    },
  )
}

function died(how: string): NightshiftError {
  return new NightshiftError('DEVICE_WORKER_DIED', `the shader's process ended unexpectedly (${how})`, {
    advice: 'The next job gets a new one. If it happens with every job, update the graphics driver.',
    context: { how },
  })
}
