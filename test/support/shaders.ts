import { type ShaderProcess, startShaderProcess } from '../../kernels/wgsl/process.js'
import type { Unit } from '../../node/device/port.js'
import type { InputFile, RunEvent, Runtime } from '../../node/runtime/port.js'
import { createWgslRuntime, type ShaderHost } from '../../node/runtime/wgsl.js'
import { systemClock } from '../../node/system/clock.js'
import { silentLog } from '../../node/system/log.js'
import { bytesOf } from './engines.js'

const MIB = 2 ** 20

export function startTestShader(
  options: { stepMs?: number; memoryBytes?: number } = {},
): Promise<ShaderProcess> {
  return startShaderProcess({
    clock: systemClock,
    log: silentLog,
    stepMs: 20_000,
    memoryBytes: 2_048 * MIB,
    ...options,
  })
}

/** A runtime on the adapter that is here, for one lease after the other. */
export async function openTestRuntime(options: { stepMs?: number } = {}) {
  const probe = await startTestShader()
  await probe.stop()
  const pids: number[] = []
  const host: ShaderHost = {
    report: probe.report,
    memoryBytes: 512 * MIB,
    start: async () => {
      const shader = await startTestShader(options)
      pids.push(shader.pid)
      return shader
    },
  }
  const listeners = new Set<(isProving: boolean) => void>()
  const unit = {
    provedMs: () => 0,
    onProving: (listen: (isProving: boolean) => void) => {
      listeners.add(listen)
      return () => void listeners.delete(listen)
    },
  } as unknown as Unit
  const runtime: Runtime = createWgslRuntime({ host, rack: { unitsOf: () => [unit] }, clock: systemClock })
  const prove = (isProving: boolean) => {
    for (const listen of listeners) listen(isProving)
  }
  return { runtime, pids, prove }
}

export function fileOf(name: string, bytes: Uint8Array): InputFile {
  return {
    name,
    bytes: bytes.length,
    read: async function* () {
      yield bytes
    },
  }
}

export async function prepareShader(
  runtime: Runtime,
  declared: Record<string, unknown>,
  inputs: readonly InputFile[] = [],
  from?: Uint8Array,
) {
  const events: RunEvent[] = []
  const run = await runtime.prepare(
    {
      id: '0'.repeat(64),
      declared,
      inputs,
      devices: [0],
      ...(from === undefined ? {} : { from }),
      onEvent: (event) => events.push(event),
    },
    { signal: new AbortController().signal },
  )
  return { run, events }
}

/** Runs a job to its end; resolves to its outputs by their names. */
export async function executeShader(...job: Parameters<typeof prepareShader>) {
  const { run, events } = await prepareShader(...job)
  try {
    const outputs: Record<string, Buffer> = {}
    for (const file of await run.start()) outputs[file.name] = await bytesOf(file.read())
    return { outputs, events }
  } finally {
    await run.close()
  }
}

export const floatsOf = (bytes: Uint8Array) =>
  new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength))
export const wordsOf = (bytes: Uint8Array) =>
  new Uint32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength))
