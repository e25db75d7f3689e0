import type { ProtocolDescriptor } from '../descriptor.js'
import { InventoryRequest, InventoryResponse } from './wire.js'

/** Anyone may ask any provider for its details: cheap to answer, so a few a second are allowed. */
export const inventoryProtocol: ProtocolDescriptor<InventoryRequest, InventoryResponse> = {
  word: 'inventory',
  version: '1.0.0',
  request: InventoryRequest,
  response: InventoryResponse,
  maxRequestBytes: 64,
  maxResponseBytes: 65_536,
  idleTimeoutMs: 10_000,
  totalTimeoutMs: 20_000,
  quota: { concurrentPerPeer: 4, opensPerMinute: 120 },
}
