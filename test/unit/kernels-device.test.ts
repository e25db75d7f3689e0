import { fork } from 'node:child_process'
import { gzipSync } from 'node:zlib'
import * as assert from 'uvu/assert'
import { verifyOpenings } from '../../kernels/proof/verifier.js'
import { decodeArtifact, encodeArtifact, type NamedTensor } from '../../kernels/tfjs/artifact.js'
import { splitCsv } from '../../kernels/tfjs/dataset.js'
import type { JobEvent } from '../../kernels/tfjs/event.js'
import type { Device } from '../../kernels/worker/device.js'
import { codeOf } from '../../protocols/errors.js'
import { digitsSpec, openTestDevice, processLives, repositoryFile, toHex, until } from '../support/kernels.js'
import { suite } from '../support/suite.js'

const guarded = suite('the device worker')
/** Every test here starts processes or trains, on machines that do other things as well. */
const test = (title: string, body: () => Promise<void> | void) => guarded(title, body, { timeoutMs: 90_000 })
const digits = splitCsv(repositoryFile('config/data/digits.csv.gz'), { train: 1437, seed: 2026 })
const trainJob = { task: 'train', spec: digitsSpec, inputs: { data: digits.train } } as const
/** Far longer than any test: to be cancelled, or killed. */
const endlessJob = { ...trainJob, spec: { ...digitsSpec, epochs: 100_000 } }
const divergingSpec = {
  ...digitsSpec,
  model: { input: [64], layers: [{ type: 'dense' as const, units: 1 }] },
  loss: 'meanSquaredError' as const,
  optimizer: { type: 'sgd' as const, learningRate: 10 },
  dataset: { format: 'csv.gz' as const, features: { count: 64 }, label: 64 },
}
const seed = new Uint8Array(32).fill(3)
const params = { n: 128, rounds: 2 }

let device: Device
guarded.before(
  async () => {
    device = await openTestDevice()
  },
  { timeoutMs: 90_000 },
)
guarded.after(() => device.close())

async function rejection(promise: Promise<unknown>): Promise<Error> {
  return promise.then(
    () => {
      throw new Error('the promise was fulfilled')
    },
    (error) => error,
  )
}

/** Starts an endless job and waits until it makes progress. */
async function startEndless(on: Device, signal?: AbortSignal) {
  let onProgress = () => {}
  const progress = new Promise<void>((resolve) => {
    onProgress = resolve
  })
  let steps = 0
  const running = on.run(endlessJob, {
    ...(signal === undefined ? {} : { signal }),
    onEvent: (event) => {
      if (event.kind !== 'progress') return
      steps = event.step
      onProgress()
    },
  })
  const ended = rejection(running)
  await progress
  return { ended, steps: () => steps }
}

test('a device without a GPU says so', () => {
  assert.is(device.report.gpu, false)
  assert.is(device.report.backend, 'wasm')
  assert.ok(device.report.gflops! > 0)
  assert.ok(device.report.model.length > 0)
})

test('a small network learns the digits: at least 95 % of the images kept back are read right', async () => {
  const events: JobEvent[] = []
  const { artifacts } = await device.run(trainJob, { onEvent: (event) => events.push(event) })
  assert.is(artifacts[0]!.name, 'model.nsmodel')
  const evaluation = await device.evaluate({
    spec: digitsSpec,
    inputs: { data: digits.held, model: artifacts[0]!.bytes },
  })
  assert.is(evaluation.rows, 360)
  assert.ok(evaluation.accuracy! >= 0.95, `accuracy ${evaluation.accuracy}`)
  assert.is(events[0]!.kind, 'log')
  const last = events.at(-1)!
  assert.ok(last.kind === 'progress' && last.step === last.steps && last.loss! < 0.2)

  const predicted = await device.run({
    task: 'predict',
    spec: { dataset: digitsSpec.dataset },
    inputs: { data: digits.held, model: artifacts[0]!.bytes },
  })
  const lines = new TextDecoder().decode(predicted.artifacts[0]!.bytes).trim().split('\n')
  assert.is(lines.length, 360)
  assert.is(lines[0]!.split(',').length, 10)
})

test('the same seed gives the same weights, another seed others', async () => {
  const short = { ...digitsSpec, epochs: 1 }
  const [first, again, other] = [short, short, { ...short, seed: 2 }].map((spec) =>
    device.run({ ...trainJob, spec }),
  )
  const bytes = (await first!).artifacts[0]!.bytes
  assert.is(toHex((await again!).artifacts[0]!.bytes), toHex(bytes))
  assert.is.not(toHex((await other!).artifacts[0]!.bytes), toHex(bytes))
})

const OPTIMIZERS: NonNullable<typeof digitsSpec.optimizer>[] = [
  { type: 'adam', learningRate: 0.003 },
  { type: 'rmsprop', learningRate: 0.001 },
  { type: 'momentum', learningRate: 0.01 },
  { type: 'sgd', learningRate: 0.05 },
]

/** Trains two epochs and leaves one checkpoint on the way. */
async function trainWithCheckpoint(optimizer: (typeof OPTIMIZERS)[number]) {
  const spec = { ...digitsSpec, optimizer, epochs: 2, checkpointSteps: 60 }
  const checkpoints: Uint8Array[] = []
  const output = await device.run(
    { ...trainJob, spec },
    { onEvent: (event) => event.kind === 'checkpoint' && checkpoints.push(event.bytes) },
  )
  assert.is(checkpoints.length, 1)
  return { spec, output, checkpoint: checkpoints[0]! }
}

for (const optimizer of OPTIMIZERS) {
  test(`training with ${optimizer.type} that goes on from a checkpoint ends with the same bits as without a break`, async () => {
    const { spec, output, checkpoint } = await trainWithCheckpoint(optimizer)
    assert.is(decodeArtifact(checkpoint).step, 60)
    const resumed = await device.run({ ...trainJob, spec, inputs: { data: digits.train, checkpoint } })
    assert.is(toHex(resumed.artifacts[0]!.bytes), toHex(output.artifacts[0]!.bytes))
  })
}

test('on the cpu backend, with running means, training goes on from a checkpoint that was asked for, with the same bits', async () => {
  const cpu = await openTestDevice({ backend: 'cpu' })
  try {
    const layers = [
      { type: 'dense' as const, units: 8, activation: 'relu' as const },
      { type: 'batchNormalization' as const },
      { type: 'dense' as const, units: 10, activation: 'softmax' as const },
    ]
    const spec = { ...digitsSpec, model: { input: [64], layers }, epochs: 3 }
    const whole = await cpu.run({ ...trainJob, spec })
    let ask = () => {}
    let checkpoint: Uint8Array | undefined
    await cpu.run(
      { ...trainJob, spec },
      {
        onAskable: (askCheckpoint) => {
          ask = askCheckpoint
        },
        onEvent: (event) => {
          if (event.kind === 'progress' && event.step >= 20 && checkpoint === undefined) ask()
          if (event.kind === 'checkpoint') checkpoint = event.bytes
        },
      },
    )
    assert.ok(checkpoint !== undefined, 'no checkpoint came')
    const resumed = await cpu.run({ ...trainJob, spec, inputs: { data: digits.train, checkpoint } })
    assert.is(toHex(resumed.artifacts[0]!.bytes), toHex(whole.artifacts[0]!.bytes))
  } finally {
    await cpu.close()
  }
})

const toNaN = (tensor: NamedTensor): NamedTensor => ({
  ...tensor,
  values: tensor.values.map(() => Number.NaN),
})

test('a checkpoint of another optimizer, or with a state that fits nothing, is refused', async () => {
  const { spec, checkpoint } = await trainWithCheckpoint(OPTIMIZERS[0]!)
  const decoded = decodeArtifact(checkpoint)
  const twisted = encodeArtifact({ ...decoded, state: [...decoded.state].reverse() })
  const attempts = [
    { spec: { ...spec, optimizer: OPTIMIZERS[3]! }, checkpoint },
    { spec, checkpoint: twisted },
    { spec, checkpoint: encodeArtifact({ ...decoded, state: [] }) },
    { spec, checkpoint: encodeArtifact({ ...decoded, kind: 'model' }) },
    { spec, checkpoint: encodeArtifact({ ...decoded, step: decoded.step + 1 }) },
    { spec: { ...spec, epochs: 1 }, checkpoint },
    { spec, checkpoint: encodeArtifact({ ...decoded, weights: decoded.weights.map(toNaN) }) },
  ]
  for (const attempt of attempts) {
    const inputs = { data: digits.train, checkpoint: attempt.checkpoint }
    assert.is(
      codeOf(await rejection(device.run({ ...trainJob, spec: attempt.spec, inputs }))),
      'CHECKPOINT_MALFORMED',
    )
  }
})

test('a model of another architecture than the one asked for is not evaluated', async () => {
  const { artifacts } = await device.run({ ...trainJob, spec: { ...digitsSpec, epochs: 1 } })
  const spec = { ...digitsSpec, model: { input: [64], layers: [{ type: 'dense' as const, units: 10 }] } }
  const error = await rejection(
    device.evaluate({ spec, inputs: { data: digits.held, model: artifacts[0]!.bytes } }),
  )
  assert.is(codeOf(error), 'MODEL_MALFORMED')
})

test('wrong specs and wrong data come back as coded errors, and the worker lives on', async () => {
  const { pid } = device
  const wrong = [
    device.run({ ...trainJob, spec: { ...digitsSpec, epochs: 0 } }),
    device.run({ ...trainJob, inputs: { data: new Uint8Array(10) } }),
    device.run({ ...trainJob, inputs: { data: digits.train, checkpoint: new Uint8Array(10) } }),
    device.run({ ...trainJob, spec: divergingSpec }),
    device.run({
      task: 'predict',
      spec: { dataset: digitsSpec.dataset },
      inputs: { data: digits.held, model: new Uint8Array(99) },
    }),
  ]
  const codes = (await Promise.all(wrong.map(rejection))).map(codeOf)
  assert.equal(codes, [
    'JOB_SPEC_INVALID',
    'JOB_DATA_INVALID',
    'CHECKPOINT_MALFORMED',
    'JOB_DIVERGED',
    'MODEL_MALFORMED',
  ])
  assert.is(device.pid, pid)
})

test('a batch that is larger than a tensor may be is refused before it is tried', async () => {
  const layers = [
    { type: 'dense' as const, units: 16_384 },
    { type: 'dense' as const, units: 10, activation: 'softmax' as const },
  ]
  const data = new Uint8Array(gzipSync(`${'0,'.repeat(64)}1\n`.repeat(5_000)))
  const spec = { ...digitsSpec, batchSize: 5_000, model: { input: [64], layers } }
  const error = await rejection(device.run({ ...trainJob, spec, inputs: { data } }))
  assert.is(codeOf(error), 'JOB_UNSUPPORTED')
  assert.match(error.message, /327680000 bytes is too large for wasm/)
})

test('a model that the backend has no kernel for is refused with the name of the kernel', async () => {
  const image = { type: 'reshape' as const, shape: [8, 8, 1] }
  const layers = [
    image,
    { type: 'conv2d' as const, filters: 2, kernelSize: 3 },
    { type: 'flatten' as const },
    { type: 'dense' as const, units: 10, activation: 'softmax' as const },
  ]
  const error = await rejection(
    device.run({ ...trainJob, spec: { ...digitsSpec, model: { input: [64], layers } } }),
  )
  assert.is(codeOf(error), 'JOB_UNSUPPORTED')
  assert.match(error.message, /Conv2DBackpropFilter/)
})

test('a proof is made in the middle of a job, and the job goes on afterwards', async () => {
  const stop = new AbortController()
  const { ended, steps } = await startEndless(device, stop.signal)
  const proof = await device.prove({ seed, params })
  const asked = [{ round: 1, row: 5, column: 7 }]
  assert.equal(verifyOpenings({ seed, params, root: proof.root }, asked, await proof.open(asked)), {
    ok: true,
  })
  const before = steps()
  await until(() => steps() > before)
  stop.abort(new Error('enough'))
  assert.is((await ended).message, 'enough')
})

test('a cancelled job ends at once and leaves the worker as it was', async () => {
  const { pid } = device
  const stop = new AbortController()
  const { ended } = await startEndless(device, stop.signal)
  stop.abort(new Error('stop'))
  assert.is((await ended).message, 'stop')
  await device.prove({ seed, params })
  assert.is(device.pid, pid)
  assert.is((await rejection(device.run(trainJob, { signal: stop.signal }))).message, 'stop')
})

test('a released proof, and one pushed out by later ones, can no longer be opened', async () => {
  const entry = [{ round: 0, row: 0, column: 0 }]
  const tiny = { seed, params: { n: 16, rounds: 1 } }
  const released = await device.prove(tiny)
  await released.release()
  assert.is(codeOf(await rejection(released.open(entry))), 'PROOF_GONE')
  const oldest = await device.prove(tiny)
  for (let later = 0; later < 8; later++) await device.prove(tiny)
  assert.is(codeOf(await rejection(oldest.open(entry))), 'PROOF_GONE')
})

test('an entry outside the proof is refused', async () => {
  const proof = await device.prove({ seed, params })
  const error = await rejection(proof.open([{ round: 2, row: 0, column: 0 }]))
  assert.is(codeOf(error), 'ENTRY_OUT_OF_RANGE')
})

test('when the worker is killed, running work fails with a code and the next call works again', async () => {
  const { pid } = device
  const proof = await device.prove({ seed, params })
  const { ended } = await startEndless(device)
  process.kill(pid!, 'SIGKILL')
  assert.is(codeOf(await ended), 'DEVICE_WORKER_DIED')
  assert.is(codeOf(await rejection(proof.open([{ round: 0, row: 0, column: 0 }]))), 'PROOF_GONE')
  const [one, two] = await Promise.all([device.prove({ seed, params }), device.prove({ seed, params })])
  assert.equal(one!.root, proof.root)
  assert.equal(two!.root, proof.root)
  assert.not.equal(device.pid, pid)
  assert.is(processLives(pid!), false)
})

test('a worker that hangs is killed when its work is cancelled', async () => {
  const hanging = await openTestDevice({ cancelGraceMs: 50 })
  try {
    const { pid } = hanging
    const stop = new AbortController()
    const { ended } = await startEndless(hanging, stop.signal)
    process.kill(pid!, 'SIGSTOP')
    stop.abort(new Error('too slow'))
    assert.is((await ended).message, 'too slow')
    await until(() => !processLives(pid!))
    await hanging.prove({ seed, params })
  } finally {
    await hanging.close()
  }
})

test('closing gives the device back: the process is gone, running work fails, later calls are refused', async () => {
  const closing = await openTestDevice()
  const { pid } = closing
  const { ended } = await startEndless(closing)
  await closing.close()
  assert.is(processLives(pid!), false)
  assert.is(codeOf(await ended), 'DEVICE_WORKER_DIED')
  assert.is(codeOf(await rejection(closing.prove({ seed, params }))), 'DEVICE_CLOSED')
  assert.is(closing.pid, undefined)
})

test('a backend that is not there is refused with what to do', async () => {
  const error = await rejection(
    openTestDevice({ backend: 'tensorflow-gpu', tensorflowFolder: '/nonexistent' }),
  )
  assert.is(codeOf(error), 'BACKEND_UNAVAILABLE')
})

test('a backend that does not answer in time is given up', async () => {
  const error = await rejection(openTestDevice({ startTimeoutMs: 1 }))
  assert.is(codeOf(error), 'BACKEND_TIMEOUT')
})

test('the child ends when its parent is killed, even in the middle of work', async () => {
  const parent = fork(new URL('../support/device-owner.js', import.meta.url), {
    stdio: ['ignore', 'pipe', 'ignore', 'ipc'],
    execArgv: [],
  })
  let printed = ''
  parent.stdout!.on('data', (chunk) => {
    printed += chunk
  })
  const pid = await new Promise<number>((resolve) => parent.once('message', resolve))
  assert.ok(processLives(pid))
  parent.kill('SIGKILL')
  await until(() => !processLives(pid))
  assert.is(printed, '', 'nothing of the libraries reaches standard output')
})

test('regression on numbers works too', async () => {
  const rows = Array.from({ length: 64 }, (_, row) => `${row / 64},${(2 * row) / 64 + 1}`)
  const spec = {
    model: { input: [1], layers: [{ type: 'dense' as const, units: 1 }] },
    optimizer: { type: 'adam' as const, learningRate: 0.1 },
    loss: 'meanSquaredError' as const,
    epochs: 60,
    batchSize: 16,
    dataset: { format: 'csv.gz' as const, features: { count: 1 }, label: 1 },
  }
  const data = new Uint8Array(gzipSync(`${rows.join('\n')}\n`))
  const { artifacts } = await device.run({ task: 'train', spec, inputs: { data } })
  const { loss, accuracy } = await device.evaluate({ spec, inputs: { data, model: artifacts[0]!.bytes } })
  assert.ok(loss < 0.01, `loss ${loss}`)
  assert.is(accuracy, undefined)
})

guarded.run()
