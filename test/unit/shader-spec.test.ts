import fc from 'fast-check'
import * as assert from 'uvu/assert'
import { decodeCheckpoint, encodeCheckpoint, nameProgram } from '../../kernels/wgsl/checkpoint.js'
import { declareBindings, encodeUniforms } from '../../kernels/wgsl/source.js'
import { checkShader, checkShaderLimits, parseShaderSpec, sizeBuffers } from '../../kernels/wgsl/spec.js'
import { codeOf } from '../../protocols/errors.js'
import { suite } from '../support/suite.js'

const test = suite('declared shader jobs')

const job = {
  shader: '@compute @workgroup_size(1) fn main() {}',
  buffers: [
    { name: 'given', usage: 'in', type: 'vec4f', input: 'data' },
    { name: 'kept', usage: 'state', type: 'f32', length: 8 },
  ],
  uniforms: { dt: { type: 'f32', value: 0.5 }, turn: { type: 'i32', value: -1 } },
  passes: [{ entry: 'main', workgroups: [4, 2], repeat: 3 }],
  steps: 10,
}
const [given, kept] = job.buffers
const LIMITS = { memoryBytes: 1_024, bufferBytes: 512, buffers: 4, workgroupsPerDimension: 16 }

function failure(act: () => unknown): Error {
  try {
    act()
  } catch (error) {
    return error as Error
  }
  throw new Error('nothing was thrown')
}

const WRONG: Array<[string, Record<string, unknown>, RegExp]> = [
  ['no buffers', { buffers: [] }, /buffers/],
  ['nothing that comes back', { buffers: [given] }, /nothing would come back/],
  ['two buffers of one name', { buffers: [kept, kept] }, /buffers\.1\.name: a second buffer named kept/],
  ['a name that is no identifier', { buffers: [{ ...kept, name: 'a;b' }] }, /buffers\.0\.name/],
  ['a name that ours would hide', { buffers: [{ ...kept, name: 'uniforms' }] }, /another name/],
  ['a type of its own', { buffers: [{ ...kept, type: 'mat4x4f' }] }, /buffers\.0\.type/],
  ['no length and no input', { buffers: [{ ...kept, length: undefined }] }, /buffers\.0\.length/],
  [
    'an `in` without an input',
    { buffers: [kept, { ...given, input: undefined, length: 1 }] },
    /buffers\.1\.input/,
  ],
  ['a buffer beyond all devices', { buffers: [{ ...kept, type: 'vec4f', length: 2 ** 30 }] }, /at most/],
  ['a uniform that does not fit', { uniforms: { n: { type: 'u32', value: -1 } } }, /uniforms\.n/],
  ['a uniform that is there already', { uniforms: { step: { type: 'u32', value: 1 } } }, /uniforms/],
  ['no passes', { passes: [] }, /passes/],
  ['workgroups of nothing', { passes: [{ entry: 'main', workgroups: 0 }] }, /workgroups/],
  ['a fourth dimension', { passes: [{ entry: 'main', workgroups: [1, 1, 1, 1] }] }, /workgroups/],
  [
    'more dispatches in a step than can be paused',
    { passes: [1, 2].map(() => ({ entry: 'main', workgroups: 1, repeat: 1_000 })) },
    /2000 dispatches/,
  ],
  ['steps without end', { steps: 1e12 }, /steps/],
  ['an unknown key', { extensions: ['f16'] }, /extensions/],
]
for (const [what, change, said] of WRONG) {
  test(`a shader job with ${what} is refused, naming the field`, () => {
    const error = failure(() => parseShaderSpec({ ...job, ...change }))
    assert.is(codeOf(error), 'JOB_SPEC_INVALID')
    assert.match(error.message, said)
  })
}

test('inputs are there by their names', () => {
  checkShader(job, ['data'])
  const error = failure(() => checkShader({ ...job, shader: { input: 'code' } }, ['other']))
  assert.match(error.message, 'shader.input: no input is named code; buffers.0.input: no input is named data')
})

test('sizes follow from lengths and inputs, and what does not fit is named', () => {
  const spec = parseShaderSpec(job)
  assert.equal(sizeBuffers(spec, [{ name: 'data', bytes: 64 }]), [64, 32])
  const odd = failure(() => sizeBuffers(spec, [{ name: 'data', bytes: 65 }]))
  assert.match(odd.message, 'buffers.0.input: 65 bytes are no whole number of vec4f')
  const started = parseShaderSpec({ ...job, buffers: [{ ...kept, input: 'data' }] })
  assert.equal(sizeBuffers(started, [{ name: 'data', bytes: 8 }]), [32])
  const long = failure(() => sizeBuffers(started, [{ name: 'data', bytes: 36 }]))
  assert.match(long.message, '36 bytes do not fit into 32')
})

test('what the device gives less of is refused, all of it at once', () => {
  const spec = parseShaderSpec({ ...job, passes: [{ entry: 'main', workgroups: [1, 17] }] })
  checkShaderLimits(parseShaderSpec(job), [64, 32], LIMITS)
  const error = failure(() => checkShaderLimits(spec, [1_000, 32], LIMITS))
  assert.is(codeOf(error), 'LIMIT_EXCEEDED')
  assert.match(error.message, /memory 1032 > 1024; buffers\.0 1000 > 512; passes\.0\.workgroups 17 > 16/)
  const large = 300 * 2 ** 20
  const roomy = { ...LIMITS, memoryBytes: 2 ** 40, bufferBytes: 2 ** 40 }
  const state = failure(() => checkShaderLimits(parseShaderSpec(job), [64, large], roomy))
  assert.match(state.message, `state ${large} >`)
})

test('bindings and the bytes of uniforms are those of the declaration', () => {
  const spec = parseShaderSpec(job)
  assert.is(
    declareBindings(spec),
    `@group(0) @binding(0) var<storage, read> given: array<vec4f>;
@group(0) @binding(1) var<storage, read_write> kept: array<f32>;
struct Uniforms { step: u32, steps: u32, dt: f32, turn: i32 }
@group(0) @binding(2) var<uniform> uniforms: Uniforms;
`,
  )
  const bytes = Buffer.from(encodeUniforms(spec, 7))
  const read = [bytes.readUInt32LE(0), bytes.readUInt32LE(4), bytes.readFloatLE(8), bytes.readInt32LE(12)]
  assert.equal(read, [7, 10, 0.5, -1])
})

test('a checkpoint comes back as it was, and one that was changed anywhere else than in its state is refused', () => {
  const spec = parseShaderSpec(job)
  const name = nameProgram(spec, 'code', [64, 32])
  const expected = { name, steps: 10, sizes: [32] }
  fc.assert(
    fc.property(
      fc.uint8Array({ minLength: 32, maxLength: 32 }),
      fc.nat(9),
      fc.nat(40),
      fc.integer({ min: 1, max: 255 }),
      (state, step, at, flip) => {
        const bytes = encodeCheckpoint(name, step, [state])
        const decoded = decodeCheckpoint(bytes, expected)
        assert.is(decoded.step, step)
        assert.equal(Buffer.from(decoded.state[0]!), Buffer.from(state))
        const changed = Uint8Array.from(bytes)
        changed[Math.min(at, 39)]! ^= flip
        assert.is(codeOf(failure(() => decodeCheckpoint(changed, expected))), 'CHECKPOINT_MALFORMED')
        const cut = bytes.subarray(0, bytes.length - 1)
        assert.is(codeOf(failure(() => decodeCheckpoint(cut, expected))), 'CHECKPOINT_MALFORMED')
      },
    ),
  )
  const late = encodeCheckpoint(name, 10, [new Uint8Array(32)])
  assert.is(codeOf(failure(() => decodeCheckpoint(late, expected))), 'CHECKPOINT_MALFORMED')
  const names = [
    nameProgram(spec, 'other', [64, 32]),
    nameProgram({ ...spec, steps: 11 }, 'code', [64, 32]),
    nameProgram(spec, 'code', [128, 32]),
  ]
  for (const other of names) assert.is.not(Buffer.compare(name, other), 0)
})

test.run()
