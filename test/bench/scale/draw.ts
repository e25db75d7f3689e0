/** A stream of numbers from 0 to 1 that is the same wherever it is drawn (mulberry32). */
export type Draw = () => number

export function createDraw(seed: number): Draw {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

/** One of the entries, by weight. */
export function choose<T>(entries: ReadonlyArray<readonly [T, number]>, draw: Draw): T {
  const total = entries.reduce((sum, [, weight]) => sum + weight, 0)
  let left = draw() * total
  for (const [value, weight] of entries) {
    left -= weight
    if (left < 0) return value
  }
  return entries.at(-1)![0]
}

/** A log-normal number with this median. */
export function drawLogNormal(median: number, sigma: number, draw: Draw): number {
  const normal = Math.sqrt(-2 * Math.log(1 - draw())) * Math.cos(2 * Math.PI * draw())
  return median * Math.exp(sigma * normal)
}
