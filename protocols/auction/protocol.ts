import type { ProtocolDescriptor } from '../descriptor.js'
import { LogRequest, LogResponse, RevealRequest, RevealResponse } from './wire.js'

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

/** Bytes of one auction in a log: an order, `maxBids` commitments of about 300 bytes, a few sealed results. */
const MAX_LOG_BYTES = 512 * 1024

/** What another node has seen of one auction: for whoever audits it and was not there for all of it. */
export const logProtocol: ProtocolDescriptor<LogRequest, LogResponse> = {
  word: 'auction/log',
  version: '1.0.0',
  request: LogRequest,
  response: LogResponse,
  maxRequestBytes: 256,
  maxResponseBytes: MAX_LOG_BYTES,
  idleTimeoutMs: 5_000,
  totalTimeoutMs: 15_000,
  quota: { concurrentPerPeer: 2, opensPerMinute: 30, concurrentTotal: 32 },
}
