import { equal } from '../bytes.js'
import type { Refusal } from '../errors.js'
import { isPrintable } from '../text.js'
import type { RoundTrips } from './wire.js'

/** A node's own table of round trips, sealed with its key. What it says is weighed by its stake, see plausibility.ts. */
export const ROUND_TRIPS_WORD = 'round-trips'

export const ROUND_TRIPS_LIMITS = {
  /** Bytes of a sealed table: 128 peers of 45 bytes, a place, and the envelope. */
  maxBytes: 8_192,
  maxPeers: 128,
  maxLocationChars: 128,
  /** Machines do not move often; a table may still be of yesterday's network. */
  maxAgeMs: 3_600_000,
  maxSkewMs: 10_000,
} as const

export type RoundTripsRefusal = Refusal<'MALFORMED' | 'FOREIGN' | 'STALE' | 'FROM_THE_FUTURE'>

/** Whether a table may be read, given when and in which market. */
export function judgeRoundTrips(
  table: RoundTrips,
  facts: { now: number; market: Uint8Array },
): RoundTripsRefusal | undefined {
  const limits = ROUND_TRIPS_LIMITS
  const { market, timeMs, location, peers } = table
  const malformed = (detail: string) => ({ refused: 'MALFORMED', detail }) as const
  if (!Number.isSafeInteger(timeMs)) return malformed(`time ${timeMs}`)
  if (peers.length > limits.maxPeers) return malformed(`${peers.length} peers`)
  if (location.length > limits.maxLocationChars || !isPrintable(location)) return malformed('its location')
  if (peers.some(({ peer, ms }) => peer.length !== 32 || !(ms >= 0 && Number.isFinite(ms)))) {
    return malformed('a round trip that is none')
  }
  if (!equal(market, facts.market)) return { refused: 'FOREIGN', detail: 'of another market' }
  const ageMs = facts.now - timeMs
  if (ageMs > limits.maxAgeMs) return { refused: 'STALE', detail: `made ${ageMs} ms ago` }
  if (-ageMs > limits.maxSkewMs) return { refused: 'FROM_THE_FUTURE', detail: `made ${-ageMs} ms ahead` }
  return undefined
}
