import { generateKeyPair } from '@libp2p/crypto/keys'
import type { Ed25519PrivateKey } from '@libp2p/interface'
import { createMetrics } from '../../node/net/metrics.js'
import type { Engine, Gossip, Network, SessionHandler, TopicRules, Verdict } from '../../node/net/ports.js'
import type { Session } from '../../node/net/session.js'
import { type ProtocolDescriptor, protocolId } from '../../protocols/descriptor.js'
import { NightshiftError } from '../../protocols/errors.js'
import { peerIdFromSolanaKey } from '../../protocols/peer.js'

/**
 * Networks in memory that reach one another through a hub: everybody is everybody's neighbour, messages are encoded
 * and decoded by their codecs and held to their sizes. For the logic of services; sockets have tests of their own.
 */
export interface Hub {
  join(key?: Ed25519PrivateKey): Promise<MemoryNetwork>
  /** Every gossip message with what each receiver made of it. */
  readonly verdicts: Array<{ topic: string; to: string; verdict: Verdict }>
  /** Where everybody sees a peer's connections come from; default: nowhere. */
  readonly remotes: Map<string, string[]>
}

export interface MemoryNetwork extends Network {
  /** Sends any bytes into a topic, as a hostile neighbour could. */
  inject(topic: string, data: Uint8Array): Promise<Verdict[]>
}

export function createHub(name = 'localnet'): Hub {
  const members = new Map<string, Member>()
  const verdicts: Hub['verdicts'] = []
  const remotes: Hub['remotes'] = new Map()
  return {
    verdicts,
    remotes,
    join: async (key) => {
      const privateKey = key ?? (await generateKeyPair('Ed25519'))
      const publicKey = privateKey.publicKey.raw
      const peer = peerIdFromSolanaKey(publicKey)
      const member: Member = { peer, topics: new Map(), handlers: new Map() }
      members.set(peer, member)

      const inject = async (topic: string, data: Uint8Array) => {
        const others = [...members.values()].filter((other) => other !== member && other.topics.has(topic))
        return Promise.all(
          others.map(async (other) => {
            const rules = other.topics.get(topic)!
            const message = { topic, data: data.slice(), from: peer }
            const verdict = await Promise.resolve(rules.validate(message)).catch(() => 'reject' as const)
            verdicts.push({ topic, to: other.peer, verdict })
            if (verdict === 'accept') rules.onMessage(message)
            return verdict
          }),
        )
      }
      const gossip: Gossip = {
        join: (topic, rules) => void member.topics.set(topic, rules),
        leave: (topic) => void member.topics.delete(topic),
        publish: async (topic, data) => ({ recipients: (await inject(topic, data)).length }),
        peers: (topic) =>
          [...members.values()]
            .filter((other) => other !== member && other.topics.has(topic))
            .map((other) => other.peer),
        rank: () => {},
      }
      const engine = createMemoryEngine(name, member, members)
      return {
        name,
        peer,
        publicKey,
        privateKey,
        engine,
        gossip,
        dht: noDht,
        inject,
        addresses: () => [`/memory/${peer}`],
        dial: async (target) => target.split('/').at(-1)!,
        hangUp: async () => {},
        roundTripMs: async () => 0,
        peers: () => [...members.keys()].filter((other) => other !== peer),
        remotes: (other) => remotes.get(other) ?? [],
        onPeer: () => () => {},
        stop: async () => {
          await engine.stop()
          members.delete(peer)
        },
      }
    },
  }
}

interface Member {
  peer: string
  topics: Map<string, TopicRules>
  handlers: Map<string, Handler>
}

interface Handler {
  descriptor: ProtocolDescriptor<unknown, unknown>
  handler: SessionHandler<unknown, unknown>
}

const noDht: Network['dht'] = {
  provide: async () => {},
  stopProviding: async () => {},
  findProviders: async function* () {},
  put: async () => {},
  get: async () => undefined,
  registerRecord: () => {},
}

function createMemoryEngine(network: string, self: Member, members: Map<string, Member>): Engine {
  const open = new Set<MemorySession<unknown, unknown>>()
  const engine: Engine = {
    handle: async (descriptor, handler) => {
      self.handlers.set(protocolId(network, descriptor.word), { descriptor, handler } as Handler)
    },
    unhandle: async (descriptor) => {
      self.handlers.delete(protocolId(network, descriptor.word))
    },
    open: async (descriptor, peer, options = {}) => {
      options.signal?.throwIfAborted()
      const other = members.get(peer)
      if (other === undefined) throw failure('PEER_UNREACHABLE')
      const answering = other.handlers.get(protocolId(network, descriptor.word))
      if (answering === undefined) throw failure('PROTOCOL_UNSUPPORTED')
      const [here, there] = connect(descriptor, self.peer, peer)
      open.add(here as MemorySession<unknown, unknown>)
      options.signal?.addEventListener('abort', () => here.abort(failure('SESSION_CANCELLED')))
      answering
        .handler(there as Session<unknown, unknown>)
        .then(() => there.close())
        .catch((error) => {
          here.fail(failure('HANDLER_FAILED', error))
          there.fail(failure('HANDLER_FAILED', error))
        })
      return here
    },
    request: async (descriptor, peer, message, options) => {
      const session = await engine.open(descriptor, peer, options)
      await session.send(message)
      await session.end()
      const response = await session.receive()
      await session.close()
      if (response === undefined) throw failure('PEER_SILENT')
      return response
    },
    metrics: () => createMetrics().snapshot(),
    stop: async () => {
      for (const session of open) session.abort(failure('SESSION_CANCELLED'))
    },
  }
  return engine
}

interface MemorySession<Out, In> extends Session<Out, In> {
  fail(error: Error): void
}

function connect<Request, Response>(
  descriptor: ProtocolDescriptor<Request, Response>,
  from: string,
  to: string,
): [MemorySession<Request, Response>, MemorySession<Response, Request>] {
  const requests = createPipe<Request>(descriptor.request, descriptor.maxRequestBytes)
  const responses = createPipe<Response>(descriptor.response, descriptor.maxResponseBytes)
  const here = side(descriptor.word, 'outbound', to, requests, responses)
  const there = side(descriptor.word, 'inbound', from, responses, requests)
  here.onAbort = (error) => there.fail(error)
  there.onAbort = (error) => here.fail(error)
  return [here, there]
}

interface Pipe<T> {
  push(message: T): Promise<void>
  pull(): Promise<T | undefined>
  end(): void
  drop(): void
  fail(error: Error): void
}

const HIGH_WATER = 64

function createPipe<T>(
  codec: { encode(message: T): Uint8Array; decode(bytes: Uint8Array): T },
  max: number,
): Pipe<T> {
  const queue: Uint8Array[] = []
  let ended = false
  let dropped = false
  let error: Error | undefined
  let wake = () => {}
  let changed = new Promise<void>((resolve) => (wake = resolve))
  const signal = () => {
    wake()
    changed = new Promise<void>((resolve) => (wake = resolve))
  }
  return {
    push: async (message) => {
      if (error !== undefined) throw error
      const bytes = codec.encode(message)
      if (bytes.length > max) throw failure('MESSAGE_TOO_LARGE')
      if (dropped) return
      queue.push(bytes)
      signal()
      while (queue.length > HIGH_WATER && error === undefined && !dropped) await changed
    },
    pull: async () => {
      for (;;) {
        if (error !== undefined) throw error
        const bytes = queue.shift()
        if (bytes !== undefined) {
          signal()
          return codec.decode(bytes)
        }
        if (ended) return undefined
        await changed
      }
    },
    end: () => {
      ended = true
      signal()
    },
    drop: () => {
      dropped = true
      queue.length = 0
      signal()
    },
    fail: (reason) => {
      error ??= reason
      signal()
    },
  }
}

function side<Out, In>(
  word: string,
  direction: 'inbound' | 'outbound',
  peer: string,
  out: Pipe<Out>,
  into: Pipe<In>,
): MemorySession<Out, In> & { onAbort: (error: Error) => void } {
  const controller = new AbortController()
  let closed = false
  const fail = (error: Error) => {
    if (closed) return
    out.fail(error)
    into.fail(error)
    controller.abort(error)
  }
  const session = {
    word,
    direction,
    peer,
    connection: { id: 'memory', remoteAddress: `/memory/${peer}`, direction },
    signal: controller.signal,
    send: (message: Out) => out.push(message),
    receive: () => into.pull(),
    async *[Symbol.asyncIterator]() {
      for (let message = await into.pull(); message !== undefined; message = await into.pull()) yield message
    },
    end: async () => out.end(),
    close: async () => {
      closed = true
      out.end()
      into.drop()
    },
    abort: (error: Error) => {
      session.onAbort(error)
      fail(error)
    },
    fail,
    onAbort: (_error: Error) => {},
  }
  return session
}

function failure(code: string, cause?: unknown): NightshiftError {
  return new NightshiftError(code, code.toLowerCase().replaceAll('_', ' '), { advice: 'see the test', cause })
}
