import { z } from 'zod'
import { NightshiftError } from '../../protocols/errors.js'

/**
 * Declared shader jobs: WGSL source, and around it everything that a host must know before it runs a stranger's shader.
 * Buffers and uniforms are declared here and nowhere else; their bindings are generated (`source.ts`), so that what was
 * judged is what the shader gets.
 */
export const MAX_SHADER_CHARS = 131_072
const MAX_BUFFERS = 16
const MAX_PASSES = 64
/** All dispatches of one step: between two steps a job can be paused, asked for a checkpoint and measured. */
const MAX_DISPATCHES_PER_STEP = 1_024
const MAX_STEPS = 1_000_000_000
/** Of one buffer; 32-bit indices reach no further. */
export const MAX_BUFFER_BYTES = 2 ** 32 - 4
/** A checkpoint travels whole through the memory of both nodes. */
export const MAX_STATE_BYTES = 256 * 2 ** 20

/** Bytes of one element; all multiples of four, so that nothing of a buffer is padding. */
const STRIDES = {
  f32: 4,
  i32: 4,
  u32: 4,
  'atomic<i32>': 4,
  'atomic<u32>': 4,
  vec2f: 8,
  vec2i: 8,
  vec2u: 8,
  vec4f: 16,
  vec4i: 16,
  vec4u: 16,
} as const
const ELEMENT_TYPES = Object.keys(STRIDES) as [keyof typeof STRIDES]

/** Names of ours that the generated declarations use. */
const TAKEN: readonly string[] = ['uniforms', 'Uniforms']
const OWN_UNIFORMS: readonly string[] = ['step', 'steps']

const count = (most: number) => z.int().min(1).max(most)
const name = z
  .string()
  .regex(/^[A-Za-z][A-Za-z0-9_]{0,62}$/, { error: 'a WGSL identifier, at most 63 characters' })
const inputName = z.string().min(1).max(128)

const buffer = z.strictObject({
  name: name.refine((text) => !TAKEN.includes(text), { error: `another name than ${TAKEN.join(', ')}` }),
  /**
   * `in` is read by the shader and filled from an input; `state` lives from step to step, is in every checkpoint and is
   * handed over at the end; `out` is handed over at the end; `scratch` is neither.
   */
  usage: z.enum(['in', 'out', 'state', 'scratch']),
  type: z.enum(ELEMENT_TYPES),
  /** Elements; left out: as many as the input holds. */
  length: count(2 ** 30).optional(),
  /** The input whose bytes it begins with, little-endian; without one it begins as zeros. */
  input: inputName.optional(),
})

const pass = z.strictObject({
  entry: name,
  workgroups: z.union([
    count(2 ** 31),
    z
      .array(count(2 ** 31))
      .min(1)
      .max(3),
  ]),
  /** How often it is dispatched in each step. */
  repeat: count(MAX_DISPATCHES_PER_STEP).default(1),
})

const uniform = z
  .strictObject({ type: z.enum(['f32', 'i32', 'u32']), value: z.number() })
  .refine(({ type, value }) => fits(type, value), { error: 'a value that fits its type' })

function fits(type: 'f32' | 'i32' | 'u32', value: number): boolean {
  if (type === 'f32') return Number.isFinite(Math.fround(value))
  if (type === 'i32') return value === (value | 0)
  return value === value >>> 0
}

const shaderSpec = z
  .strictObject({
    /** WGSL, or the input that holds it. */
    shader: z.union([z.string().min(1).max(MAX_SHADER_CHARS), z.strictObject({ input: inputName })]),
    buffers: z.array(buffer).min(1).max(MAX_BUFFERS),
    /** What the shader reads as `uniforms.<name>`. */
    uniforms: z
      .record(
        name.refine((text) => !OWN_UNIFORMS.includes(text), { error: 'step and steps are there already' }),
        uniform,
      )
      .refine((uniforms) => Object.keys(uniforms).length <= 64, { error: 'at most 64 uniforms' })
      .default({}),
    passes: z.array(pass).min(1).max(MAX_PASSES),
    steps: count(MAX_STEPS).default(1),
    checkpointSteps: count(MAX_STEPS).optional(),
    checkpointSeconds: count(86_400).optional(),
  })
  .superRefine(({ buffers, passes }, context) => {
    const complain = (path: (string | number)[], message: string) =>
      context.addIssue({ code: 'custom', path, message })
    for (const [at, each] of buffers.entries()) {
      if (buffers.findIndex((other) => other.name === each.name) < at)
        complain(['buffers', at, 'name'], `a second buffer named ${each.name}`)
      if (each.usage === 'in' && each.input === undefined)
        complain(['buffers', at, 'input'], 'a buffer that is `in` needs an input')
      if (each.usage === 'in' && each.type.startsWith('atomic'))
        complain(['buffers', at, 'type'], 'the shader only reads it, so it needs no atomics')
      if (each.length === undefined && each.input === undefined)
        complain(['buffers', at, 'length'], 'elements are needed where no input tells how many there are')
      if ((each.length ?? 0) * STRIDES[each.type] > MAX_BUFFER_BYTES)
        complain(['buffers', at, 'length'], `at most ${MAX_BUFFER_BYTES} bytes`)
    }
    const dispatches = passes.reduce((sum, { repeat }) => sum + repeat, 0)
    if (dispatches > MAX_DISPATCHES_PER_STEP)
      complain(
        ['passes'],
        `${dispatches} dispatches in a step, at most ${MAX_DISPATCHES_PER_STEP}; use more steps`,
      )
    if (!buffers.some(isKept))
      complain(['buffers'], 'no buffer is `out` or `state`, so nothing would come back')
  })

export type ShaderSpec = z.output<typeof shaderSpec>
export type BufferSpec = ShaderSpec['buffers'][number]

/** What of a device bounds a job. Sizes in bytes. */
export interface ShaderLimits {
  /** All buffers together. */
  memoryBytes: number
  bufferBytes: number
  buffers: number
  workgroupsPerDimension: number
}

/** Handed to the renter at the end. */
export function isKept({ usage }: Pick<BufferSpec, 'usage'>): boolean {
  return usage === 'out' || usage === 'state'
}

/** Throws JOB_SPEC_INVALID with one line for each wrong field; defaults are filled in. */
export function parseShaderSpec(value: unknown): ShaderSpec {
  const result = shaderSpec.safeParse(value)
  if (result.success) return result.data
  throw invalidShader(
    result.error.issues.map(({ path, message }) =>
      path.length === 0 ? message : `${path.join('.')}: ${message}`,
    ),
  )
}

/** The same for a job whose inputs are known by their names. */
export function checkShader(value: unknown, inputNames: readonly string[]): ShaderSpec {
  const spec = parseShaderSpec(value)
  const issues: string[] = []
  const require = (path: string, input: string | undefined) => {
    if (input !== undefined && !inputNames.includes(input)) issues.push(`${path}: no input is named ${input}`)
  }
  if (typeof spec.shader !== 'string') require('shader.input', spec.shader.input)
  for (const [at, { input }] of spec.buffers.entries()) require(`buffers.${at}.input`, input)
  if (issues.length > 0) throw invalidShader(issues)
  return spec
}

/** The bytes of each buffer, in their order, of inputs whose sizes are known. Throws JOB_SPEC_INVALID. */
export function sizeBuffers(
  { buffers }: ShaderSpec,
  inputs: ReadonlyArray<{ readonly name: string; readonly bytes: number }>,
): number[] {
  const issues: string[] = []
  const sizes = buffers.map(({ type, length, input }, at) => {
    const stride = STRIDES[type]
    const bytes = inputs.find((each) => each.name === input)?.bytes ?? 0
    if (bytes % stride !== 0)
      issues.push(`buffers.${at}.input: ${bytes} bytes are no whole number of ${type} (${stride} bytes each)`)
    const size = length === undefined ? bytes : length * stride
    if (bytes > size) issues.push(`buffers.${at}.input: ${bytes} bytes do not fit into ${size}`)
    if (size === 0) issues.push(`buffers.${at}.input: it is empty`)
    return size
  })
  if (issues.length > 0) throw invalidShader(issues)
  return sizes
}

/** Bytes that all buffers take at least, of inputs whose sizes are not known yet. */
export function leastBytes({ buffers }: ShaderSpec): number {
  return buffers.reduce((sum, { type, length = 1 }) => sum + length * STRIDES[type], 0)
}

/** Throws LIMIT_EXCEEDED with everything that the job wants more of than the device gives. */
export function checkShaderLimits(spec: ShaderSpec, sizes: readonly number[], limits: ShaderLimits): void {
  const over: string[] = []
  const compare = (what: string, wants: number, gives: number) => {
    if (wants > gives) over.push(`${what} ${wants} > ${gives}`)
  }
  const sum = (bytes: readonly number[]) => bytes.reduce((total, each) => total + each, 0)
  const state = sizes.filter((_, at) => spec.buffers[at]?.usage === 'state')
  compare('memory', sum(sizes), limits.memoryBytes)
  compare('state', sum(state), MAX_STATE_BYTES)
  compare('buffers', sizes.length, limits.buffers)
  for (const [at, bytes] of sizes.entries()) compare(`buffers.${at}`, bytes, limits.bufferBytes)
  for (const [at, { workgroups }] of spec.passes.entries()) {
    compare(`passes.${at}.workgroups`, Math.max(...dimensions(workgroups)), limits.workgroupsPerDimension)
  }
  if (over.length === 0) return
  throw new NightshiftError(
    'LIMIT_EXCEEDED',
    `the shader wants more than this device gives: ${over.join('; ')}`,
    {
      advice: 'declare less in the manifest’s `job`, or ask for a provider with more memory',
      context: { over },
    },
  )
}

/** Workgroups in x, y and z. */
export function dimensions(workgroups: ShaderSpec['passes'][number]['workgroups']): [number, number, number] {
  const [x = 1, y = 1, z = 1] = typeof workgroups === 'number' ? [workgroups] : workgroups
  return [x, y, z]
}

export function invalidShader(issues: readonly string[]): NightshiftError {
  return new NightshiftError('JOB_SPEC_INVALID', `the shader job is not valid: ${issues.join('; ')}`, {
    advice: 'correct the named fields of the manifest’s `job`; node/runtime/README.md lists all of them',
    context: { issues: [...issues] },
  })
}
