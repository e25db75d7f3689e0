import { Worker } from 'node:worker_threads'
import { NightshiftError } from '../../protocols/errors.js'
import { openAdapter } from '../backend/adapter.js'
import type { GpuDevice } from '../backend/gpu.js'
import { describeFault } from '../worker/fault.js'
import type {
  AdapterReport,
  FromShader,
  ShaderOptions,
  ShaderRequestKind,
  ShaderRequests,
  ToShader,
} from './messages.js'
import { openProgram, type ShaderProgram } from './program.js'

/**
 * Entry of the child process of one shader job: a device of its own, so that its end gives everything back and nothing
 * of it is there for the next. Started by process.ts and by nothing else.
 */
const options = JSON.parse(process.argv[2] ?? '{}') as ShaderOptions

/** What a shader may make use of; the default limits are those of a phone. */
const LIMITS = [
  'maxBufferSize',
  'maxStorageBufferBindingSize',
  'maxStorageBuffersPerShaderStage',
  'maxComputeWorkgroupStorageSize',
  'maxComputeInvocationsPerWorkgroup',
  'maxComputeWorkgroupSizeX',
  'maxComputeWorkgroupSizeY',
  'maxComputeWorkgroupSizeZ',
  'maxComputeWorkgroupsPerDimension',
]
/** Signs of life and progress are not told more often. */
const TELL_MS = 100

process.title = 'nightshift wgsl'
process.on('disconnect', () => process.exit(0))
new Worker(new URL('../worker/watchdog.js', import.meta.url)).unref()

const clock = { elapsed: () => performance.now() }

function send(message: FromShader): Promise<void> {
  return new Promise((resolve) => {
    if (process.send === undefined || !process.connected) return resolve()
    process.send(message, undefined, undefined, () => resolve())
  })
}

/** Whether it has been so long since the last time. */
function createPace(): () => boolean {
  let last = Number.NEGATIVE_INFINITY
  return () => {
    const isTime = clock.elapsed() - last >= TELL_MS
    if (isTime) last = clock.elapsed()
    return isTime
  }
}

type Answer = ShaderRequests[ShaderRequestKind]['answer']

function createSession(device: GpuDevice): (request: ToShader) => Promise<Answer> {
  let program: ShaderProgram | undefined
  let wantsCheckpoint = false
  let isPaused = false
  let isStill = true
  let onResume = () => {}
  let onStill: Array<() => void> = []

  const requireProgram = (): ShaderProgram => {
    if (program !== undefined) return program
    throw new NightshiftError('DEVICE_WORK_FAILED', 'no shader was opened', { advice: 'Report this error.' })
  }
  const tellStill = () => {
    for (const resolve of onStill.splice(0)) resolve()
  }
  const standStill = () => {
    isStill = true
    tellStill()
  }
  const turn = async () => {
    await new Promise<void>((resolve) => setImmediate(resolve))
    while (isPaused) {
      standStill()
      await new Promise<void>((resolve) => {
        onResume = resolve
      })
    }
    isStill = false
  }
  const run = async (from: number): Promise<null> => {
    const mayTellAlive = createPace()
    const mayTellProgress = createPace()
    isStill = false
    try {
      await requireProgram().run(from, {
        clock,
        turn,
        wantsCheckpoint: () => {
          const wanted = wantsCheckpoint
          wantsCheckpoint = false
          return wanted
        },
        onAlive: () => void (mayTellAlive() && send({ kind: 'alive' })),
        onProgress: (step) => void (mayTellProgress() && send({ kind: 'progress', step })),
        onCheckpoint: (step, bytes) => void send({ kind: 'checkpoint', step, bytes }),
      })
      return null
    } finally {
      standStill()
    }
  }
  return async ({ kind, ask }) => {
    switch (kind) {
      case 'open':
        program = await openProgram(device, ask)
        return null
      case 'write':
        requireProgram().write(ask.buffer, ask.offset, ask.bytes)
        return null
      case 'read':
        return requireProgram().read(ask.buffer, ask.offset, ask.length)
      case 'run':
        return run(ask.from)
      case 'pause':
        isPaused = true
        if (isStill) return null
        await new Promise<void>((resolve) => {
          onStill = [...onStill, resolve]
        })
        return null
      case 'resume':
        isPaused = false
        onResume()
        // A pause that was taken back before it had begun.
        tellStill()
        return null
      case 'checkpoint':
        wantsCheckpoint = true
        return null
    }
  }
}

async function start(): Promise<void> {
  const { adapter, model, software } = await openAdapter(options.card)
  const device = await adapter.requestDevice({
    requiredFeatures: [],
    requiredLimits: Object.fromEntries(LIMITS.map((name) => [name, adapter.limits[name]!])),
  })
  const { limits } = device
  const report: AdapterReport = {
    model,
    software,
    bufferBytes: Math.min(limits.maxBufferSize!, limits.maxStorageBufferBindingSize!),
    buffers: limits.maxStorageBuffersPerShaderStage!,
    workgroupsPerDimension: limits.maxComputeWorkgroupsPerDimension!,
  }
  const handle = createSession(device)
  process.on('message', async (request: ToShader) => {
    const { id } = request
    try {
      await send({ kind: 'answer', id, answer: await handle(request) })
    } catch (error) {
      await send({ kind: 'fault', id, fault: describeFault(error) })
    }
  })
  await send({ kind: 'ready', report })
}

start().catch(async (error) => {
  await send({ kind: 'unusable', fault: describeFault(error) })
  process.exit(1)
})
