import type { Random } from './ports.js'

/**
 * A token bucket: `perMinute` on average, `burst` at once. The time is handed in, so that the rule is a pure function of
 * what was taken when.
 */
export interface Rate {
  perMinute: number
  burst: number
}

const MINUTE_MS = 60_000

export interface Pauses {
  firstMs: number
  longestMs: number
}

/**
 * How long to wait before the next attempt, after `failures` of them: doubled each time, and half of it at random, so that those who
 * failed together do not come back together.
 */
export function retryPauseMs(failures: number, pauses: Pauses, random: Pick<Random, 'below'>): number {
  const { firstMs, longestMs } = pauses
  const pauseMs = Math.min(longestMs, firstMs * 2 ** Math.min(failures - 1, 50))
  return pauseMs / 2 + random.below(Math.ceil(pauseMs / 2) + 1)
}

export class TokenBucket {
  readonly #rate: Rate
  #tokens: number
  #atMs: number

  constructor(rate: Rate, nowMs: number) {
    this.#rate = rate
    this.#tokens = rate.burst
    this.#atMs = nowMs
  }

  /** True, and takes `count`, when as many are there. */
  take(nowMs: number, count = 1): boolean {
    this.#refill(nowMs)
    if (this.#tokens < count) return false
    this.#tokens -= count
    return true
  }

  /** Takes `count` in any case and says how long to wait until the debt is paid, ms; 0 when there is none. */
  borrow(nowMs: number, count: number): number {
    this.#refill(nowMs)
    this.#tokens -= count
    return this.#tokens >= 0 ? 0 : (-this.#tokens / this.#rate.perMinute) * MINUTE_MS
  }

  /** Nothing was taken lately: the bucket says no more than a new one would. */
  isFull(nowMs: number): boolean {
    this.#refill(nowMs)
    return this.#tokens >= this.#rate.burst
  }

  #refill(nowMs: number): void {
    const gained = (Math.max(0, nowMs - this.#atMs) / MINUTE_MS) * this.#rate.perMinute
    this.#tokens = Math.min(this.#rate.burst, this.#tokens + gained)
    this.#atMs = nowMs
  }
}

/**
 * One bucket per name (a peer, an author). Names are the attacker's to choose, so their number is limited: full buckets
 * are forgotten first, and when none is full a new name is refused rather than an old debt forgiven.
 */
export class TokenBuckets {
  readonly #rate: Rate
  readonly #maxNames: number
  readonly #buckets = new Map<string, TokenBucket>()

  constructor(rate: Rate, maxNames = 10_000) {
    this.#rate = rate
    this.#maxNames = maxNames
  }

  take(name: string, nowMs: number): boolean {
    const known = this.#buckets.get(name)
    if (known !== undefined) return known.take(nowMs)
    if (this.#buckets.size >= this.#maxNames) this.#forgetFull(nowMs)
    if (this.#buckets.size >= this.#maxNames) return false
    const bucket = new TokenBucket(this.#rate, nowMs)
    this.#buckets.set(name, bucket)
    return bucket.take(nowMs)
  }

  get size(): number {
    return this.#buckets.size
  }

  #forgetFull(nowMs: number): void {
    for (const [name, bucket] of this.#buckets) {
      if (bucket.isFull(nowMs)) this.#buckets.delete(name)
    }
  }
}
