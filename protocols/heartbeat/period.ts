import { Availability, type Heartbeat } from './wire.js'

/** How often a provider says what it has, so that the cost to everybody who listens stays bounded. */

/**
 * Heartbeats that a member of a shard receives in a minute, at most. One costs a node about 2 ms of processor time with
 * its copies, so 1,000 are a thirtieth of one core.
 */
export const BEATS_PER_MINUTE = 1_000
const MINUTE_MS = 60_000
/** However large the shard: an offer that is hours old says little. Reached by 60,000 members. */
export const LONGEST_PERIOD_MS = 3_600_000
/** Two beats may be lost before what was told is stale. */
const PERIODS_TO_STALE = 3

/**
 * Milliseconds between two beats of one provider in a shard with so many providers: `basePeriodMs`, until together they
 * would send more than BEATS_PER_MINUTE.
 */
export function periodFor(members: number, basePeriodMs: number): number {
  const fairMs = Math.ceil((members / BEATS_PER_MINUTE) * MINUTE_MS)
  return Math.max(basePeriodMs, Math.min(fairMs, LONGEST_PERIOD_MS))
}

/** From the period that a heartbeat announces, ms; `leastMs` where it announces none, or a shorter one. */
export function staleAfterMs({ periodMs = 0 }: Pick<Heartbeat, 'periodMs'>, leastMs: number): number {
  return Math.max(leastMs, PERIODS_TO_STALE * periodMs)
}

export type Content = Omit<Heartbeat, 'sequence' | 'timeMs'>

/**
 * Whether a change is worth a beat of its own in a shard that is too large for the base period: what decides whether
 * an order can be met at all (free or not, the price, the devices, the place, how to reach it). How many of several
 * devices are free, and what verifiers attest, can wait for the next beat.
 */
export function isUrgent(before: Content, now: Content): boolean {
  return summaryOf(before) !== summaryOf(now)
}

function summaryOf(content: Content): string {
  const { availability, devices, pricePerHour, location, runtimes, addresses, version, disagreement } =
    content
  const { noticeS = 0, untilMs = 0 } = content
  return JSON.stringify([
    availability ?? Availability.UNKNOWN,
    devices.map(({ free, memoryBytes, gflops: _, ...device }) => [
      device,
      String(memoryBytes),
      Math.min(free, 1),
    ]),
    String(pricePerHour),
    location,
    runtimes,
    addresses,
    version,
    disagreement ?? '',
    noticeS,
    untilMs,
  ])
}
