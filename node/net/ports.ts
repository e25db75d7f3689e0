import type { Duplex } from 'node:stream'
import type { Ed25519PrivateKey } from '@libp2p/interface'
import type { ProtocolDescriptor } from '../../protocols/descriptor.js'
import type { MetricsSnapshot } from './metrics.js'
import type { Session } from './session.js'

/**
 * What the services (one per word) see of the network: ports, and no libp2p. A peer is named by its base58 peer id
 * everywhere, which is also what people and JSON see; `protocols/peer.ts` turns it into the Solana key and back.
 */

export interface CallOptions {
  /** Cancels the call; the error that it rejects with then has the code SESSION_CANCELLED and the reason as cause. */
  signal?: AbortSignal
}

/**
 * Answers one session. When it returns, the session is closed in order; when it throws, the peer learns
 * HANDLER_FAILED and nothing more. It must stop when `session.signal` aborts.
 */
export type SessionHandler<Request, Response> = (session: Session<Response, Request>) => Promise<void>

/** The one place that frames, limits, times, counts, cancels and measures what goes over streams. */
export interface Engine {
  handle<Request, Response>(
    descriptor: ProtocolDescriptor<Request, Response>,
    handler: SessionHandler<Request, Response>,
  ): Promise<void>
  unhandle<Request, Response>(descriptor: ProtocolDescriptor<Request, Response>): Promise<void>
  /** Codes: PEER_UNREACHABLE, PROTOCOL_UNSUPPORTED, SESSION_CANCELLED; then those of the session. */
  open<Request, Response>(
    descriptor: ProtocolDescriptor<Request, Response>,
    peer: string,
    options?: CallOptions,
  ): Promise<Session<Request, Response>>
  /** One request, one response; PEER_SILENT when the peer ends without one. */
  request<Request, Response>(
    descriptor: ProtocolDescriptor<Request, Response>,
    peer: string,
    message: Request,
    options?: CallOptions,
  ): Promise<Response>
  metrics(): MetricsSnapshot
  /** Aborts every session that is open, tells the peers (for at most two seconds), and takes no new one. */
  stop(): Promise<void>
}

export interface GossipMessage {
  topic: string
  data: Uint8Array
  /** The neighbour that passed it on, not its author: the author is who signed `data`. */
  from: string
}

/** `ignore` drops it without blame (late, a duplicate); `reject` drops it and costs the neighbour its standing. */
export type Verdict = 'accept' | 'ignore' | 'reject'

export interface TopicRules {
  /** Decides before a message is delivered or passed on. Throwing counts as `reject`. Should take well under 100 ms. */
  validate(message: GossipMessage): Verdict | Promise<Verdict>
  /** Called once for each accepted message of others. */
  onMessage(message: GossipMessage): void
  /** Who signed the message, called only after `accept`; the per-author limit counts under this name. Default: `from`. */
  authorOf?(message: GossipMessage): string | undefined
  limits?: Partial<TopicLimits>
}

export interface TopicLimits {
  /** Larger messages are rejected. Default 16 KiB. */
  maxBytes: number
  /** Accepted messages of one author; more are ignored. Default 30 a minute, 10 at once. */
  perAuthor: { perMinute: number; burst: number }
  /** Messages from one neighbour before they are even validated; more are ignored. Default 6,000 a minute, 600 at once. */
  perNeighbour: { perMinute: number; burst: number }
}

export interface Gossip {
  /** Throws TOPIC_NOT_ALLOWED where the network has a list of topics that lacks it, TOPIC_JOINED when joined before. */
  join(topic: string, rules: TopicRules): void
  leave(topic: string): void
  /** Resolves to the number of peers that it was sent to; 0 is no error. Throws TOPIC_NOT_JOINED, MESSAGE_TOO_LARGE. */
  publish(topic: string, data: Uint8Array): Promise<{ recipients: number }>
  /** The topics that this node has joined. */
  topics(): string[]
  /** Peers known to have joined the topic. */
  peers(topic: string): string[]
  /**
   * Adds what `standingOf` says of a peer to its score, from then on. Read for every neighbour every second: it must
   * answer at once. See `SCORE_THRESHOLDS` in gossip.ts for what scores mean.
   */
  rank(standingOf: (peer: string) => number): void
}

export interface RecordRules {
  /** False, or throwing, means that the record is neither stored nor returned. `key` is without its namespace. */
  validate(key: string, value: Uint8Array): boolean | Promise<boolean>
  /** The index of the better one among valid values. */
  select(key: string, values: Uint8Array[]): number
}

export interface Dht {
  /** Announces that this peer has `key` (any string, hashed into a CID), again every day until `stopProviding`. */
  provide(key: string, options?: CallOptions): Promise<void>
  stopProviding(key: string): Promise<void>
  /** Peers that provide `key`, without this one; each once, as they are found. Stopped ones may be among them. */
  findProviders(key: string, options?: CallOptions & { limit?: number }): AsyncIterable<ProviderPeer>
  /** Keys are `namespace/rest`; the namespace must have been registered. Codes: RECORD_INVALID, DHT_FAILED. */
  put(key: string, value: Uint8Array, options?: CallOptions): Promise<void>
  /** The best value found, or undefined. It can be older than what was put last: sign it and give it a number. */
  get(key: string, options?: CallOptions): Promise<Uint8Array | undefined>
  registerRecord(namespace: string, rules: RecordRules): void
}

export interface ProviderPeer {
  peer: string
  addresses: string[]
}

export interface Network {
  /** The name of the network: `localnet`, `testnet`, … */
  readonly name: string
  /** Base58 peer id. */
  readonly peer: string
  /** Ed25519 public key, 32 bytes: the Solana address of this node. */
  readonly publicKey: Uint8Array
  /** Signs envelopes (`protocols/envelope.ts`). */
  readonly privateKey: Ed25519PrivateKey
  readonly engine: Engine
  readonly gossip: Gossip
  readonly dht: Dht
  /** Multiaddrs, with the peer id at the end, under which others can dial this node. */
  addresses(): string[]
  /** Dials a multiaddr or a peer whose address is known; resolves to its peer id. Code PEER_UNREACHABLE. */
  dial(target: string, options?: CallOptions): Promise<string>
  hangUp(peer: string): Promise<void>
  roundTripMs(peer: string, options?: CallOptions): Promise<number>
  /** Connected peers. */
  peers(): string[]
  /**
   * Where the connections with a peer lead, as this node dialled them or sees them come in (multiaddrs): the peer has proved
   * its key over each, whatever it announces. Empty: not connected.
   */
  remotes(peer: string): string[]
  /** Calls back on every connected and disconnected peer until the returned function is called. */
  onPeer(act: (event: PeerEvent) => void): () => void
  /** Idempotent; resolves when sockets, files and timers are released. */
  stop(): Promise<void>
}

/** A port of this machine that is forwarded. */
export interface Listener {
  readonly host: string
  readonly port: number
  /** Ends all its connections, and listens no more. */
  close(): Promise<void>
}

/**
 * Listens; either side of a connection may end its direction before the other. `serve` has a connection to itself until it
 * resolves; when it rejects the connection is ended, and `onFailure` is told. Throws PORT_IN_USE, PORT_FORBIDDEN.
 */
export type Listen = (
  at: { host: string; port: number },
  serve: (connection: Duplex) => Promise<void>,
  onFailure: (error: unknown) => void,
) => Promise<Listener>

export interface PeerEvent {
  kind: 'connected' | 'disconnected'
  peer: string
}
