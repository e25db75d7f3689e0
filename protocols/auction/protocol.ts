import type { ProtocolDescriptor } from '../descriptor.js'
import { RevealRequest, RevealResponse } from './wire.js'

/** A provider reveals its bid to the renter. A bid and its envelope take about 330 bytes. */
export const revealProtocol: ProtocolDescriptor<RevealRequest, RevealResponse> = {
  word: 'auction',
  version: '1.0.0',
  request: RevealRequest,
  response: RevealResponse,
  maxRequestBytes: 2_048,
  maxResponseBytes: 1_024,
  idleTimeoutMs: 10_000,
  totalTimeoutMs: 20_000,
  quota: { concurrentPerPeer: 4, opensPerMinute: 120 },
}
