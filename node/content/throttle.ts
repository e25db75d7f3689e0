import { TokenBucket } from '../../protocols/limits.js'
import type { Clock } from '../../protocols/ports.js'

/** Holds all transfers of this node in one direction to a rate. */
export interface Throttle {
  /** Resolves when so many bytes more are within the rate; rejects when the signal aborts. */
  pass(bytes: number, signal: AbortSignal): Promise<void>
}

const SECONDS_A_MINUTE = 60
/** So long may be saved up while nothing moves: a burst that no line notices. */
const BURST_SECONDS = 0.25

/** `bytesPerSecond` undefined: nothing is held back. */
export function createThrottle(bytesPerSecond: number | undefined, clock: Clock): Throttle {
  if (bytesPerSecond === undefined) return { pass: async () => {} }
  const rate = { perMinute: bytesPerSecond * SECONDS_A_MINUTE, burst: bytesPerSecond * BURST_SECONDS }
  const bucket = new TokenBucket(rate, clock.elapsed())
  return {
    pass: async (bytes, signal) => {
      const waitMs = bucket.borrow(clock.elapsed(), bytes)
      if (waitMs > 0) await clock.sleep(waitMs, signal)
    },
  }
}
