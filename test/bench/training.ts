import { readFileSync } from 'node:fs'
import { loadBackend } from '../../kernels/backend/load.js'
import { parseDataset } from '../../kernels/tfjs/dataset.js'
import { buildModel } from '../../kernels/tfjs/model.js'
import { parseTrainSpec } from '../../kernels/tfjs/spec.js'
import { uploadDataset } from '../../kernels/tfjs/train.js'
import type { Device } from '../../kernels/worker/device.js'
import { createRack } from '../../node/device/rack.js'
import { createTfjsRuntime } from '../../node/runtime/tfjs.js'
import { systemClock } from '../../node/system/clock.js'
import { digitsSpec, openTestDevice } from '../support/kernels.js'
import { fileOf } from '../support/shaders.js'
import type { Figure } from './figure.js'

/**
 * One step of a training under the runtime (its own process, progress, turns for proofs, checkpoints every 500 steps)
 * against the same network, data and optimizer in tfjs's own `model.fit`, and in a bare loop of `minimize`, both in this
 * process. All take turns on one backend; of each the fastest round counts, so that other work on the machine does
 * not. Setting up is not counted: times are between the first and the last step told.
 */
const ROUNDS = 5
const EPOCHS = 100
const BATCH = 64
const LEASE = 'aa'.repeat(32)
const CHECKPOINT_STEPS = 500

const spec = {
  ...digitsSpec,
  model: {
    input: [64],
    layers: [
      { type: 'dense' as const, units: 128, activation: 'relu' as const },
      { type: 'dense' as const, units: 128, activation: 'relu' as const },
      { type: 'dense' as const, units: 10, activation: 'softmax' as const },
    ],
  },
  optimizer: { type: 'sgd' as const, learningRate: 0.05 },
  epochs: EPOCHS,
  batchSize: BATCH,
}

export async function run(): Promise<Figure[]> {
  const data = new Uint8Array(readFileSync(new URL('../../../config/data/digits.csv.gz', import.meta.url)))
  const device = await openTestDevice()
  try {
    const plain = await openPlain(data)
    const times = { runtime: [] as number[], loop: [] as number[], fit: [] as number[] }
    for (let round = 0; round < ROUNDS; round++) {
      times.runtime.push(await timeRuntime(device, data))
      times.loop.push(await plain.timeLoop())
      times.fit.push(await plain.timeFit())
    }
    const [runtime, loop, fit] = [times.runtime, times.loop, times.fit].map((each) => Math.min(...each)) as [
      number,
      number,
      number,
    ]
    const against = (name: string, bare: number): Figure => ({
      name,
      value: 100 * (runtime / bare - 1),
      unit: '%',
    })
    return [
      {
        name: 'train.step_ms',
        value: runtime,
        unit: 'ms',
        reference: 'a bare loop of minimize',
        ratio: runtime / loop,
      },
      against('train.overhead_pct', loop),
      against('train.overhead_fit_pct', fit),
    ]
  } finally {
    await device.close()
  }
}

/** Milliseconds a step. */
async function timeRuntime(device: Device, data: Uint8Array): Promise<number> {
  const occupied = () => [{ lease: LEASE, devices: 1 }]
  const rack = createRack({ devices: [device], clock: systemClock, occupied })
  const runtime = createTfjsRuntime({ rack, clock: systemClock })
  const told: Array<{ step: number; atMs: number }> = []
  const prepared = await runtime.prepare(
    {
      id: LEASE,
      declared: { task: 'train', ...spec, checkpointSteps: CHECKPOINT_STEPS },
      inputs: [fileOf('data', data)],
      devices: [0],
      onEvent: (event) => {
        if (event.kind === 'progress') told.push({ step: event.step, atMs: performance.now() })
      },
    },
    { signal: new AbortController().signal },
  )
  try {
    await prepared.start()
  } finally {
    await prepared.close()
  }
  const [first, last] = [told[0]!, told.at(-1)!]
  return (last.atMs - first.atMs) / (last.step - first.step)
}

/** The same training in tfjs alone. */
async function openPlain(data: Uint8Array) {
  const backend = await loadBackend('wasm')
  const { core: tf } = backend
  const parsed = parseTrainSpec(spec)
  const dataset = parseDataset(data, parsed.dataset)
  const { features, labels } = uploadDataset(backend, dataset, parsed.model.input, parsed.dataset)
  const steps = Math.ceil(dataset.rows / BATCH) * EPOCHS
  const make = () => buildModel(backend, parsed.model, parsed.seed)
  return {
    timeLoop: async (): Promise<number> => {
      const model = make()
      const optimizer = tf.train.sgd(0.05)
      const order = Int32Array.from(tf.util.createShuffledIndices(dataset.rows))
      const step = (at: number) =>
        tf.tidy(() => {
          const from = (at * BATCH) % (dataset.rows - BATCH)
          const rows = tf.tensor1d(order.subarray(from, from + BATCH), 'int32')
          const [inputs, wanted] = [tf.gather(features, rows), tf.gather(labels!, rows)]
          optimizer.minimize(() => {
            const output = model.apply(inputs, { training: true }) as typeof inputs
            const likelihood = tf.log(tf.clipByValue(output, 1e-7, 1))
            return tf.neg(tf.mean(tf.sum(tf.mul(wanted, likelihood), -1)))
          })
        })
      step(0)
      const begun = performance.now()
      for (let at = 1; at < steps; at++) step(at)
      await model.getWeights()[0]!.data()
      const ms = (performance.now() - begun) / (steps - 1)
      model.dispose()
      optimizer.dispose()
      return ms
    },
    timeFit: async (): Promise<number> => {
      const model = make()
      model.compile({ optimizer: tf.train.sgd(0.05), loss: 'categoricalCrossentropy' })
      const warm = { epochs: 1, batchSize: BATCH, verbose: 0 } as const
      await model.fit(features, labels!, warm)
      const begun = performance.now()
      await model.fit(features, labels!, { ...warm, epochs: EPOCHS })
      const ms = (performance.now() - begun) / steps
      model.dispose()
      return ms
    },
  }
}
