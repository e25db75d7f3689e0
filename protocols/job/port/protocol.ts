import type { ProtocolDescriptor } from '../../descriptor.js'
import { PORT_LIMITS } from './rules.js'
import { ExecRequest, ExecResponse, ForwardRequest, ForwardResponse } from './wire.js'

/** Room for the field tags around the data, and for a command. */
const OVERHEAD_BYTES = 256

/**
 * One stream is one connection to a port of a running job. Its sides are silent for as long as the job's and the
 * renter's programs like; `PORT_LIMITS.idleMs` ends it when both are, which neither frame time-out can see.
 */
export const forwardProtocol: ProtocolDescriptor<ForwardRequest, ForwardResponse> = {
  word: 'job-forward',
  version: '1.0.0',
  request: ForwardRequest,
  response: ForwardResponse,
  maxRequestBytes: PORT_LIMITS.pieceBytes + OVERHEAD_BYTES,
  maxResponseBytes: PORT_LIMITS.pieceBytes + 2 * PORT_LIMITS.maxDetailChars + OVERHEAD_BYTES,
  idleTimeoutMs: 24 * 3_600_000,
  quota: {
    concurrentPerPeer: PORT_LIMITS.maxConnections,
    opensPerMinute: 6_000,
    bytesPerSecond: PORT_LIMITS.bytesPerSecond,
  },
}

/** One stream is one program beside a running job. */
export const execProtocol: ProtocolDescriptor<ExecRequest, ExecResponse> = {
  word: 'job-exec',
  version: '1.0.0',
  request: ExecRequest,
  response: ExecResponse,
  maxRequestBytes: PORT_LIMITS.maxCommandBytes + PORT_LIMITS.pieceBytes + OVERHEAD_BYTES,
  maxResponseBytes: PORT_LIMITS.pieceBytes + 2 * PORT_LIMITS.maxDetailChars + OVERHEAD_BYTES,
  idleTimeoutMs: 24 * 3_600_000,
  quota: {
    concurrentPerPeer: PORT_LIMITS.maxPrograms,
    opensPerMinute: 120,
    bytesPerSecond: PORT_LIMITS.bytesPerSecond,
  },
}
