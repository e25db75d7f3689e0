import type { Clock } from '../../../protocols/ports.js'

/** What one connection may ask of the servers. */
export interface ServerLimits {
  readonly bodyBytes: number
  readonly connections: number
  /** Calls a second that a connection may make for long, and how many at once after a pause. */
  readonly callsPerSecond: number
  readonly callsBurst: number
  readonly subscriptions: number
  /** Bytes that may wait for a slow websocket before it is closed. */
  readonly waitingBytes: number
  /** Time for a request to arrive in full. */
  readonly requestTimeoutMs: number
  /** Time after which a silent websocket is asked whether it is there, and closed at the next round if it is not. */
  readonly pingMs: number
}

/** Agave takes 50 KiB bodies; batches of web3.js can be larger. The rates are far above one honest client's. */
export const DEFAULT_LIMITS: ServerLimits = {
  bodyBytes: 512 * 1024,
  connections: 512,
  callsPerSecond: 5_000,
  callsBurst: 20_000,
  subscriptions: 1_024,
  waitingBytes: 16 * 1024 * 1024,
  requestTimeoutMs: 10_000,
  pingMs: 30_000,
}

/** A token bucket: `take` says whether so many calls may be made now. */
export function createBucket(
  clock: Clock,
  { callsPerSecond, callsBurst }: ServerLimits,
): (calls: number) => boolean {
  let tokens = callsBurst
  let filledAt = clock.elapsed()
  return (calls) => {
    const now = clock.elapsed()
    tokens = Math.min(callsBurst, tokens + ((now - filledAt) / 1000) * callsPerSecond)
    filledAt = now
    if (tokens < calls) return false
    tokens -= calls
    return true
  }
}

/**
 * Whether a request may be answered, judged by its `Origin` header. Programs send none. Browsers always send it with what a page
 * could do harm with, so a page of a stranger cannot use a chain that listens on the same machine, unless it is named.
 */
export function isOriginAllowed(origin: string | undefined, allowed: readonly string[]): boolean {
  return origin === undefined || allowed.includes(origin)
}
