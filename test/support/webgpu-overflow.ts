import { loadBackend } from '../../kernels/backend/load.js'
import { codeOf } from '../../protocols/errors.js'

/**
 * A process that asks WebGPU for a tensor larger than its buffers may be, and tells its parent what came of it. The
 * device is valid and the call does not throw: only `settle` knows.
 */
const backend = await loadBackend('webgpu')
const { core: tf } = backend
const before = await backend.settle().then(
  () => 'settled',
  (error) => codeOf(error),
)
const rows = Math.ceil(backend.maxTensorBytes / 4 / 4096) + 64
const product = tf.matMul(tf.ones([rows, 1]), tf.ones([1, 4096]))
const corner = await tf.slice(product, [0, 0], [1, 1]).data()
const after = await backend.settle().then(
  () => 'settled',
  (error) => codeOf(error),
)
process.send?.({ before, corner: corner[0], after }, undefined, undefined, () => process.exit(0))
