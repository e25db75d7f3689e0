import { equal } from '../bytes.js'
import type { Refusal } from '../errors.js'
import { isPrintable, printable } from '../text.js'
import { LONGEST_PERIOD_MS, staleAfterMs } from './period.js'
import { Availability, type Heartbeat } from './wire.js'

export const HEARTBEAT_LIMITS = {
  /** Bytes of a sealed heartbeat: 8 device groups and 8 addresses with their names, and the envelope. */
  maxBytes: 8_192,
  maxDevices: 8,
  maxAddresses: 16,
  maxRuntimes: 8,
  maxTextChars: 128,
  maxAddressChars: 256,
  maxDisagreementChars: 512,
  maxAttestations: 32,
  /** Older than this is stale, unless a longer period is announced (`staleAfterMs`): three beats of the default one. */
  maxAgeMs: 180_000,
  /** A sender's clock may be ahead of ours by this much. */
  maxSkewMs: 10_000,
} as const

export const DEFAULT_PERIOD_MS = 60_000

/** The longest notice that a provider can promise: what is further ahead belongs into a schedule. */
export const MAX_NOTICE_S = 3_600

export type HeartbeatRefusal = 'MALFORMED' | 'FOREIGN_MARKET' | 'STALE' | 'FROM_THE_FUTURE' | 'REPLAYED'

export interface SeenHeartbeat {
  sequence: bigint
}

/** Whether a heartbeat may be believed and passed on, given the newest that we have seen of the same author. */
export function judgeHeartbeat(
  heartbeat: Heartbeat,
  facts: { now: number; market: Uint8Array; seen?: SeenHeartbeat | undefined },
): Refusal<HeartbeatRefusal> | undefined {
  const malformed = findMalformed(heartbeat)
  if (malformed !== undefined) return { refused: 'MALFORMED', detail: malformed }
  if (!equal(facts.market, heartbeat.market)) {
    return { refused: 'FOREIGN_MARKET', detail: 'the heartbeat names another market' }
  }
  const ageMs = facts.now - heartbeat.timeMs
  if (ageMs > staleAfterMs(heartbeat, HEARTBEAT_LIMITS.maxAgeMs))
    return { refused: 'STALE', detail: `sent ${ageMs} ms ago` }
  if (-ageMs > HEARTBEAT_LIMITS.maxSkewMs) {
    return { refused: 'FROM_THE_FUTURE', detail: `its clock is ${-ageMs} ms ahead of ours` }
  }
  if (facts.seen !== undefined && heartbeat.sequence <= facts.seen.sequence) {
    return { refused: 'REPLAYED', detail: `sequence ${heartbeat.sequence}, seen ${facts.seen.sequence}` }
  }
  return undefined
}

function findMalformed(heartbeat: Heartbeat): string | undefined {
  const limits = HEARTBEAT_LIMITS
  if (heartbeat.market.length !== 32) return `market has ${heartbeat.market.length} bytes, not 32`
  if (!Number.isSafeInteger(heartbeat.timeMs)) return `time ${heartbeat.timeMs}`
  if (heartbeat.availability === Availability.UNKNOWN) return 'availability is missing'
  if (heartbeat.devices.length === 0) return 'no devices'
  if (heartbeat.devices.length > limits.maxDevices) return `${heartbeat.devices.length} device groups`
  if (heartbeat.addresses.length > limits.maxAddresses) return `${heartbeat.addresses.length} addresses`
  if (heartbeat.runtimes.length > limits.maxRuntimes) return `${heartbeat.runtimes.length} runtimes`
  const texts = [
    heartbeat.location,
    heartbeat.version,
    ...heartbeat.runtimes,
    ...heartbeat.devices.flatMap((device) => [
      device.model,
      device.backend,
      device.driver,
      device.cudaVersion,
    ]),
  ]
  const long = texts.find((text) => text.length > limits.maxTextChars)
  if (long !== undefined) return `a text of ${long.length} characters`
  const odd = texts.find((text) => !isPrintable(text))
  if (odd !== undefined) return `a text with control characters: ${JSON.stringify(printable(odd))}`
  const far = heartbeat.addresses.find((address) => address.length > limits.maxAddressChars)
  if (far !== undefined) return `an address of ${far.length} characters`
  const { disagreement = '', attestations = 0, attestationsDigest, periodMs = 0 } = heartbeat
  if (periodMs > LONGEST_PERIOD_MS) return `a period of ${periodMs} ms`
  if (disagreement.length > limits.maxDisagreementChars)
    return `${disagreement.length} characters of disagreement`
  if (attestations > limits.maxAttestations) return `${attestations} attestations`
  if (attestationsDigest !== undefined && attestationsDigest.length !== 32)
    return 'a digest of another length'
  const { noticeS = 0, untilMs = 0 } = heartbeat
  if (noticeS > MAX_NOTICE_S) return `a notice of ${noticeS} s`
  if (!Number.isSafeInteger(untilMs)) return `an end at ${untilMs}`
  for (const device of heartbeat.devices) {
    if (device.count === 0 || device.free > device.count) return `${device.free} free of ${device.count}`
    if (!Number.isFinite(device.gflops) || device.gflops < 0) return `gflops ${device.gflops}`
  }
  return undefined
}
