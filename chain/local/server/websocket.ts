import { createServer, type Server } from 'node:http'
import { type WebSocket, WebSocketServer } from 'ws'
import type { Clock } from '../../../protocols/ports.js'
import { encodeJson } from '../encoding.js'
import { answerCall, parseJson, readCall, respondWithError, toRpcError } from '../rpc/dispatch.js'
import { RPC_CODE, RpcError } from '../rpc/error.js'
import type { RpcContext } from '../rpc/method.js'
import { readSubscriptionMethod, type Subscriptions } from '../subscriptions.js'
import { createBucket, isOriginAllowed, type ServerLimits } from './limit.js'

export interface WebsocketOptions {
  clock: Clock
  limits: ServerLimits
  allowedOrigins: readonly string[]
}

export interface WebsocketServer {
  /** Not listening yet. */
  readonly server: Server
  close(): void
}

/** Codes of RFC 6455, section 7.4.1. */
const TOO_SLOW = 1013

/** JSON-RPC over websockets: subscriptions, and every method that HTTP has. */
export function createWebsocketServer(
  context: RpcContext,
  subscriptions: Subscriptions,
  { clock, limits, allowedOrigins }: WebsocketOptions,
): WebsocketServer {
  const server = createServer({
    requestTimeout: limits.requestTimeoutMs,
    headersTimeout: limits.requestTimeoutMs,
  })
  server.maxConnections = limits.connections
  server.on('request', (_request, response) => {
    response.writeHead(426, { 'content-type': 'text/plain' })
    response.end('this port speaks websocket; JSON-RPC over HTTP is one port below')
  })
  const sockets = new WebSocketServer({
    server,
    maxPayload: limits.bodyBytes,
    verifyClient: ({ req }: { req: { headers: { origin?: string | undefined } } }) =>
      isOriginAllowed(req.headers.origin, allowedOrigins),
  })
  const answered = new WeakSet<WebSocket>()

  sockets.on('connection', (socket) => {
    serveSocket(socket, context, subscriptions, limits, createBucket(clock, limits))
    answered.add(socket)
    socket.on('pong', () => answered.add(socket))
    socket.on('message', () => answered.add(socket))
  })
  sockets.on('error', (error) => context.log.debug('websocket server', { error: error.message }))

  const stopPinging = clock.every(limits.pingMs, () => {
    for (const socket of sockets.clients) {
      if (!answered.delete(socket)) socket.terminate()
      else socket.ping()
    }
  })

  return {
    server,
    close() {
      stopPinging()
      for (const socket of sockets.clients) socket.terminate()
      sockets.close()
    },
  }
}

function serveSocket(
  socket: WebSocket,
  context: RpcContext,
  subscriptions: Subscriptions,
  limits: ServerLimits,
  take: (calls: number) => boolean,
): void {
  const own = new Set<number>()

  const send = (message: unknown) => {
    if (socket.readyState !== socket.OPEN) return
    if (socket.bufferedAmount > limits.waitingBytes) socket.close(TOO_SLOW, 'reads too slowly')
    else socket.send(encodeJson(message))
  }
  const notify = (method: string, id: number, result: unknown) => {
    if (method === 'signatureNotification') own.delete(id)
    send({ jsonrpc: '2.0', method, params: { result, subscription: id } })
  }

  const handle = (value: unknown): void => {
    if (!take(1)) throw new RpcError(RPC_CODE.rateLimited, 'Too many calls on this connection; slow down')
    const { method, params, id = null } = readCall(value)
    const wanted = readSubscriptionMethod(method)
    if (wanted === undefined) {
      const response = answerCall(context, value)
      if (response !== undefined) send(response)
      return
    }
    if (wanted.action === 'unsubscribe') {
      const subscription = params[0]
      const known = typeof subscription === 'number' && own.delete(subscription)
      if (!known) throw new RpcError(RPC_CODE.invalidParams, 'Invalid subscription id.')
      subscriptions.unsubscribe(subscription)
      send({ jsonrpc: '2.0', result: true, id })
      return
    }
    if (own.size >= limits.subscriptions) {
      throw new RpcError(
        RPC_CODE.invalidRequest,
        `a connection may hold ${limits.subscriptions} subscriptions`,
      )
    }
    const created = subscriptions.subscribe(wanted.kind, params, notify)
    own.add(created.id)
    send({ jsonrpc: '2.0', result: created.id, id })
    created.afterwards()
  }

  socket.on('message', (data) => {
    let value: unknown
    try {
      value = parseJson(data.toString())
      handle(value)
    } catch (error) {
      const id = (value as { id?: unknown } | undefined)?.id
      const known = typeof id === 'string' || typeof id === 'number' ? id : null
      send(respondWithError(known, toRpcError(context, 'websocket', error)))
    }
  })
  socket.on('error', (error) => context.log.debug('a websocket failed', { error: error.message }))
  socket.on('close', () => {
    for (const id of own) subscriptions.unsubscribe(id)
    own.clear()
  })
}
