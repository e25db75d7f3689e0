import type { ProtocolDescriptor } from '../descriptor.js'
import { RosterRequest, RosterResponse } from './wire.js'

/** Largest number of heartbeats that one answer holds; a shard has more, and gossip brings the rest. */
export const ROSTER_HEARTBEATS = 2_048
/** Open orders in one answer. */
export const ROSTER_ORDERS = 32
/** Heartbeats in one frame of the answer. */
export const ROSTER_BATCH = 32
/** Peer ids in one answer. */
export const ROSTER_MEMBERS = 16

/**
 * Who joins a shard asks a member for what it has heard, instead of waiting for the next beat of everybody. An answer
 * can be a megabyte, so it is asked for rarely.
 */
export const rosterProtocol: ProtocolDescriptor<RosterRequest, RosterResponse> = {
  word: 'heartbeat/roster',
  version: '1.0.0',
  request: RosterRequest,
  response: RosterResponse,
  maxRequestBytes: 64,
  // orders of at most 13 KiB each, and a batch of heartbeats of 8
  maxResponseBytes: 768 * 1024,
  idleTimeoutMs: 5_000,
  totalTimeoutMs: 20_000,
  quota: { concurrentPerPeer: 4, opensPerMinute: 120, concurrentTotal: 64 },
}
