import type { Tensor, Tensor2D } from '@tensorflow/tfjs-core'
import { FOLD, GROUP, MEMORY_MODULUS, MODULUS } from '../../protocols/challenge/params.js'
import type { Backend } from '../backend/backend.js'

/**
 * The proof's arithmetic as tfjs operations. Every value is an integer that float32 holds exactly, on every backend and
 * in any order of summation; kernels/README.md has the bounds.
 */

/** x mod m for integers |x| ≤ 2^21, without a division: WGSL's is inexact, this floor is not (see README). */
export function reduce({ core: tf }: Backend, x: Tensor, modulus: number): Tensor {
  const quotient = tf.floor(tf.mul(tf.add(x, 0.5), 1 / modulus))
  return tf.sub(x, tf.mul(quotient, modulus))
}

/** ((U·Vᵀ) mod 509) mod 16 − 8. */
export function expandMatrix(backend: Backend, u: Tensor2D, v: Tensor2D): Tensor2D {
  const { core: tf } = backend
  return tf.tidy(() => {
    const residue = reduce(backend, tf.matMul(u, v, false, true), MODULUS)
    const sixteenths = tf.floor(tf.mul(residue, 1 / 16))
    return tf.sub(residue, tf.add(tf.mul(sixteenths, 16), 8)) as Tensor2D
  })
}

/** E of a band: the columns of `c` with weight 1 stand first, then those with weight 2, and so on. */
export function digestBand(backend: Backend, c: Tensor2D): Tensor {
  const { core: tf } = backend
  return tf.tidy(() => {
    const squares = reduce(backend, tf.square(reduce(backend, c, MODULUS)), MODULUS)
    const [first, ...others] = tf.split(squares, GROUP, 1)
    return others.reduce((sum, slice, at) => tf.add(sum, tf.mul(slice, at + 2)), first!)
  })
}

/** Two residues of 11 bits share one float: half the memory per product, so the memory is filled twice as densely. */
const PACK = 2 ** 11

/** What stays on the device between the two phases: C mod 2039, columns of the right half in the upper bits. */
export function packBand(backend: Backend, c: Tensor2D): Tensor {
  const { core: tf } = backend
  return tf.tidy(() => {
    const [lower, upper] = tf.split(reduce(backend, c, MEMORY_MODULUS), 2, 1)
    return tf.add(lower!, tf.mul(upper!, PACK))
  })
}

/** F of a packed band. `weights` has one column of FOLD / GROUP values for each of the GROUP column classes of `c`. */
export function foldBand(
  backend: Backend,
  packed: Tensor,
  shift: number,
  weights: readonly Tensor2D[],
): Tensor {
  const { core: tf } = backend
  return tf.tidy(() => {
    const upper = tf.floor(tf.mul(packed, 1 / PACK))
    const halves = [tf.sub(packed, tf.mul(upper, PACK)), upper]
    const [rows, width] = packed.shape as [number, number]
    const perHalf = GROUP / 2
    const folded = halves.flatMap((half, at) => {
      const residues = reduce(backend, tf.add(half, shift), MEMORY_MODULUS)
      const squares = reduce(backend, tf.square(residues), MEMORY_MODULUS)
      return tf
        .split(squares, perHalf, 1)
        .map((slice, k) => tf.matMul(tf.reshape(slice, [-1, FOLD / GROUP]), weights[at * perHalf + k]!))
    })
    const sum = folded.reduce((total, part) => tf.add(total, part))
    return tf.reshape(sum, [rows, (2 * width) / FOLD])
  })
}
