import { z } from 'zod'
import { NightshiftError } from '../../protocols/errors.js'

/**
 * Declared jobs: plain JSON that says which model to train on which columns. No code travels, so a provider can run a
 * stranger's job; every number has a bound, so that none can ask for more than a device could hold.
 */
export const MAX_LAYERS = 64
/** 64 M weights are 256 MiB, and three to four times that while Adam trains. */
export const MAX_WEIGHTS = 2 ** 26

const size = (most: number) => z.int().min(1).max(most)
const pair = (most: number) => z.union([size(most), z.tuple([size(most), size(most)])])
const activation = z.enum([
  'linear',
  'relu',
  'relu6',
  'elu',
  'selu',
  'sigmoid',
  'tanh',
  'softmax',
  'softplus',
  'swish',
])

const dense = z.strictObject({
  type: z.literal('dense'),
  units: size(16_384),
  activation: activation.default('linear'),
  useBias: z.boolean().default(true),
})
const conv2d = z.strictObject({
  type: z.literal('conv2d'),
  filters: size(4_096),
  kernelSize: pair(15),
  strides: pair(8).default(1),
  padding: z.enum(['valid', 'same']).default('valid'),
  activation: activation.default('linear'),
  useBias: z.boolean().default(true),
})
const pooling = <T extends string>(type: T) =>
  z.strictObject({
    type: z.literal(type),
    poolSize: pair(15).default(2),
    strides: pair(15).optional(),
    padding: z.enum(['valid', 'same']).default('valid'),
  })
const layer = z.discriminatedUnion('type', [
  dense,
  conv2d,
  pooling('maxPooling2d'),
  pooling('averagePooling2d'),
  z.strictObject({ type: z.literal('flatten') }),
  z.strictObject({ type: z.literal('reshape'), shape: z.array(size(65_536)).min(1).max(3) }),
  z.strictObject({ type: z.literal('batchNormalization') }),
  z.strictObject({ type: z.literal('activation'), activation }),
])

export const modelSpec = z.strictObject({
  /** Shape of one input, without the batch: [64] for a row, [8, 8, 1] for an image. */
  input: z.array(size(65_536)).min(1).max(3),
  layers: z.array(layer).min(1).max(MAX_LAYERS),
})

const learningRate = z.number().positive().max(10)
const fraction = z.number().min(0).max(0.99999)
const optimizerSpec = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('sgd'), learningRate: learningRate.default(0.01) }),
  z.strictObject({
    type: z.literal('momentum'),
    learningRate: learningRate.default(0.01),
    momentum: fraction.default(0.9),
  }),
  z.strictObject({
    type: z.literal('adam'),
    learningRate: learningRate.default(0.001),
    beta1: fraction.default(0.9),
    beta2: fraction.default(0.999),
  }),
  z.strictObject({
    type: z.literal('rmsprop'),
    learningRate: learningRate.default(0.001),
    decay: fraction.default(0.9),
  }),
])

const column = z.int().min(0).max(65_535)
export const datasetSpec = z.strictObject({
  format: z.literal('csv.gz'),
  /** Whether the first line names the columns. */
  header: z.boolean().default(false),
  /** The columns that are the input, as many as `model.input` has values. */
  features: z.strictObject({ first: column.default(0), count: size(65_536) }),
  /** Every feature is multiplied by it: 0.0625 brings pixels of 0…16 to 0…1. */
  scale: z.number().default(1),
  /** The column to be learnt: a class number, or with `loss: meanSquaredError` any number. */
  label: column.optional(),
  /** Number of classes; the label is then a whole number below it. */
  classes: size(65_536).optional(),
})

export const trainSpec = z
  .strictObject({
    model: modelSpec,
    optimizer: optimizerSpec.default({ type: 'adam', learningRate: 0.001, beta1: 0.9, beta2: 0.999 }),
    loss: z.enum(['categoricalCrossentropy', 'meanSquaredError']).default('categoricalCrossentropy'),
    epochs: size(100_000),
    batchSize: size(65_536).default(32),
    /** Of the initial weights and of the order of the rows. */
    seed: z
      .int()
      .min(0)
      .max(2 ** 32 - 1)
      .default(0),
    dataset: datasetSpec,
    /** A checkpoint after so many steps; none when left out. */
    checkpointSteps: size(1_000_000_000).optional(),
    /** A checkpoint after so many seconds of work, by the clock of whoever runs it. */
    checkpointSeconds: size(86_400).optional(),
  })
  .superRefine((spec, context) => {
    const complain = (path: (string | number)[], message: string) =>
      context.addIssue({ code: 'custom', path, message })
    const values = spec.model.input.reduce((product, length) => product * length, 1)
    if (values !== spec.dataset.features.count) {
      complain(
        ['dataset', 'features', 'count'],
        `the model takes ${values} values (model.input), but ${spec.dataset.features.count} columns are chosen`,
      )
    }
    if (spec.dataset.label === undefined) complain(['dataset', 'label'], 'training needs a label column')
    if (spec.loss === 'categoricalCrossentropy' && spec.dataset.classes === undefined) {
      complain(['dataset', 'classes'], 'categoricalCrossentropy needs the number of classes')
    }
  })

export const predictSpec = z.strictObject({
  dataset: datasetSpec,
  batchSize: size(65_536).default(256),
})

export type ModelSpec = z.output<typeof modelSpec>
export type LayerSpec = ModelSpec['layers'][number]
export type DatasetSpec = z.output<typeof datasetSpec>
export type TrainSpec = z.output<typeof trainSpec>
export type PredictSpec = z.output<typeof predictSpec>
/** What a manifest may leave to the defaults. */
export type TrainSpecInput = z.input<typeof trainSpec>
export type PredictSpecInput = z.input<typeof predictSpec>

function parse<T extends z.ZodType>(schema: T, value: unknown, what: string): z.output<T> {
  const result = schema.safeParse(value)
  if (result.success) return result.data
  const issues = result.error.issues.map(({ path, message }) => `${path.join('.') || what}: ${message}`)
  throw new NightshiftError('JOB_SPEC_INVALID', `the ${what} is not valid: ${issues.join('; ')}`, {
    advice: 'Correct the named fields; kernels/README.md lists all fields and their bounds.',
    context: { issues },
  })
}

/** Throws JOB_SPEC_INVALID with one line per wrong field. Defaults are filled in. */
export function parseTrainSpec(value: unknown): TrainSpec {
  return parse(trainSpec, value, 'training spec')
}

export function parsePredictSpec(value: unknown): PredictSpec {
  return parse(predictSpec, value, 'prediction spec')
}
