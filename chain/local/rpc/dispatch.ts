import { NightshiftError } from '../../../protocols/errors.js'
import { accountMethods } from './accounts.js'
import { blockMethods } from './blocks.js'
import { clusterMethods } from './cluster.js'
import { RPC_CODE, RpcError } from './error.js'
import type { Method, RpcContext } from './method.js'
import { tokenMethods } from './tokens.js'
import { transactionMethods } from './transactions.js'

const METHODS: ReadonlyMap<string, Method> = new Map(
  Object.entries({
    ...accountMethods,
    ...tokenMethods,
    ...transactionMethods,
    ...blockMethods,
    ...clusterMethods,
  }),
)

/** Calls in one batch; web3.js sends batches of what its caller asked for at once. */
const BATCH_LIMIT = 256

export type RpcId = string | number | null

export interface RpcCall {
  readonly id: RpcId | undefined
  readonly method: string
  readonly params: readonly unknown[]
}

export type RpcResponse =
  | { jsonrpc: '2.0'; result: unknown; id: RpcId }
  | { jsonrpc: '2.0'; error: { code: number; message: string; data?: unknown }; id: RpcId }

export function respondWithError(id: RpcId, error: RpcError): RpcResponse {
  const { code, message, data } = error
  return { jsonrpc: '2.0', error: { code, message, ...(data !== undefined && { data }) }, id }
}

export function parseJson(body: string): unknown {
  try {
    return JSON.parse(body)
  } catch {
    throw new RpcError(RPC_CODE.parse, 'Parse error')
  }
}

/** Checks the envelope of one call. */
export function readCall(value: unknown): RpcCall {
  const invalid = () => new RpcError(RPC_CODE.invalidRequest, 'Invalid request')
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw invalid()
  const { jsonrpc, id, method, params } = value as Record<string, unknown>
  if (jsonrpc !== '2.0' || typeof method !== 'string') throw invalid()
  if (id !== undefined && id !== null && typeof id !== 'string' && typeof id !== 'number') throw invalid()
  if (params !== undefined && params !== null && !Array.isArray(params)) {
    throw new RpcError(RPC_CODE.invalidParams, 'Invalid params: a list of parameters is needed')
  }
  return { id, method, params: params ?? [] }
}

/** The error that a caller is told; what is no refusal of ours is logged and told without its detail. */
export function toRpcError(context: RpcContext, method: string, error: unknown): RpcError {
  if (error instanceof RpcError) return error
  if (error instanceof NightshiftError && error.code.startsWith('STORAGE_')) {
    context.log.error('a change could not be stored', { method, error: error.message })
    return new RpcError(RPC_CODE.storage, `${error.message}. ${error.advice}`, { code: error.code })
  }
  const shown = error instanceof Error ? (error.stack ?? error.message) : String(error)
  context.log.error('an RPC method failed', { method, error: shown })
  return new RpcError(RPC_CODE.internal, 'Internal error')
}

/** Runs one call. Undefined for a notification (a call without an id), which is not answered. */
export function answerCall(context: RpcContext, value: unknown): RpcResponse | undefined {
  let call: RpcCall
  try {
    call = readCall(value)
  } catch (error) {
    return respondWithError(idOf(value), toRpcError(context, 'unknown', error))
  }
  const response = runCall(context, call)
  return call.id === undefined ? undefined : response
}

function runCall(context: RpcContext, { id = null, method, params }: RpcCall): RpcResponse {
  const run = METHODS.get(method)
  if (run === undefined) {
    return respondWithError(
      id,
      new RpcError(RPC_CODE.methodNotFound, `Method not found: ${method.slice(0, 64)}`),
    )
  }
  try {
    return { jsonrpc: '2.0', result: run(context, params), id }
  } catch (error) {
    return respondWithError(id, toRpcError(context, method, error))
  }
}

function idOf(value: unknown): RpcId {
  const id = (value as { id?: unknown } | null)?.id
  return typeof id === 'string' || typeof id === 'number' ? id : null
}

/** How many calls this body holds: what a rate limit counts. */
export function countCalls(body: unknown): number {
  return Array.isArray(body) ? body.length : 1
}

/** Answers a request body: one call or a batch. Undefined when nothing in it wants an answer. */
export function answerBody(context: RpcContext, body: unknown): RpcResponse | RpcResponse[] | undefined {
  if (!Array.isArray(body)) return answerCall(context, body)
  if (body.length === 0)
    return respondWithError(null, new RpcError(RPC_CODE.invalidRequest, 'Invalid request'))
  if (body.length > BATCH_LIMIT) {
    const message = `Batch of ${body.length} calls; the limit is ${BATCH_LIMIT}`
    return respondWithError(null, new RpcError(RPC_CODE.invalidRequest, message))
  }
  const responses = body.flatMap((call) => answerCall(context, call) ?? [])
  return responses.length === 0 ? undefined : responses
}
