import type { ProtocolDescriptor } from '../descriptor.js'
import { LeaseRequest, LeaseResponse } from './wire.js'

/**
 * Proposal, then word of the opened lease, each a request with one response. A result with 128 sealed bids is the
 * largest thing that travels here; the provider may have to ask the chain before it answers.
 */
export const leaseProtocol: ProtocolDescriptor<LeaseRequest, LeaseResponse> = {
  word: 'lease',
  version: '1.0.0',
  request: LeaseRequest,
  response: LeaseResponse,
  maxRequestBytes: 131_072,
  maxResponseBytes: 1_024,
  idleTimeoutMs: 30_000,
  totalTimeoutMs: 60_000,
  quota: { concurrentPerPeer: 4, opensPerMinute: 60 },
}
