import type { ProtocolDescriptor } from '../descriptor.js'
import { VoucherRequest, VoucherResponse } from './wire.js'

/** One voucher per slice; a provider that closes the lease on a final one waits for the chain before it answers. */
export const settlementProtocol: ProtocolDescriptor<VoucherRequest, VoucherResponse> = {
  word: 'settlement',
  version: '1.0.0',
  request: VoucherRequest,
  response: VoucherResponse,
  maxRequestBytes: 512,
  maxResponseBytes: 1_024,
  idleTimeoutMs: 60_000,
  totalTimeoutMs: 90_000,
  quota: { concurrentPerPeer: 4, opensPerMinute: 1_200 },
}
