import { availableParallelism } from 'node:os'
import { Worker } from 'node:worker_threads'
import { checkBackend, measureGflops } from '../backend/check.js'
import { loadBackend } from '../backend/load.js'
import { createThreadHasher } from '../proof/hasher.js'
import { describeFault } from './fault.js'
import type { FromWorker, ToWorker, WorkerOptions } from './messages.js'
import { createSession } from './session.js'

/**
 * Entry of the child process that holds the device; started by worker.ts and by nothing else. As an entry file it may
 * touch the process, its timers and its environment.
 */
const options = JSON.parse(process.argv[2] ?? '{}') as WorkerOptions

/** Eight threads hash about 2 GB/s of digests, more than any card makes. */
const MAX_HASH_THREADS = 8

const FATAL = ['DEVICE_FAILED', 'DEVICE_LOST', 'DEVICE_WORK_FAILED', 'HASH_THREAD_DIED']

process.title = `nightshift ${options.backend}`
// TensorFlow writes hundreds of lines about what it found; a CPU build or a CPU backend must not reach for a card.
process.env.TF_CPP_MIN_LOG_LEVEL ??= '3'

if (options.card !== undefined) {
  process.env.CUDA_DEVICE_ORDER = 'PCI_BUS_ID'
  process.env.CUDA_VISIBLE_DEVICES = String(options.card.index)
}
if (options.backend === 'tensorflow-cpu') process.env.CUDA_VISIBLE_DEVICES = '-1'

// The channel closes when the daemon goes; the thread sees to it when this one hangs in a driver.
process.on('disconnect', () => process.exit(0))
new Worker(new URL('./watchdog.js', import.meta.url)).unref()

const clock = { elapsed: () => performance.now() }

function send(message: FromWorker): Promise<void> {
  return new Promise((resolve) => {
    if (process.send === undefined || !process.connected) return resolve()
    process.send(message, undefined, undefined, () => resolve())
  })
}

async function start(): Promise<void> {
  const loaded = await loadBackend(options.backend, options)
  const limit = Math.min(loaded.maxTensorBytes, options.maxTensorBytes ?? Number.POSITIVE_INFINITY)
  const backend = { ...loaded, maxTensorBytes: limit }
  await checkBackend(backend)
  const gflops = await measureGflops(backend, clock)
  await backend.settle()
  const { name, gpu, model, memoryBytes, driver } = backend
  const session = createSession(backend, {
    clock,
    hasher: createThreadHasher(Math.max(1, Math.min(MAX_HASH_THREADS, availableParallelism() - 1))),
    breathe: () => new Promise((resolve) => setImmediate(resolve)),
    onEvent: (id, event) => void send({ kind: 'event', id, event }),
  })
  process.on('message', async (message: ToWorker) => {
    if (message.kind === 'cancel') return session.cancel(message.id)
    if (message.kind === 'checkpoint') return session.askCheckpoint(message.id)
    try {
      await send({ kind: 'answer', id: message.id, answer: await session.handle(message) })
    } catch (error) {
      const fault = describeFault(error)
      await send({ kind: 'fault', id: message.id, fault })
      // After an error that nobody foresaw, the device's state and memory are anyone's guess: start afresh.
      if (FATAL.includes(fault.code)) process.exit(1)
    }
  })
  await send({
    kind: 'ready',
    report: {
      backend: name,
      ok: true,
      gpu,
      model,
      gflops,
      ...(memoryBytes === undefined ? {} : { memoryBytes }),
      ...(driver === undefined ? {} : { driver }),
    },
  })
}

start().catch(async (error) => {
  await send({ kind: 'unusable', fault: describeFault(error) })
  process.exit(1)
})
