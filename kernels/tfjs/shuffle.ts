/**
 * Seeded numbers for work that must come out the same on every machine. Not for secrets: xoshiro128** by Blackman and
 * Vigna (2018), its state filled by SplitMix32.
 */
export interface SeededRandom {
  /** A uniform integer in [0, below), below ≤ 2^32. */
  below(below: number): number
}

export function createSeededRandom(seed: number, stream = 0): SeededRandom {
  let mix = (seed ^ Math.imul(stream + 1, 0x9e3779b9)) >>> 0
  const fill = () => {
    mix = (mix + 0x9e3779b9) >>> 0
    let z = mix
    z = Math.imul(z ^ (z >>> 16), 0x21f0aaad)
    z = Math.imul(z ^ (z >>> 15), 0x735a2d97)
    return (z ^ (z >>> 15)) >>> 0
  }
  let [a, b, c, d] = [fill(), fill(), fill(), fill()]
  const rotate = (x: number, by: number) => (x << by) | (x >>> (32 - by))
  const next = () => {
    const result = Math.imul(rotate(Math.imul(b, 5), 7), 9) >>> 0
    const shifted = b << 9
    c ^= a
    d ^= b
    b ^= c
    a ^= d
    c ^= shifted
    d = rotate(d, 11)
    return result
  }
  return {
    below: (below) => {
      const limit = 2 ** 32 - (2 ** 32 % below)
      let value = next()
      while (value >= limit) value = next()
      return value % below
    },
  }
}

/** The numbers 0 … count − 1 in an order that depends on the seed alone (Fisher–Yates). */
export function shuffledIndices(count: number, seed: number, stream = 0): Int32Array {
  const random = createSeededRandom(seed, stream)
  const indices = Int32Array.from({ length: count }, (_, at) => at)
  for (let last = count - 1; last > 0; last--) {
    const at = random.below(last + 1)
    const moved = indices[last]!
    indices[last] = indices[at]!
    indices[at] = moved
  }
  return indices
}
