import { createHash } from 'node:crypto'
import { NightshiftError } from '../../protocols/errors.js'
import type { ShaderSpec } from './spec.js'

/**
 * A shader job that stands still: "NSWGSL1\n", the SHA-256 that names the job, the steps that were done (32 bits,
 * little-endian), then the bytes of all `state` buffers in the order of their declaration, and nothing after.
 */
const MAGIC = new TextEncoder().encode('NSWGSL1\n')
const NAME_BYTES = 32
const PREFIX_BYTES = MAGIC.length + NAME_BYTES + 4

/** What a checkpoint must be of: the same text, buffers, uniforms, passes and steps. */
export function nameProgram(spec: ShaderSpec, code: string, sizes: readonly number[]): Uint8Array {
  const { buffers, uniforms, passes, steps } = spec
  const text = JSON.stringify({ code, buffers, uniforms, passes, steps, sizes })
  return new Uint8Array(createHash('sha256').update(text).digest())
}

export function encodeCheckpoint(name: Uint8Array, step: number, state: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(PREFIX_BYTES + state.reduce((sum, { length }) => sum + length, 0))
  bytes.set(MAGIC)
  bytes.set(name, MAGIC.length)
  new DataView(bytes.buffer).setUint32(PREFIX_BYTES - 4, step, true)
  let at = PREFIX_BYTES
  for (const each of state) {
    bytes.set(each, at)
    at += each.length
  }
  return bytes
}

/**
 * Reads what a stranger sent. `sizes`: bytes of each state buffer, in their order; `steps`: of the whole job. Any bytes
 * are a possible state, so more cannot be judged. Throws CHECKPOINT_MALFORMED.
 */
export function decodeCheckpoint(
  bytes: Uint8Array,
  expected: { name: Uint8Array; steps: number; sizes: readonly number[] },
): { step: number; state: Uint8Array[] } {
  const { name, steps, sizes } = expected
  const length = PREFIX_BYTES + sizes.reduce((sum, each) => sum + each, 0)
  if (bytes.length !== length) throw malformed(`${bytes.length} bytes, not ${length}`)
  const equals = (from: number, wanted: Uint8Array) =>
    Buffer.compare(bytes.subarray(from, from + wanted.length), wanted) === 0
  if (!equals(0, MAGIC)) throw malformed('it is no checkpoint of a shader')
  if (!equals(MAGIC.length, name)) throw malformed('it is of another job')
  const step = new DataView(bytes.buffer, bytes.byteOffset).getUint32(PREFIX_BYTES - 4, true)
  if (step >= steps) throw malformed(`it tells of ${step} steps, the job has ${steps}`)
  let at = PREFIX_BYTES
  const state = sizes.map((size) => {
    at += size
    return bytes.subarray(at - size, at)
  })
  return { step, state }
}

function malformed(why: string): NightshiftError {
  return new NightshiftError('CHECKPOINT_MALFORMED', `the checkpoint does not belong to this job: ${why}`, {
    advice: 'start the job without it, or from the one before it',
  })
}
