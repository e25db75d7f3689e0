import type { Connection, Stream } from '@libp2p/interface'
import { MAX_MESSAGE_BYTES, type ProtocolDescriptor, protocolId } from '../../protocols/descriptor.js'
import { codeOf } from '../../protocols/errors.js'
import type { Clock, Log } from '../../protocols/ports.js'
import { dismiss } from './dismissal.js'
import { failure, type SessionCode } from './failure.js'
import { createMetrics } from './metrics.js'
import type { CallOptions, Engine, SessionHandler } from './ports.js'
import { Gate } from './quota.js'
import type { Session } from './session.js'
import { StreamSession } from './stream.js'

/** What the engine needs of libp2p. */
export interface StreamHost {
  handle(
    protocol: string,
    handler: (stream: Stream, connection: Connection) => Promise<void>,
    options: { maxInboundStreams: number; maxOutboundStreams: number },
  ): Promise<void>
  unhandle(protocol: string): Promise<void>
  /** Resolves to a connection that is open, dialling when there is none. */
  connect(peer: string, signal?: AbortSignal): Promise<Connection>
}

export interface EngineInit {
  host: StreamHost
  network: string
  clock: Clock
  log: Log
}

/** libp2p resets streams above its own limit without a word, so that limit lies above our quota, which gives a reason. */
const STREAMS_ABOVE_QUOTA = 16
const MAX_OUTBOUND_STREAMS = 1024

export function createEngine({ host, network, clock, log }: EngineInit): Engine {
  const metrics = createMetrics()
  const sessions = new Set<StreamSession<unknown, unknown>>()
  const dismissals = new Set<Promise<void>>()
  let stopped = false

  function sendAway(stream: Stream, code: string, detail: string): void {
    const dismissal = dismiss(stream, code, detail, clock)
    dismissals.add(dismissal)
    void dismissal.then(() => dismissals.delete(dismissal))
  }

  function start<Request, Response, Out, In>(
    descriptor: ProtocolDescriptor<Request, Response>,
    ends: { encode: (message: Out) => Uint8Array; decode: (bytes: Uint8Array) => In },
    place: { stream: Stream; connection: Connection; direction: 'inbound' | 'outbound' },
    more: { signal?: AbortSignal; onReleased?: () => void },
  ): StreamSession<Out, In> {
    const isInbound = place.direction === 'inbound'
    const { word, idleTimeoutMs, frameTimeoutMs, totalTimeoutMs, quota } = descriptor
    const session = new StreamSession<Out, In>({
      ...place,
      ...ends,
      word,
      idleTimeoutMs,
      frameTimeoutMs,
      totalTimeoutMs,
      quota,
      maxInBytes: isInbound ? descriptor.maxRequestBytes : descriptor.maxResponseBytes,
      maxOutBytes: isInbound ? descriptor.maxResponseBytes : descriptor.maxRequestBytes,
      clock,
      metrics,
      signal: more.signal,
      dismiss: (stream, code) => sendAway(stream, code, ''),
      onReleased: () => {
        sessions.delete(session as StreamSession<unknown, unknown>)
        more.onReleased?.()
      },
    })
    if (!session.released) sessions.add(session as StreamSession<unknown, unknown>)
    return session
  }

  async function handle<Request, Response>(
    descriptor: ProtocolDescriptor<Request, Response>,
    handler: SessionHandler<Request, Response>,
  ): Promise<void> {
    checkSizes(descriptor)
    const { word, quota } = descriptor
    const gate = new Gate(quota)
    const onStream = async (stream: Stream, connection: Connection) => {
      const peer = connection.remotePeer.toString()
      const limit = stopped ? 'this node is shutting down' : gate.enter(peer, clock.elapsed())
      if (limit !== undefined) {
        metrics.opened(word, 'inbound')
        metrics.closed({ word, direction: 'inbound', outcome: 'QUOTA_EXCEEDED', durationMs: 0 })
        log.debug('session refused', { word, peer, limit })
        return sendAway(stream, stopped ? 'NETWORK_STOPPED' : 'QUOTA_EXCEEDED', limit)
      }
      const session = start<Request, Response, Response, Request>(
        descriptor,
        {
          encode: (message) => descriptor.response.encode(message),
          decode: (bytes) => descriptor.request.decode(bytes),
        },
        { stream, connection, direction: 'inbound' },
        { onReleased: () => gate.leave(peer) },
      )
      await serve(session, handler)
    }
    await host.handle(protocolId(network, word), onStream, {
      maxInboundStreams: quota.concurrentPerPeer + STREAMS_ABOVE_QUOTA,
      maxOutboundStreams: MAX_OUTBOUND_STREAMS,
    })
  }

  async function serve<Request, Response>(
    session: StreamSession<Response, Request>,
    handler: SessionHandler<Request, Response>,
  ): Promise<void> {
    const { word, peer } = session
    try {
      await handler(session)
      await session.close()
    } catch (cause) {
      // a session that failed first is the cause, not the handler, which then only passes the failure on
      if (session.failed !== undefined)
        return log.debug('session failed', { word, peer, code: session.failed.code })
      log.warn('handler failed', { word, peer, code: codeOf(cause), error: String(cause) })
      session.abort(failure('HANDLER_FAILED', `the handler of ${word} failed`, { word, peer }, cause))
    }
  }

  async function open<Request, Response>(
    descriptor: ProtocolDescriptor<Request, Response>,
    peer: string,
    { signal }: CallOptions = {},
  ): Promise<Session<Request, Response>> {
    const { word } = descriptor
    checkSizes(descriptor)
    if (stopped) throw failure('NETWORK_STOPPED', 'this node is shutting down', { word, peer })
    const connection = await attempt(word, peer, 'PEER_UNREACHABLE', signal, () => host.connect(peer, signal))
    const stream = await attempt(word, peer, 'PEER_GONE', signal, () =>
      connection.newStream([protocolId(network, word)], {
        ...(signal === undefined ? {} : { signal }),
        maxOutboundStreams: MAX_OUTBOUND_STREAMS,
      }),
    )
    return start<Request, Response, Request, Response>(
      descriptor,
      {
        encode: (message) => descriptor.request.encode(message),
        decode: (bytes) => descriptor.response.decode(bytes),
      },
      { stream, connection, direction: 'outbound' },
      { signal },
    )
  }

  async function request<Request, Response>(
    descriptor: ProtocolDescriptor<Request, Response>,
    peer: string,
    message: Request,
    options: CallOptions = {},
  ): Promise<Response> {
    const session = await open(descriptor, peer, options)
    try {
      await session.send(message)
      await session.end()
      const response = await session.receive()
      if (response === undefined) {
        const { word } = descriptor
        throw failure('PEER_SILENT', `${peer} ended ${word} without an answer`, { word, peer })
      }
      return response
    } finally {
      // not awaited: the answer is here, and the rest of the closing concerns nobody
      void session.close()
    }
  }

  return {
    handle,
    unhandle: ({ word }) => host.unhandle(protocolId(network, word)),
    open,
    request,
    metrics: () => metrics.snapshot(),
    stop: async () => {
      stopped = true
      for (const session of [...sessions]) {
        session.abort(failure('NETWORK_STOPPED', 'this node is shutting down', { word: session.word }))
      }
      await Promise.all(dismissals)
    },
  }
}

function checkSizes<Request, Response>(descriptor: ProtocolDescriptor<Request, Response>): void {
  const { word, maxRequestBytes, maxResponseBytes } = descriptor
  for (const bytes of [maxRequestBytes, maxResponseBytes]) {
    if (!Number.isInteger(bytes) || bytes < 0 || bytes > MAX_MESSAGE_BYTES) {
      throw new RangeError(
        `${word}: a message limit of ${bytes} bytes is not within 0 to ${MAX_MESSAGE_BYTES}`,
      )
    }
  }
}

/** Runs a step of opening a session and names what went wrong. */
async function attempt<T>(
  word: string,
  peer: string,
  code: SessionCode,
  signal: AbortSignal | undefined,
  step: () => Promise<T>,
): Promise<T> {
  try {
    signal?.throwIfAborted()
    return await step()
  } catch (cause) {
    const context = { word, peer }
    if (signal?.aborted)
      throw failure('SESSION_CANCELLED', `opening ${word} was cancelled`, context, signal.reason)
    if (nameOf(cause) === 'UnsupportedProtocolError') {
      throw failure('PROTOCOL_UNSUPPORTED', `${peer} does not offer ${word}`, context, cause)
    }
    throw failure(code, `${word} could not be opened with ${peer}: ${messageOf(cause)}`, context, cause)
  }
}

function nameOf(error: unknown): string | undefined {
  return error instanceof Error ? error.name : undefined
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
