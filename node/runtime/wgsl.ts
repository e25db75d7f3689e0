import { decodeCheckpoint, nameProgram } from '../../kernels/wgsl/checkpoint.js'
import type { AdapterReport } from '../../kernels/wgsl/messages.js'
import type { ShaderProcess } from '../../kernels/wgsl/process.js'
import {
  checkShader,
  checkShaderLimits,
  invalidShader,
  isKept,
  MAX_SHADER_CHARS,
  type ShaderSpec,
  sizeBuffers,
} from '../../kernels/wgsl/spec.js'
import { unchargedMs } from '../../protocols/challenge/duty.js'
import { NightshiftError } from '../../protocols/errors.js'
import type { Clock } from '../../protocols/ports.js'
import type { Rack, Unit } from '../device/port.js'
import { devicesGone } from '../device/rack.js'
import { createAsking } from './asking.js'
import { readWhole } from './input.js'
import type { InputFile, OutputFile, Run, RunEvent, Runtime } from './port.js'

const NAME = 'wgsl'
const PIECE_BYTES = 16 * 2 ** 20
/** Enough for any binding while a shader is only compiled. */
const LEAST_BUFFER_BYTES = 16

/** What a host has for shaders. */
export interface ShaderHost {
  readonly report: AdapterReport
  /** All buffers of one job together. */
  readonly memoryBytes: number
  /** A process for one job whose buffers take so many bytes. */
  start(bufferBytes: number): Promise<ShaderProcess>
}

interface Job {
  spec: ShaderSpec
  code: string
  sizes: readonly number[]
}

/** Compute shaders on a WebGPU adapter of this host; each job in a process of its own, with a device of its own. */
export function createWgslRuntime(parts: {
  host: ShaderHost
  rack: Pick<Rack, 'unitsOf'>
  clock: Clock
}): Runtime {
  const { host, rack, clock } = parts
  const judge = (declared: object, inputs: ReadonlyArray<Pick<InputFile, 'name' | 'bytes'>>) => {
    const spec = checkShader(
      { ...declared },
      inputs.map(({ name }) => name),
    )
    const sizes = sizeBuffers(spec, inputs)
    checkShaderLimits(spec, sizes, { ...host.report, memoryBytes: host.memoryBytes })
    return { spec, sizes }
  }
  return {
    name: NAME,
    check: async (declared, inputs) => {
      const { spec, sizes } = judge(declared, inputs)
      if (typeof spec.shader !== 'string') return
      const compiler = await host.start(0)
      try {
        await compiler.open(
          spec,
          spec.shader,
          sizes.map(() => LEAST_BUFFER_BYTES),
        )
      } finally {
        await compiler.stop()
      }
    },
    // Nothing outlives the process of a job, and that ends with this one.
    clean: async () => 0,
    prepare: async ({ id, declared, inputs, from, onEvent }, { signal }) => {
      const job: Job = { ...judge(declared, inputs), code: '' }
      job.code = await readCode(job.spec, inputs)
      const [unit] = rack.unitsOf(Buffer.from(id, 'hex'))
      if (unit === undefined) throw devicesGone()
      const shader = await host.start(job.sizes.reduce((sum, size) => sum + size, 0))
      const stop = () => void shader.stop()
      signal.addEventListener('abort', stop, { once: true })
      try {
        signal.throwIfAborted()
        await shader.open(job.spec, job.code, job.sizes)
        const step = from === undefined ? 0 : await restore(shader, job, from)
        await fill(shader, job.spec, inputs, from !== undefined)
        return createRun({ shader, job, step, unit, clock, onEvent })
      } catch (error) {
        await shader.stop()
        throw error
      } finally {
        signal.removeEventListener('abort', stop)
      }
    },
  }
}

async function readCode({ shader }: ShaderSpec, inputs: readonly InputFile[]): Promise<string> {
  if (typeof shader === 'string') return shader
  const input = inputs.find(({ name }) => name === shader.input)!
  if (input.bytes > MAX_SHADER_CHARS)
    throw invalidShader([`shader: ${input.bytes} bytes of text, at most ${MAX_SHADER_CHARS}`])
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(await readWhole(input))
  } catch {
    throw invalidShader([`shader: the input ${shader.input} is no text in UTF-8`])
  }
}

/** Inputs go to the device piece by piece. What a checkpoint holds is not filled again. */
async function fill(
  shader: ShaderProcess,
  { buffers }: ShaderSpec,
  inputs: readonly InputFile[],
  isRestored: boolean,
): Promise<void> {
  for (const [at, { input, usage }] of buffers.entries()) {
    if (input === undefined || (isRestored && usage === 'state')) continue
    let offset = 0
    for await (const piece of inPieces(inputs.find(({ name }) => name === input)!.read())) {
      await shader.write(at, offset, piece)
      offset += piece.length
    }
  }
}

/** As many bytes at once as may lie between two processes; a device takes them in multiples of four. */
async function* inPieces(data: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  let held: Uint8Array[] = []
  let bytes = 0
  for await (const part of data) {
    for (let at = 0; at < part.length; ) {
      const piece = part.subarray(at, at + PIECE_BYTES - bytes)
      held.push(piece)
      bytes += piece.length
      at += piece.length
      if (bytes < PIECE_BYTES) continue
      yield Buffer.concat(held)
      held = []
      bytes = 0
    }
  }
  if (bytes > 0) yield Buffer.concat(held)
}

/** Resolves to the steps that were done. Throws CHECKPOINT_MALFORMED. */
async function restore(shader: ShaderProcess, { spec, code, sizes }: Job, from: Uint8Array): Promise<number> {
  const places = [...spec.buffers.keys()].filter((at) => spec.buffers[at]!.usage === 'state')
  const expected = {
    name: nameProgram(spec, code, sizes),
    steps: spec.steps,
    sizes: places.map((at) => sizes[at]!),
  }
  const { step, state } = decodeCheckpoint(from, expected)
  for (const [index, at] of places.entries()) {
    const bytes = state[index]!
    for (let offset = 0; offset < bytes.length; offset += PIECE_BYTES) {
      await shader.write(at, offset, bytes.subarray(offset, offset + PIECE_BYTES))
    }
  }
  return step
}

function createRun(parts: {
  shader: ShaderProcess
  job: Job
  /** Where it goes on. */
  step: number
  unit: Pick<Unit, 'provedMs' | 'onProving'>
  clock: Clock
  onEvent: (event: RunEvent) => void
}): Run {
  const { shader, job, step: from, unit, clock } = parts
  const { spec, sizes } = job
  const asking = createAsking(parts.onEvent)
  const hasState = spec.buffers.some(({ usage }) => usage === 'state')
  /** Why it stands still: its owner wants the device, or a proof does. */
  const holders = new Set<'owner' | 'proof'>()
  const provedBefore = unit.provedMs()
  let startedAt = clock.elapsed()
  let pausedAt: number | undefined
  let pausedMs = 0

  const hold = async (by: 'owner' | 'proof') => {
    holders.add(by)
    await shader.pause()
  }
  const release = async (by: 'owner' | 'proof') => {
    holders.delete(by)
    if (holders.size === 0) await shader.resume()
  }
  /** That the process has ended, whoever waits for the run hears. */
  const onProving = (isProving: boolean) => {
    const act = isProving ? hold('proof') : release('proof')
    act.catch(() => {})
  }
  const tellProgress = (step: number) => asking.onEvent({ kind: 'progress', step, steps: spec.steps })

  return {
    start: async () => {
      startedAt = clock.elapsed()
      const stopListening = unit.onProving(onProving)
      const periodMs = (spec.checkpointSeconds ?? 0) * 1_000
      const stopAsking = periodMs > 0 && hasState ? clock.every(periodMs, asking.ask) : () => {}
      asking.onAskable(() => void shader.askCheckpoint().catch(() => {}))
      asking.onEvent({ kind: 'log', line: describe(job, from) })
      try {
        await shader.run(from, {
          onProgress: tellProgress,
          onCheckpoint: (step, bytes) => asking.onEvent({ kind: 'checkpoint', step, bytes }),
        })
        tellProgress(spec.steps)
        return listOutputs(shader, spec, sizes)
      } finally {
        stopListening()
        stopAsking()
        asking.end()
      }
    },
    idleMs: () => {
      const standing = pausedMs + (pausedAt === undefined ? 0 : clock.elapsed() - pausedAt)
      return standing + unchargedMs(unit.provedMs() - provedBefore, clock.elapsed() - startedAt)
    },
    checkpoint: async () => {
      if (hasState) return asking.answer()
      throw new NightshiftError('NO_CHECKPOINTS', 'the shader has no buffer that is `state`', {
        advice: 'declare what lives from step to step as `state`',
      })
    },
    pause: async () => {
      await hold('owner')
      pausedAt ??= clock.elapsed()
    },
    resume: async () => {
      pausedMs += pausedAt === undefined ? 0 : clock.elapsed() - pausedAt
      pausedAt = undefined
      await release('owner')
    },
    stop: () => shader.stop(),
    close: () => shader.stop(),
  }
}

function describe({ spec, sizes }: Job, from: number): string {
  const bytes = sizes.reduce((sum, size) => sum + size, 0)
  const dispatches = spec.passes.reduce((sum, { repeat }) => sum + repeat, 0)
  return `shader: steps ${from + 1} to ${spec.steps} of ${dispatches} dispatches, ${bytes} bytes in ${sizes.length} buffers`
}

/** Read from the device when they are asked for, so that they never lie whole in this process. */
function listOutputs(shader: ShaderProcess, { buffers }: ShaderSpec, sizes: readonly number[]): OutputFile[] {
  return buffers.flatMap((buffer, at) => {
    if (!isKept(buffer)) return []
    const read = async function* () {
      for (let offset = 0; offset < sizes[at]!; offset += PIECE_BYTES) {
        yield await shader.read(at, offset, Math.min(PIECE_BYTES, sizes[at]! - offset))
      }
    }
    return [{ name: `${buffer.name}.bin`, read }]
  })
}
