import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { Clock } from '../../../protocols/ports.js'
import { encodeJson } from '../encoding.js'
import { answerBody, countCalls, parseJson, respondWithError, toRpcError } from '../rpc/dispatch.js'
import { RPC_CODE, RpcError } from '../rpc/error.js'
import type { RpcContext } from '../rpc/method.js'
import { createBucket, isOriginAllowed, type ServerLimits } from './limit.js'

export interface HttpOptions {
  clock: Clock
  limits: ServerLimits
  allowedOrigins: readonly string[]
}

/** Idle connections are kept this long: longer than the pauses of a polling client. */
const KEEP_ALIVE_MS = 30_000

function reply(response: ServerResponse, status: number, body: string, type = 'application/json'): void {
  response.writeHead(status, { 'content-type': type, 'content-length': Buffer.byteLength(body) })
  response.end(body)
}

/** The whole body, or an HTTP status that says why it is not read. */
async function readBody(request: IncomingMessage, limitBytes: number): Promise<string | 413> {
  const declared = Number(request.headers['content-length'] ?? 0)
  if (declared > limitBytes) return 413
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length
    if (bytes > limitBytes) return 413
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString('utf8')
}

/**
 * JSON-RPC 2.0 over HTTP POST, one call or a batch, on any path; `GET /health` answers `ok`. Not listening yet.
 */
export function createHttpServer(context: RpcContext, options: HttpOptions): Server {
  const { clock, limits, allowedOrigins } = options
  const buckets = new WeakMap<Socket, (calls: number) => boolean>()

  const bucketOf = (socket: Socket) => {
    const bucket = buckets.get(socket) ?? createBucket(clock, limits)
    buckets.set(socket, bucket)
    return bucket
  }

  const answer = (socket: Socket, text: string): string | undefined => {
    try {
      const body = parseJson(text)
      if (!bucketOf(socket)(countCalls(body))) {
        throw new RpcError(RPC_CODE.rateLimited, 'Too many calls on this connection; slow down')
      }
      const response = answerBody(context, body)
      return response === undefined ? undefined : encodeJson(response)
    } catch (error) {
      return encodeJson(respondWithError(null, toRpcError(context, 'request', error)))
    }
  }

  const handlePost = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const text = await readBody(request, limits.bodyBytes)
    if (text === 413) {
      response.setHeader('connection', 'close')
      reply(response, 413, `the request body is larger than ${limits.bodyBytes} bytes`, 'text/plain')
      return
    }
    const body = answer(request.socket, text)
    if (body === undefined) response.writeHead(204).end()
    else reply(response, 200, body)
  }

  const handle = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const { origin } = request.headers
    if (!isOriginAllowed(origin, allowedOrigins)) {
      return reply(response, 403, `requests of pages from ${origin} are not allowed`, 'text/plain')
    }
    if (origin !== undefined) {
      response.setHeader('access-control-allow-origin', origin)
      response.setHeader('access-control-allow-methods', 'POST, GET, OPTIONS')
      response.setHeader('access-control-allow-headers', 'content-type, solana-client')
      response.setHeader('vary', 'origin')
    }
    switch (request.method) {
      case 'POST':
        return handlePost(request, response)
      case 'OPTIONS':
        response.writeHead(204).end()
        return
      case 'GET':
        if (request.url === '/health') return reply(response, 200, 'ok', 'text/plain')
    }
    response.setHeader('allow', 'POST')
    reply(response, 405, 'use POST with a JSON-RPC 2.0 body', 'text/plain')
  }

  const server = createServer(
    {
      requestTimeout: limits.requestTimeoutMs,
      headersTimeout: limits.requestTimeoutMs,
      connectionsCheckingInterval: Math.max(100, Math.floor(limits.requestTimeoutMs / 4)),
      keepAliveTimeout: KEEP_ALIVE_MS,
      maxHeaderSize: 16 * 1024,
    },
    (request, response) => {
      handle(request, response).catch((error) => {
        context.log.debug('a request broke off', { error: String(error) })
        response.destroy()
      })
    },
  )
  server.maxConnections = limits.connections
  return server
}
