import type { Tensor, Tensor2D } from '@tensorflow/tfjs-core'
import { FOLD, GROUP, MEMORY_MODULUS, MODULUS } from '../../protocols/challenge/params.js'
import type { Backend } from '../backend/backend.js'

/**
 * The proof's arithmetic as tfjs operations. Every value is an integer that float32 holds exactly, on every backend and
 * in any order of summation; kernels/README.md has the bounds. These tensors can fill a card, so every function frees
 * its input and each intermediate as soon as the next one is there: three or four are alive at once, where `tidy` would
 * keep them all to the end.
 */
type Step = (x: Tensor) => Tensor

function chain(input: Tensor, ...steps: Step[]): Tensor {
  let current = input
  for (const step of steps) {
    const next = step(current)
    current.dispose()
    current = next
  }
  return current
}

/** x mod m for integers |x| ≤ 2^21, without a division: WGSL's is inexact, this floor is not (see README). */
function reduce({ core: tf }: Backend, modulus: number): Step {
  return (x) => {
    const multiple = chain(
      tf.add(x, 0.5),
      (t) => tf.mul(t, 1 / modulus),
      (t) => tf.floor(t),
      (t) => tf.mul(t, modulus),
    )
    return subtract(tf, x, multiple)
  }
}

/** x − y, freeing y. */
function subtract(tf: Backend['core'], x: Tensor, y: Tensor): Tensor {
  const difference = tf.sub(x, y)
  y.dispose()
  return difference
}

/** ((U·Vᵀ) mod 509) mod 16 − 8. Frees nothing that it was given. */
export function expandMatrix(backend: Backend, u: Tensor2D, v: Tensor2D): Tensor2D {
  const { core: tf } = backend
  const sixteens: Step = (x) =>
    chain(
      tf.mul(x, 1 / 16),
      (t) => tf.floor(t),
      (t) => tf.mul(t, 16),
      (t) => tf.add(t, 8),
    )
  // Transposed first: the product with a transposed operand is a plain loop on WebAssembly, and took half of this time.
  const product = chain(tf.transpose(v), (turned) => tf.matMul(u, turned as Tensor2D))
  return chain(product, reduce(backend, MODULUS), (x) => subtract(tf, x, sixteens(x))) as Tensor2D
}

/** E of a band: the columns of `c` with weight 1 stand first, then those with weight 2, and so on. Keeps `c`. */
export function digestBand(backend: Backend, c: Tensor2D): Tensor {
  const { core: tf } = backend
  const squares = chain(reduce(backend, MODULUS)(c), (x) => tf.square(x), reduce(backend, MODULUS))
  const slices = tf.split(squares, GROUP, 1)
  squares.dispose()
  return sumUp(
    tf,
    slices.map((slice, at) => chain(slice, (x) => tf.mul(x, at + 1))),
  )
}

/** Adds tensors, freeing them. */
function sumUp(tf: Backend['core'], parts: readonly Tensor[]): Tensor {
  return parts.reduce((sum, part) => {
    const next = tf.add(sum, part)
    sum.dispose()
    part.dispose()
    return next
  })
}

/** Two residues of 11 bits share one float: half the memory per product, so the memory is filled twice as densely. */
const PACK = 2 ** 11

/** What stays on the device between the two phases: C mod 2039, columns of the right half in the upper bits. Keeps `c`. */
export function packBand(backend: Backend, c: Tensor2D): Tensor {
  const { core: tf } = backend
  const residues = reduce(backend, MEMORY_MODULUS)(c)
  const [lower, upper] = tf.split(residues, 2, 1)
  residues.dispose()
  return sumUp(tf, [lower!, chain(upper!, (x) => tf.mul(x, PACK))])
}

/**
 * F of a packed band, which is kept. `weights` has one column of FOLD / GROUP values for each of the GROUP column classes
 * of C.
 */
export function foldBand(
  backend: Backend,
  packed: Tensor,
  shift: number,
  weights: readonly Tensor2D[],
): Tensor {
  const { core: tf } = backend
  const [rows, width] = packed.shape as [number, number]
  const perHalf = GROUP / 2
  const foldHalf = (half: Tensor, firstClass: number) => {
    const squares = chain(
      half,
      (x) => tf.add(x, shift),
      reduce(backend, MEMORY_MODULUS),
      (x) => tf.square(x),
      reduce(backend, MEMORY_MODULUS),
    )
    const slices = tf.split(squares, perHalf, 1)
    squares.dispose()
    return slices.map((slice, k) =>
      chain(
        slice,
        (x) => tf.reshape(x, [-1, FOLD / GROUP]),
        (x) => tf.matMul(x as Tensor2D, weights[firstClass + k]!),
      ),
    )
  }
  const upper = () => chain(tf.mul(packed, 1 / PACK), (x) => tf.floor(x))
  const lower = subtract(
    tf,
    packed,
    chain(upper(), (x) => tf.mul(x, PACK)),
  )
  const folded = sumUp(tf, [...foldHalf(lower, 0), ...foldHalf(upper(), perHalf)])
  return chain(folded, (x) => tf.reshape(x, [rows, (2 * width) / FOLD]))
}
