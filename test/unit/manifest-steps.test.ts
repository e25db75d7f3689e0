import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import * as assert from 'uvu/assert'
import { expandMatrix, namesOf, readRange, substitute } from '../../config/manifest/matrix.js'
import { parseManifest } from '../../config/manifest/parse.js'
import { planWorkflow } from '../../config/manifest/workflow.js'
import type { NightshiftError } from '../../protocols/errors.js'
import { suite } from '../support/suite.js'

const test = suite('steps and matrices')

/** A placeholder, as a manifest has it. */
const hole = (inner: string) => ['$', `{{ ${inner} }}`].join('')

const OPTIONS = {
  decimals: 6,
  defaults: { commitMs: 500, revealMs: 400, challenge: { n: 256, rounds: 2, openings: 66, random: false } },
}

/** Services in flow style, by their names; each has a job that names nothing else. */
function write(services: Record<string, string>, pricing = 'max_price_per_hour: 1'): string {
  return [
    'version: "2.0"',
    'services:',
    ...Object.entries(services).map(
      ([name, rest]) =>
        `  ${name}: { runtime: container${rest.includes('job:') ? '' : ', job: {}'}${rest && `, ${rest}`} }`,
    ),
    'profiles: { compute: { p: { resources: { memory: { size: 1Gi } } } } }',
    `pricing: { ${pricing} }`,
    '',
  ].join('\n')
}

function plan(text: string) {
  return planWorkflow(parseManifest(text, 'job.yaml'), 'job', OPTIONS)
}

function errorsOf(text: string): string {
  try {
    plan(text)
    return ''
  } catch (error) {
    return (error as NightshiftError).message
  }
}

test('steps stand after those that they depend on, by name or by an input', () => {
  const { steps } = plan(
    write({ c: 'inputs: { x: { from: b, output: y } }', b: 'depends_on: [a]', a: '', d: 'depends_on: a' }),
  )
  assert.equal(
    steps.map(({ name }) => name),
    ['a', 'b', 'c', 'd'],
  )
  assert.equal(steps[2]?.parts[0]?.references, [{ input: 'x', step: 'b', output: 'y' }])
})

test('every error of steps is told with its line and column', () => {
  const cases: Array<[Record<string, string>, RegExp]> = [
    [
      { a: 'depends_on: [b]', b: 'depends_on: [a]' },
      /job\.yaml:4:\d+: error: services\.b\.depends_on\.0: a circle: a → b → a/,
    ],
    [{ a: 'depends_on: [a]' }, /:3:\d+: .*a depends on itself/],
    [
      { train: '', b: 'depends_on: [trian]' },
      /:4:\d+: .*no service "trian"; expected train \(did you mean that\?\)/,
    ],
    [{ a: '', b: 'inputs: { x: { from: a } }' }, /output is missing/],
    [{ a: '', b: 'inputs: { x: { from: a, output: y, path: z } }' }, /both path and from/],
    [{ a: '', b: 'inputs: { x: { output: y } }' }, /neither path nor from/],
    [{ a: '', b: 'inputs: { x: { from: a, output: y, part: best } }' }, /a has no matrix/],
    [
      { a: 'matrix: { n: 1..3 }', b: 'inputs: { x: { from: a, output: y, part: best } }' },
      /a does not say what is best/,
    ],
    [
      { a: 'matrix: { n: 1..3 }', b: 'inputs: { x: { from: a, output: y, part: { n: 4 } } }' },
      /not one part of a/,
    ],
    [{ a: 'matrix: { n: 1..40, m: 1..40 }' }, /1600 combinations; expected at most 1024/],
    [{ a: 'matrix: { n: 1..1000000000 }' }, /a list of values, or a range/],
    [{ a: 'matrix: { n: 1..600 }', b: 'matrix: { n: 1..600 }' }, /1200 parts in all/],
    [{ a: 'matrix: { n: [1], exclude: [{ n: 1 }] }' }, /no part is left/],
    [{ a: 'matrix: { n: [1], include: [{ m: 1 }] }' }, /unknown parameter "m"/],
    [{ a: 'matrix: { fail_fast: true }' }, /0 parameters/],
    [
      { a: `matrix: { rate: 1..2 }, job: { x: "${hole('matrix.rat')}" }` },
      /read "\$\{\{ matrix\.rat \}\}"; expected rate \(did you/,
    ],
    [
      { a: `matrix: { rate: 1..2 }, job: { x: "${hole('process.exit()')}" }` },
      /expected \$\{\{ matrix\.rate \}\}/,
    ],
    [{ a: `job: { x: "${hole('matrix.rate')}" }` }, /expected a matrix in this service/],
    [
      { a: `matrix: { p: [/etc/passwd] }, inputs: { x: "${hole('matrix.p')}" }` },
      /read "\/etc\/passwd"; expected a path/,
    ],
  ]
  for (const [services, expected] of cases) assert.match(errorsOf(write(services)), expected)
  assert.match(
    errorsOf(write({ a: '' }, 'max_price_per_hour: 1, max_total: 0.12345678')),
    /at most 6 decimals/,
  )
})

test('a matrix is a product of typed values, less what is excluded and with what is included', () => {
  const { steps, budget } = plan(
    write(
      {
        a: `matrix: { rate: [0.1, 0.01], on: [true, false], exclude: [{ rate: 0.1, on: false }], include: [{ rate: 1, on: true }] },
      job: { rate: "\${{ matrix.rate }}", text: "at \${{matrix.rate}}/\${{ matrix.on }}", list: ["\${{ matrix.on }}"] }, retries: 2`,
      },
      'max_price_per_hour: 1, max_total: 2.5',
    ),
  )
  assert.is(budget, 2_500_000n)
  assert.is(steps[0]?.retries, 2)
  assert.equal(
    steps[0]?.parts.map(({ name, plan: { spec } }) => [name, spec]),
    [
      ['rate=0.1,on=true', { rate: 0.1, text: 'at 0.1/true', list: [true] }],
      ['rate=0.01,on=true', { rate: 0.01, text: 'at 0.01/true', list: [true] }],
      ['rate=0.01,on=false', { rate: 0.01, text: 'at 0.01/false', list: [false] }],
      ['rate=1,on=true', { rate: 1, text: 'at 1/true', list: [true] }],
    ],
  )
  assert.is(steps[0]?.parts[0]?.deposit, 1_000_000n)
})

test('a part can take the output of the part with the same value', () => {
  const { steps } = plan(
    write({
      a: 'matrix: { frame: 1..3 }',
      b: `matrix: { frame: 1..3 }, inputs: { x: { from: a, output: y, part: { frame: "${hole('matrix.frame')}" } } }`,
    }),
  )
  assert.equal(
    steps[1]?.parts.map(({ references }) => references[0]?.part),
    ['frame=1', 'frame=2', 'frame=3'].map((name) => ({ name })),
  )
})

test('names of parts are distinct names of folders', () => {
  assert.equal(namesOf([{ n: 2 }, { n: 10 }]), ['n=02', 'n=10'])
  let checked = 0
  const value = fc.oneof(fc.string(), fc.integer(), fc.double({ noNaN: true }), fc.boolean())
  fc.assert(
    fc.property(fc.array(value, { minLength: 1, maxLength: 12 }), (values) => {
      const parts = expandMatrix({ parameters: { p: values }, include: [], exclude: [] })
      const names = namesOf(parts)
      assert.is(new Set(names).size, parts.length)
      for (const name of names) assert.match(name, /^[A-Za-z][A-Za-z0-9._=,+-]{0,99}$/)
      checked += names.length
    }),
  )
  assert.ok(checked > 0)
})

test('ranges are bounded, and placeholders are replaced once', () => {
  assert.equal(readRange('-1..2'), [-1, 0, 1, 2])
  for (const wrong of ['2..1', '1..', '1..2..3', '1...3', '0..1024', '1.5..3'])
    assert.is(readRange(wrong), undefined)
  assert.is(substitute(`${hole('matrix.a')}`, { a: `${hole('matrix.b')}`, b: 'x' }), `${hole('matrix.b')}`)
})

test('the examples of steps are right', () => {
  for (const [name, parts] of [
    ['pipeline', [1, 1]],
    ['search', [6, 1]],
    ['animation', [24, 1]],
  ] as const) {
    const file = new URL(`../../../config/examples/${name}.yaml`, import.meta.url)
    const parsed = parseManifest(readFileSync(file, 'utf8'), `${name}.yaml`)
    assert.equal(parsed.warnings, [])
    const { steps } = planWorkflow(parsed, name, OPTIONS)
    assert.equal(
      steps.map((step) => step.parts.length),
      parts,
    )
  }
})

test.run()
