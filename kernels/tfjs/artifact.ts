import { z } from 'zod'
import { NightshiftError } from '../../protocols/errors.js'
import { inferShape } from './shape.js'
import { MAX_WEIGHTS, type ModelSpec, modelSpec } from './spec.js'

/**
 * A trained model or a checkpoint in one file: "NSMODEL1", the header's length (32-bit little-endian), the header as
 * JSON, then all weights as float32 little-endian in the header's order, and nothing after. The header holds our own
 * ModelSpec, never tfjs's topology format: whoever reads it builds the model from the allow-list of layers.
 */
const MAGIC = new TextEncoder().encode('NSMODEL1')
const PREFIX_BYTES = MAGIC.length + 4
const MAX_HEADER_BYTES = 2 ** 20
/** Adam keeps two values per weight besides the weight itself, and its step count. */
const STATE_COPIES = 2

const shape = z.array(z.int().min(0).max(MAX_WEIGHTS)).max(4)
const tensor = z.strictObject({ name: z.string().min(1).max(200), shape })
const header = z.strictObject({
  kind: z.enum(['model', 'checkpoint']),
  model: modelSpec,
  /** Steps that were done. */
  step: z
    .int()
    .min(0)
    .max(2 ** 48),
  weights: z.array(tensor).max(1_024),
  /** The optimizer's state, in checkpoints only. */
  state: z.array(tensor).max(4_096),
})

export interface NamedTensor {
  readonly name: string
  readonly shape: readonly number[]
  readonly values: Float32Array
}

export interface Artifact {
  readonly kind: 'model' | 'checkpoint'
  readonly model: ModelSpec
  readonly step: number
  readonly weights: readonly NamedTensor[]
  readonly state: readonly NamedTensor[]
}

function malformed(message: string): NightshiftError {
  return new NightshiftError('MODEL_MALFORMED', `the model file is malformed: ${message}`, {
    advice: 'Do not use it. If a provider sent it as the result, refuse the result.',
  })
}

export function encodeArtifact(artifact: Artifact): Uint8Array {
  const describe = (tensors: readonly NamedTensor[]) =>
    tensors.map(({ name, shape }) => ({ name, shape: [...shape] }))
  const { kind, model, step } = artifact
  const text = new TextEncoder().encode(
    JSON.stringify({
      kind,
      model,
      step,
      weights: describe(artifact.weights),
      state: describe(artifact.state),
    }),
  )
  const tensors = [...artifact.weights, ...artifact.state]
  const values = tensors.reduce((sum, { values }) => sum + values.length, 0)
  const bytes = new Uint8Array(PREFIX_BYTES + text.length + 4 * values)
  const view = new DataView(bytes.buffer)
  bytes.set(MAGIC, 0)
  view.setUint32(MAGIC.length, text.length, true)
  bytes.set(text, PREFIX_BYTES)
  let at = PREFIX_BYTES + text.length
  for (const { values } of tensors) {
    for (const value of values) {
      view.setFloat32(at, value, true)
      at += 4
    }
  }
  return bytes
}

/** Strict: every length is checked before anything is allocated. Throws MODEL_MALFORMED. */
export function decodeArtifact(bytes: Uint8Array): Artifact {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  if (bytes.length < PREFIX_BYTES || MAGIC.some((byte, at) => bytes[at] !== byte)) {
    throw malformed('it does not begin with NSMODEL1')
  }
  const headerBytes = view.getUint32(MAGIC.length, true)
  if (headerBytes > MAX_HEADER_BYTES || PREFIX_BYTES + headerBytes > bytes.length) {
    throw malformed(`its header is said to be ${headerBytes} bytes`)
  }
  const parsed = parseHeader(bytes.subarray(PREFIX_BYTES, PREFIX_BYTES + headerBytes))
  const { weights: most } = inferShape(parsed.model)
  const count = (tensors: readonly { shape: readonly number[] }[]) =>
    tensors.reduce((sum, { shape }) => sum + shape.reduce((product, length) => product * length, 1), 0)
  const weights = count(parsed.weights)
  const state = count(parsed.state)
  if (weights !== most) throw malformed(`the model has ${most} weights, the file ${weights}`)
  if (state > STATE_COPIES * most + parsed.state.length) throw malformed(`${state} values of optimizer state`)
  const at = PREFIX_BYTES + headerBytes
  if (bytes.length !== at + 4 * (weights + state)) {
    throw malformed(`it is ${bytes.length} bytes long, not ${at + 4 * (weights + state)}`)
  }
  const read = createReader(view, at)
  return { ...parsed, weights: parsed.weights.map(read), state: parsed.state.map(read) }
}

function parseHeader(bytes: Uint8Array): z.output<typeof header> {
  let json: unknown
  try {
    json = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes))
  } catch {
    throw malformed('its header is not JSON')
  }
  const result = header.safeParse(json)
  if (!result.success) throw malformed(`its header: ${result.error.issues[0]?.message}`)
  return result.data
}

function createReader(view: DataView, start: number) {
  let at = start
  return ({ name, shape }: { name: string; shape: readonly number[] }): NamedTensor => {
    const values = new Float32Array(shape.reduce((product, length) => product * length, 1))
    for (let index = 0; index < values.length; index++, at += 4) values[index] = view.getFloat32(at, true)
    return { name, shape, values }
  }
}
