import { NightshiftError } from '../../protocols/errors.js'
import type { Clock } from '../../protocols/ports.js'
import {
  BUFFER_USAGE,
  type GpuBuffer,
  type GpuDevice,
  type GpuShaderModule,
  IN_COMPUTE,
  MAP_READ,
} from '../backend/gpu.js'
import { watchHealth } from '../backend/health.js'
import { encodeCheckpoint, nameProgram } from './checkpoint.js'
import { declareBindings, encodeUniforms } from './source.js'
import { dimensions, invalidShader, type ShaderSpec } from './spec.js'

/** Steps are submitted in batches that take about so long: short enough to be paused, long enough to cost nothing. */
const SHORT_BATCH_MS = 25
const LONG_BATCH_MS = 100
const MAX_BATCH_STEPS = 256
const STAGING_BYTES = 16 * 2 ** 20
const MAX_MESSAGES = 20

export interface ShaderEvents {
  onProgress(step: number): void
  onCheckpoint(step: number, bytes: Uint8Array): void
  /** After each step that the device has done: whoever watches knows that it lives. */
  onAlive(): void
}

/** A shader on a device, with its buffers: compiled, all zeros, until they are written. */
export interface ShaderProgram {
  write(buffer: number, offset: number, bytes: Uint8Array): void
  /** Throws DEVICE_LOST, DEVICE_FAILED. */
  read(buffer: number, offset: number, length: number): Promise<Uint8Array>
  /**
   * Does the steps from `from` on. `turn` is awaited between two batches; `wantsCheckpoint` is looked at there.
   * Throws DEVICE_LOST, DEVICE_FAILED, and what `turn` throws.
   */
  run(
    from: number,
    parts: ShaderEvents & {
      clock: Pick<Clock, 'elapsed'>
      turn: () => Promise<void>
      wantsCheckpoint: () => boolean
    },
  ): Promise<void>
}

/**
 * Compiles a shader and makes its buffers. Throws JOB_SPEC_INVALID with the compiler's messages, OUT_OF_MEMORY,
 * DEVICE_LOST, DEVICE_FAILED.
 */
export async function openProgram(
  device: GpuDevice,
  { spec, code, sizes }: { spec: ShaderSpec; code: string; sizes: readonly number[] },
): Promise<ShaderProgram> {
  const health = watchHealth(device)
  const { layout, pipelines } = await compile(device, spec, code)
  const name = nameProgram(spec, code, sizes)
  const make = (size: number, usage: number) => device.createBuffer({ size, usage })
  device.pushErrorScope('out-of-memory')
  const { storage, uniform, copySource, copyTarget, mapRead } = BUFFER_USAGE
  const buffers = sizes.map((size) => make(size, storage | copySource | copyTarget))
  const uniforms = make(align(encodeUniforms(spec, 0).length, 16), uniform | copyTarget)
  const staging = make(Math.min(STAGING_BYTES, Math.max(...sizes)), mapRead | copyTarget)
  const shortage = await device.popErrorScope()
  if (shortage !== null) throw outOfMemory(shortage.message)
  await health.settle()
  const group = device.createBindGroup({
    layout,
    entries: [...buffers, uniforms].map((buffer, binding) => ({ binding, resource: { buffer } })),
  })

  const submit = (step: number) => {
    device.queue.writeBuffer(uniforms, 0, encodeUniforms(spec, step))
    const encoder = device.createCommandEncoder()
    const commands = encoder.beginComputePass()
    commands.setBindGroup(0, group)
    for (const [at, { workgroups, repeat }] of spec.passes.entries()) {
      commands.setPipeline(pipelines[at]!)
      // Each dispatch sees what the one before it has written.
      for (let time = 0; time < repeat; time++) commands.dispatchWorkgroups(...dimensions(workgroups))
    }
    commands.end()
    device.queue.submit([encoder.finish()])
  }
  const read = async (buffer: number, offset: number, length: number): Promise<Uint8Array> => {
    const bytes = new Uint8Array(length)
    for (let at = 0; at < length; at += STAGING_BYTES) {
      const size = Math.min(STAGING_BYTES, length - at)
      bytes.set(await copyOut(device, buffers[buffer]!, staging, offset + at, size), at)
    }
    await health.settle()
    return bytes
  }
  const capture = async (step: number, onAlive: () => void): Promise<Uint8Array> => {
    const state: Uint8Array[] = []
    for (const [at, { usage }] of spec.buffers.entries()) {
      if (usage === 'state') state.push(await read(at, 0, sizes[at]!))
      onAlive()
    }
    return encodeCheckpoint(name, step, state)
  }

  return {
    write: (buffer, offset, bytes) => device.queue.writeBuffer(buffers[buffer]!, offset, bytes),
    read,
    run: async (from, { clock, turn, wantsCheckpoint, onProgress, onCheckpoint, onAlive }) => {
      const { steps, checkpointSteps = Number.POSITIVE_INFINITY } = spec
      let batch = 1
      for (let step = from; step < steps; ) {
        await turn()
        const startedAt = clock.elapsed()
        const due = (Math.floor(step / checkpointSteps) + 1) * checkpointSteps
        const end = Math.min(step + batch, steps, due)
        for (; step < end; step++) {
          submit(step)
          void device.queue.onSubmittedWorkDone().then(onAlive, () => {})
        }
        await health.settle()
        const ms = clock.elapsed() - startedAt
        if (ms < SHORT_BATCH_MS) batch = Math.min(2 * batch, MAX_BATCH_STEPS)
        else if (ms > LONG_BATCH_MS) batch = Math.max(1, Math.floor(batch / 2))
        onProgress(step)
        const isDue = step % checkpointSteps === 0
        if ((isDue || wantsCheckpoint()) && step < steps) onCheckpoint(step, await capture(step, onAlive))
      }
    },
  }
}

async function compile(device: GpuDevice, spec: ShaderSpec, code: string) {
  device.pushErrorScope('validation')
  const module = device.createShaderModule({ code: `${code}\n${declareBindings(spec)}` })
  const [messages, refused] = await Promise.all([readMessages(module, code), device.popErrorScope()])
  if (messages.length > 0) throw invalidShader(messages)
  if (refused !== null) throw invalidShader([firstLine(refused.message)])
  device.pushErrorScope('validation')
  const layout = device.createBindGroupLayout({
    entries: [
      ...spec.buffers.map(({ usage }) => (usage === 'in' ? 'read-only-storage' : 'storage')),
      'uniform',
    ].map((type, binding) => ({ binding, visibility: IN_COMPUTE, buffer: { type } })),
  })
  const whole = device.createPipelineLayout({ bindGroupLayouts: [layout] })
  const issues: string[] = []
  const pipelines: object[] = []
  for (const [at, { entry: entryPoint }] of spec.passes.entries()) {
    await device.createComputePipelineAsync({ layout: whole, compute: { module, entryPoint } }).then(
      (pipeline) => pipelines.push(pipeline),
      (error) => issues.push(`passes.${at}.entry: ${firstLine((error as Error).message)}`),
    )
  }
  const unfit = await device.popErrorScope()
  if (issues.length > 0) throw invalidShader(issues)
  if (unfit !== null) throw invalidShader([firstLine(unfit.message)])
  return { layout, pipelines }
}

/** Errors only, as `shader:line:column: text` of the renter's own lines. */
async function readMessages(module: GpuShaderModule, code: string): Promise<string[]> {
  const { messages } = await module.getCompilationInfo()
  const lines = code.split('\n').length
  return messages
    .filter(({ type }) => type === 'error')
    .slice(0, MAX_MESSAGES)
    .map(({ lineNum, linePos, message }) => {
      const isOwn = lineNum > lines
      const place = isOwn
        ? 'the declarations made from `buffers` and `uniforms`'
        : `shader:${lineNum}:${linePos}`
      return `${place}: ${firstLine(message)}`
    })
}

function firstLine(text: string): string {
  return (text.split('\n')[0] ?? '').slice(0, 300)
}

async function copyOut(
  device: GpuDevice,
  from: GpuBuffer,
  staging: GpuBuffer,
  offset: number,
  size: number,
): Promise<Uint8Array> {
  const encoder = device.createCommandEncoder()
  encoder.copyBufferToBuffer(from, offset, staging, 0, size)
  device.queue.submit([encoder.finish()])
  try {
    await staging.mapAsync(MAP_READ, 0, size)
  } catch (cause) {
    throw new NightshiftError('DEVICE_LOST', 'the graphics device went away while it was read', {
      advice: 'the job can go on elsewhere from its last checkpoint; the next job gets a new device',
      cause,
    })
  }
  const bytes = new Uint8Array(staging.getMappedRange(0, size).slice(0))
  staging.unmap()
  return bytes
}

function align(bytes: number, to: number): number {
  return Math.ceil(bytes / to) * to
}

function outOfMemory(message: string): NightshiftError {
  return new NightshiftError(
    'OUT_OF_MEMORY',
    `the device has no room for the buffers: ${firstLine(message)}`,
    {
      advice: 'declare smaller buffers, or ask for a device with more memory',
    },
  )
}
