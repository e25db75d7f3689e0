import type { ProtocolDescriptor } from '../descriptor.js'
import { ChallengeRequest, ChallengeResponse } from './wire.js'

/** Devices of one provider that one asker challenges at the same time. */
export const MAX_DEVICES_AT_ONCE = 16

/**
 * Proving takes the provider seconds of device time, so it keeps a budget of its own for each device; a session is one
 * proof of one device. An opening is an entry with its Merkle path, under 2 KiB; 256 of them at most are asked for at once.
 */
export const challengeProtocol: ProtocolDescriptor<ChallengeRequest, ChallengeResponse> = {
  word: 'challenge',
  version: '1.0.0',
  request: ChallengeRequest,
  response: ChallengeResponse,
  maxRequestBytes: 8_192,
  maxResponseBytes: 1_048_576,
  idleTimeoutMs: 120_000,
  frameTimeoutMs: 30_000,
  totalTimeoutMs: 300_000,
  quota: { concurrentPerPeer: MAX_DEVICES_AT_ONCE, opensPerMinute: 4 * MAX_DEVICES_AT_ONCE },
}

export const MAX_OPENINGS = 256
