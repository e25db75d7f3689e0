import type { Tensor2D } from '@tensorflow/tfjs-core'
import { NightshiftError } from '../../protocols/errors.js'
import type { Clock } from '../../protocols/ports.js'
import { prove } from '../proof/prover.js'
import type { Backend } from './backend.js'

/** The proof's root for 32 zero bytes as the seed: integers only, so there is one right answer on every device. */
const KNOWN = {
  params: { n: 256, rounds: 1 },
  root: '28c08e6d5570003ea714985d0d647c59adc77c4c69e6d8fd15e860e6a662370a',
}

/** Throws BACKEND_WRONG when a device computes something else than the known answer. */
export async function checkBackend(backend: Backend): Promise<void> {
  const { root } = await prove(backend, {
    seed: new Uint8Array(32),
    params: KNOWN.params,
    turn: async () => {},
  })
  const found = Buffer.from(root).toString('hex')
  if (found === KNOWN.root) return
  throw new NightshiftError('BACKEND_WRONG', `${backend.name} on ${backend.model} computes wrong results`, {
    advice: 'Do not use it: update the driver, undo overclocking, or choose another backend.',
    context: { found, expected: KNOWN.root },
  })
}

const FIRST_N = 256
const LAST_N = 8192
/** Long enough that submitting and reading back do not count. */
const MEASURED_MS = 80

/** Throughput of plain float32 products, 10^9 operations a second, at the first size that takes long enough. */
export async function measureGflops(
  { core: tf, maxTensorBytes }: Backend,
  clock: Pick<Clock, 'elapsed'>,
): Promise<number> {
  for (let n = FIRST_N; ; n *= 2) {
    const matrix = tf.tidy(() => tf.floor(tf.randomUniform([n, n], -8, 8)) as Tensor2D)
    const multiply = async () => {
      const startedAt = clock.elapsed()
      const corner = tf.tidy(() => tf.slice(tf.matMul(matrix, matrix), [0, 0], [1, 1]))
      await corner.data()
      corner.dispose()
      return clock.elapsed() - startedAt
    }
    await multiply()
    const elapsedMs = Math.min(await multiply(), await multiply())
    matrix.dispose()
    const isLast = n >= LAST_N || 4 * (2 * n) ** 2 > maxTensorBytes
    if (elapsedMs >= MEASURED_MS || isLast) return Number(((2 * n ** 3) / elapsedMs / 1e6).toFixed(2))
  }
}
