import { toHex } from '../../protocols/bytes.js'
import { type Content, isUrgent, periodFor } from '../../protocols/heartbeat/period.js'
import { Heartbeat } from '../../protocols/heartbeat/wire.js'
import type { Clock, Log } from '../../protocols/ports.js'
import type { HeartbeatTopic } from '../market/heartbeats.js'
import type { Store } from '../store/port.js'

/**
 * Says to the market what this node has, every period and soon after each change. The period grows with the number of
 * providers in the shard; where it has grown, changes that decide nothing wait for the next beat.
 */
export interface HeartbeatService {
  start(): Promise<void>
  /** Something may have changed; a beat goes out if what it would tell differs from what the last one told. */
  changed(): void
  /** One beat now, whatever the spacing; resolves when it was sent. For the last word before a node stops. */
  beat(): Promise<void>
  stop(): Promise<void>
  sent(): number
}

/** Changes that come close together are told together: receivers allow ten beats at once and 30 a minute. */
const SPACING_MS = 2_000

export function createHeartbeatService(parts: {
  topic: HeartbeatTopic
  store: Store
  clock: Clock
  log: Log
  /** Between two beats, as long as the shard is small enough. */
  periodMs: number
  describe: () => Content
}): HeartbeatService {
  const { topic, clock, log, describe } = parts
  const sequences = parts.store.collection<{ last: bigint }>('provider-heartbeat')
  let last = 0n
  let sent = 0
  let told: Content | undefined
  let lastBeatAt = Number.NEGATIVE_INFINITY
  let queue: Promise<void> = Promise.resolve()
  let cancelPlanned: (() => void) | undefined
  let cancelNext = () => {}
  let stopped = false

  /**
   * A number that was used once is never used again: it is on the disk before the beat goes out. At least the time in
   * milliseconds, so that a node whose disk was lost is believed again at once.
   */
  async function send(): Promise<void> {
    const now = clock.now()
    const sequence = last + 1n > BigInt(now) ? last + 1n : BigInt(now)
    await sequences.put('sequence', { last: sequence })
    last = sequence
    lastBeatAt = clock.elapsed()
    const content = describe()
    told = content
    const periodMs = periodNow()
    planNext(periodMs)
    await topic.publish({ ...content, sequence, timeMs: now, periodMs })
    sent++
  }

  const periodNow = () => periodFor(topic.members(), parts.periodMs)

  function planNext(periodMs: number): void {
    cancelNext()
    if (!stopped) cancelNext = clock.after(periodMs, () => void beat())
  }

  function beat(): Promise<void> {
    cancelPlanned?.()
    cancelPlanned = undefined
    queue = queue.then(send).catch((error) => {
      log.warn('a heartbeat could not be sent', { error: String(error) })
      planNext(periodNow())
    })
    return queue
  }

  /** In a shard of usual size every change is told. */
  function isWorthTelling(content: Content): boolean {
    if (told === undefined) return true
    if (periodNow() > parts.periodMs) return isUrgent(told, content)
    return fingerprint(content) !== fingerprint(told)
  }

  return {
    start: async () => {
      last = (await sequences.get('sequence'))?.last ?? 0n
      await beat()
    },
    changed: () => {
      if (stopped || cancelPlanned !== undefined || !isWorthTelling(describe())) return
      const wait = Math.max(0, lastBeatAt + SPACING_MS - clock.elapsed())
      cancelPlanned = clock.after(wait, () => void beat())
    },
    beat,
    stop: async () => {
      stopped = true
      cancelNext()
      cancelPlanned?.()
      await queue
    },
    sent: () => sent,
  }
}

function fingerprint(content: Content): string {
  return toHex(Heartbeat.encode({ ...content, sequence: 0n, timeMs: 0 }))
}
