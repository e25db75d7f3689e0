import { gzipSync } from 'node:zlib'
import fc from 'fast-check'
import * as assert from 'uvu/assert'
import { decodeArtifact, encodeArtifact } from '../../kernels/tfjs/artifact.js'
import { parseDataset, splitCsv } from '../../kernels/tfjs/dataset.js'
import { inferShape } from '../../kernels/tfjs/shape.js'
import { createSeededRandom, shuffledIndices } from '../../kernels/tfjs/shuffle.js'
import {
  type DatasetSpec,
  type ModelSpec,
  parsePredictSpec,
  parseTrainSpec,
} from '../../kernels/tfjs/spec.js'
import { codeOf } from '../../protocols/errors.js'
import { digitsSpec, repositoryFile } from '../support/kernels.js'
import { suite } from '../support/suite.js'

const test = suite('declared jobs')
const digits = repositoryFile('config/data/digits.csv.gz')

const csv = (text: string) => new Uint8Array(gzipSync(text))
const dataset = (part: Partial<DatasetSpec> = {}): DatasetSpec => ({
  format: 'csv.gz',
  header: false,
  features: { first: 0, count: 2 },
  scale: 1,
  ...part,
})

function failure(act: () => unknown): Error {
  try {
    act()
  } catch (error) {
    return error as Error
  }
  throw new Error('nothing was thrown')
}

const WRONG_SPECS: [string, object, RegExp][] = [
  ['no layers', { model: { input: [64], layers: [] } }, /model\.layers/],
  [
    'a layer that is not on the list',
    { model: { input: [64], layers: [{ type: 'lambda' }] } },
    /model\.layers\.0\.type/,
  ],
  ['an unknown field', { model: { input: [64], layers: [{ type: 'dense', units: 10, code: 'x' }] } }, /code/],
  ['too many units', { model: { input: [64], layers: [{ type: 'dense', units: 1e9 }] } }, /units/],
  ['a negative epoch count', { epochs: -1 }, /epochs/],
  ['a batch of nothing', { batchSize: 0 }, /batchSize/],
  ['a learning rate of zero', { optimizer: { type: 'adam', learningRate: 0 } }, /learningRate/],
  ['an unknown optimizer', { optimizer: { type: 'lion' } }, /optimizer\.type/],
  [
    'columns that do not fill the input',
    { dataset: { ...digitsSpec.dataset, features: { count: 63 } } },
    /64 values.*63 columns/,
  ],
  ['no label', { dataset: { ...digitsSpec.dataset, label: undefined } }, /label/],
  ['no classes', { dataset: { ...digitsSpec.dataset, classes: undefined } }, /classes/],
]

for (const [what, part, message] of WRONG_SPECS) {
  test(`a training spec with ${what} is refused, naming the field`, () => {
    const error = failure(() => parseTrainSpec({ ...digitsSpec, ...part }))
    assert.is(codeOf(error), 'JOB_SPEC_INVALID')
    assert.match(error.message, message)
  })
}

test('a spec that is no object at all is refused', () => {
  for (const value of [null, undefined, 7, 'x', []]) {
    assert.is(codeOf(failure(() => parseTrainSpec(value))), 'JOB_SPEC_INVALID')
    assert.is(codeOf(failure(() => parsePredictSpec(value))), 'JOB_SPEC_INVALID')
  }
})

test('defaults are filled in', () => {
  const spec = parseTrainSpec({
    model: { input: [2], layers: [{ type: 'dense', units: 2, activation: 'softmax' }] },
    epochs: 1,
    dataset: { format: 'csv.gz', features: { count: 2 }, label: 2, classes: 2 },
  })
  assert.is(spec.optimizer.type, 'adam')
  assert.is(spec.batchSize, 32)
  assert.is(spec.dataset.scale, 1)
})

test('shapes and weights are known before anything is allocated', () => {
  const model = parseTrainSpec({
    ...digitsSpec,
    model: {
      input: [64],
      layers: [
        { type: 'reshape', shape: [8, 8, 1] },
        { type: 'conv2d', filters: 4, kernelSize: 3 },
        { type: 'maxPooling2d' },
        { type: 'batchNormalization' },
        { type: 'flatten' },
        { type: 'dense', units: 10, activation: 'softmax' },
      ],
    },
  }).model
  assert.equal(inferShape(model), {
    output: [10],
    weights: 4 * 9 + 4 + 4 * 4 + 36 * 10 + 10,
    activations: 6 * 6 * 4,
    layerWeights: 370,
  })
})

const WRONG_SHAPES: [string, ModelSpec['layers'], RegExp][] = [
  [
    'a convolution over a row',
    [
      {
        type: 'conv2d',
        filters: 1,
        kernelSize: 3,
        strides: 1,
        padding: 'valid',
        activation: 'linear',
        useBias: true,
      },
    ],
    /layers\.0 \(conv2d\): needs an image/,
  ],
  ['a reshape to another size', [{ type: 'reshape', shape: [3] }], /layers\.0 \(reshape\): cannot turn/],
  [
    'a window larger than the image',
    [
      { type: 'reshape', shape: [8, 8, 1] },
      { type: 'maxPooling2d', poolSize: 9, padding: 'valid' },
    ],
    /layers\.1 .*shrinks/,
  ],
  [
    'more weights than allowed',
    [
      { type: 'dense', units: 16_384, activation: 'linear', useBias: true },
      { type: 'dense', units: 16_384, activation: 'linear', useBias: true },
    ],
    /layers\.1 .*weights/,
  ],
]

for (const [what, layers, message] of WRONG_SHAPES) {
  test(`a model with ${what} is refused, naming the layer`, () => {
    const error = failure(() => inferShape({ input: [64], layers }))
    assert.is(codeOf(error), 'JOB_SPEC_INVALID')
    assert.match(error.message, message)
  })
}

test('a dataset is parsed, scaled and labelled', () => {
  const spec = dataset({ header: true, features: { first: 1, count: 2 }, scale: 0.5, label: 0, classes: 3 })
  const { rows, features, labels } = parseDataset(csv('label,a,b\r\n2,4,6\r\n0,-1,1e2\r\n'), spec)
  assert.is(rows, 2)
  assert.equal([...features], [2, 3, -0.5, 50])
  assert.equal([...labels!], [2, 0])
})

const WRONG_DATA: [string, Uint8Array, Partial<DatasetSpec>, RegExp][] = [
  ['bytes that are not gzip', Uint8Array.of(1, 2, 3), {}, /not gzip/],
  ['a truncated gzip', csv('1,2\n'.repeat(100)).subarray(0, 20), {}, /not gzip/],
  ['no rows', csv(''), {}, /no rows/],
  ['too few columns', csv('1\n'), {}, /1 columns; the spec needs 2/],
  ['a ragged line', csv('1,2\n1,2,3\n'), {}, /line 2 does not have 2 cells/],
  ['a word', csv('1,2\n1,x\n'), {}, /line 2, column 2: "x" is not a number/],
  ['an empty cell', csv('1,\n'), {}, /line 1, column 2/],
  ['infinity', csv('1,Infinity\n'), {}, /is not a number/],
  ['a label that is no class', csv('1,2,3\n'), { label: 2, classes: 3 }, /label 3 is not a class below 3/],
  ['a label between two classes', csv('1,2,0.5\n'), { label: 2, classes: 3 }, /label 0.5/],
]

for (const [what, bytes, part, message] of WRONG_DATA) {
  test(`data with ${what} is refused, naming the place`, () => {
    const error = failure(() => parseDataset(bytes, dataset(part)))
    assert.is(codeOf(error), 'JOB_DATA_INVALID')
    assert.match(error.message, message)
  })
}

test('a small file that inflates without end is stopped at the limit', () => {
  const bomb = new Uint8Array(gzipSync(Buffer.alloc(32 * 2 ** 20, '1,1\n')))
  assert.ok(bomb.length < 100_000)
  const limits = { inflatedBytes: 2 ** 20, rows: 1_000, columns: 10 }
  const error = failure(() => parseDataset(bomb, dataset(), limits))
  assert.match(error.message, /inflates to more than 1048576 bytes/)
  assert.match(failure(() => splitCsv(bomb, { train: 1, seed: 0 }, limits)).message, /inflates/)
})

test('more rows or columns than the limit are refused', () => {
  const limits = { inflatedBytes: 2 ** 20, rows: 3, columns: 3 }
  assert.match(
    failure(() => parseDataset(csv('1,2\n'.repeat(4)), dataset(), limits)).message,
    /4 rows; the limit is 3/,
  )
  assert.match(
    failure(() => parseDataset(csv('1,2,3,4\n'), dataset(), limits)).message,
    /more than 3 columns/,
  )
})

test('a split is a partition of the rows, the same for the same seed', () => {
  fc.assert(
    fc.property(fc.integer({ min: 2, max: 60 }), fc.nat(), fc.nat(), (rows, cut, seed) => {
      const lines = Array.from({ length: rows }, (_, row) => `${row},${row % 7}`)
      const bytes = csv(`${lines.join('\n')}\n`)
      const train = 1 + (cut % (rows - 1))
      const { train: first, held, trainRows, heldRows } = splitCsv(bytes, { train, seed })
      assert.equal([trainRows, heldRows], [train, rows - train])
      const numbers = [first, held].flatMap((part) => [
        ...parseDataset(part, dataset({ features: { first: 0, count: 1 } })).features,
      ])
      assert.equal(
        numbers.sort((a, b) => a - b),
        lines.map((_, row) => row),
      )
      assert.equal(splitCsv(bytes, { train, seed }).train, first)
    }),
    { numRuns: 40 },
  )
})

test('both parts of a split keep the header', () => {
  const { train, held } = splitCsv(csv('a,b\n1,2\n3,4\n'), { train: 1, seed: 1, header: true })
  for (const part of [train, held]) assert.is(parseDataset(part, dataset({ header: true })).rows, 1)
})

test('a split that leaves one side empty is refused', () => {
  for (const train of [0, 2, 3, -1, Number.NaN]) {
    assert.is(codeOf(failure(() => splitCsv(csv('1,2\n3,4\n'), { train, seed: 0 }))), 'JOB_DATA_INVALID')
  }
})

test('the digits divide into 1,437 rows to train on and 360 to judge by', () => {
  const { trainRows, heldRows } = splitCsv(digits, { train: 1437, seed: 2026 })
  assert.equal([trainRows, heldRows], [1437, 360])
})

test('a shuffle is a permutation that seed and stream alone decide', () => {
  assert.equal([...shuffledIndices(10, 1)].sort(), [0, 1, 2, 3, 4, 5, 6, 7, 8, 9])
  assert.equal(shuffledIndices(100, 5, 2), shuffledIndices(100, 5, 2))
  assert.not.equal(shuffledIndices(100, 5, 2), shuffledIndices(100, 5, 3))
  assert.not.equal(shuffledIndices(100, 5, 2), shuffledIndices(100, 6, 2))
})

test('seeded numbers are spread evenly', () => {
  const random = createSeededRandom(42)
  const counts = new Array(10).fill(0)
  for (let draw = 0; draw < 20_000; draw++) counts[random.below(10)]++
  // 2,000 expected in each, with a standard deviation of 42.
  assert.ok(
    counts.every((count) => count > 1_750 && count < 2_250),
    String(counts),
  )
})

const model: ModelSpec = {
  input: [2],
  layers: [{ type: 'dense', units: 2, activation: 'softmax', useBias: true }],
}
const artifact = {
  kind: 'model' as const,
  model,
  step: 9,
  weights: [
    { name: 'kernel', shape: [2, 2], values: Float32Array.of(1, -2, 3.5, 4) },
    { name: 'bias', shape: [2], values: Float32Array.of(0, 1) },
  ],
  state: [],
}

test('a model file brings back what was put in', () => {
  assert.equal(decodeArtifact(encodeArtifact(artifact)), artifact)
})

test('a cut, lengthened or changed model file is refused with a code, or is another valid model', () => {
  const bytes = encodeArtifact(artifact)
  for (let length = 0; length < bytes.length; length++) {
    assert.is(codeOf(failure(() => decodeArtifact(bytes.subarray(0, length)))), 'MODEL_MALFORMED')
  }
  assert.is(codeOf(failure(() => decodeArtifact(Uint8Array.of(...bytes, 0)))), 'MODEL_MALFORMED')
  fc.assert(
    fc.property(fc.nat({ max: bytes.length - 1 }), fc.integer({ min: 1, max: 255 }), (at, by) => {
      const changed = Uint8Array.from(bytes)
      changed[at]! ^= by
      try {
        decodeArtifact(changed)
      } catch (error) {
        assert.ok(['MODEL_MALFORMED', 'JOB_SPEC_INVALID'].includes(codeOf(error)!), String(error))
      }
    }),
    { numRuns: 500 },
  )
})

test('a model file cannot claim more weights than its layers have', () => {
  const inflated = {
    ...artifact,
    weights: [{ name: 'kernel', shape: [4096, 4096], values: new Float32Array(4) }],
  }
  assert.match(
    failure(() => decodeArtifact(encodeArtifact(inflated))).message,
    /the model has 6 weights, the file 16777216/,
  )
})

test.run()
