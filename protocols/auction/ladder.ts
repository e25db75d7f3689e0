/** How an order that finds nobody raises what it offers, from its own ceiling to `maxPricePerHour`. */
export interface Ladder {
  /** Of 10,000 of the first ceiling, added at each step. */
  step: number
  everyMs: number
  /** Atomic units per device-hour: no order, and so no deposit, goes beyond it. */
  maxPricePerHour: bigint
}

/** The ceiling of an order that goes out so long after the first one. Never below the first ceiling. */
export function ceilingAt(first: bigint, ladder: Ladder | undefined, elapsedMs: number): bigint {
  if (ladder === undefined || ladder.maxPricePerHour <= first || !(elapsedMs > 0)) return first
  const steps = BigInt(Math.floor(elapsedMs / Math.max(1, ladder.everyMs)))
  const raised = first + (first * BigInt(Math.max(0, ladder.step)) * steps) / 10_000n
  return raised < ladder.maxPricePerHour ? raised : ladder.maxPricePerHour
}
