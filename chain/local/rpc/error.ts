/** Error codes of JSON-RPC 2.0, and those of Agave's `rpc_custom_error.rs`. */
export const RPC_CODE = {
  parse: -32700,
  invalidRequest: -32600,
  methodNotFound: -32601,
  invalidParams: -32602,
  internal: -32603,
  /** Ours, in the range left to implementations: the chain could not store a change, so it was not made. */
  storage: -32050,
  /** Ours: the connection asks more often than it may. */
  rateLimited: -32051,
  preflightFailure: -32002,
  signatureVerificationFailure: -32003,
  blockNotAvailable: -32004,
  unsupportedTransactionVersion: -32015,
  minContextSlotNotReached: -32016,
} as const

/** What a caller gets as the `error` of a JSON-RPC response. */
export class RpcError extends Error {
  constructor(
    readonly code: number,
    message: string,
    readonly data?: unknown,
  ) {
    super(message)
  }
}

export function invalidParams(detail: string): RpcError {
  return new RpcError(RPC_CODE.invalidParams, `Invalid params: ${detail}`)
}
