import type { Quota } from '../../protocols/descriptor.js'
import { TokenBucket } from '../../protocols/limits.js'
import type { Clock } from '../../protocols/ports.js'

const SECONDS_A_MINUTE = 60

/** Holds a reader to the rates of its quota: what comes faster is read later, and back-pressure slows the peer. */
export class Shaper {
  readonly #clock: Clock
  readonly #buckets: { bucket: TokenBucket; cost: (bytes: number) => number }[] = []

  constructor({ framesPerSecond, bytesPerSecond }: Quota, clock: Clock) {
    this.#clock = clock
    this.#add(framesPerSecond, () => 1)
    this.#add(bytesPerSecond, (bytes) => bytes)
  }

  /** Waits until one more frame of `bytes` is within the rates, or until `signal` aborts. */
  async admit(bytes: number, signal: AbortSignal): Promise<void> {
    for (const { bucket, cost } of this.#buckets) {
      const waitMs = bucket.borrow(this.#clock.elapsed(), cost(bytes))
      if (waitMs > 0) await this.#clock.sleep(waitMs, signal).catch(() => {})
    }
  }

  #add(perSecond: number | undefined, cost: (bytes: number) => number): void {
    if (perSecond === undefined) return
    const rate = { perMinute: perSecond * SECONDS_A_MINUTE, burst: perSecond }
    this.#buckets.push({ bucket: new TokenBucket(rate, this.#clock.elapsed()), cost })
  }
}
