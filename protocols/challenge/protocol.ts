import type { ProtocolDescriptor } from '../descriptor.js'
import { ChallengeRequest, ChallengeResponse } from './wire.js'

/**
 * Proving takes the provider seconds of device time, so one at a time for each asker. An opening is an entry with its
 * Merkle path, under 2 KiB; 256 of them at most are asked for at once.
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
  quota: { concurrentPerPeer: 1, opensPerMinute: 20 },
}

export const MAX_OPENINGS = 256
