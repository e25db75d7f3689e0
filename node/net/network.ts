import { noise } from '@chainsafe/libp2p-noise'
import { generateKeyPairFromSeed } from '@libp2p/crypto/keys'
import { gossipsub } from '@libp2p/gossipsub'
import { identify } from '@libp2p/identify'
import type { Connection, Ed25519PrivateKey, PeerId } from '@libp2p/interface'
import { kadDHT, passthroughMapper, removePrivateAddressesMapper } from '@libp2p/kad-dht'
import { peerIdFromPrivateKey, peerIdFromString } from '@libp2p/peer-id'
import { ping } from '@libp2p/ping'
import { tcp } from '@libp2p/tcp'
import { isPrivate } from '@libp2p/utils'
import { type Multiaddr, multiaddr } from '@multiformats/multiaddr'
import type { Datastore } from 'interface-datastore'
import { createLibp2p } from 'libp2p'
import { protocolId } from '../../protocols/descriptor.js'
import { NightshiftError } from '../../protocols/errors.js'
import type { Clock, Log, Random } from '../../protocols/ports.js'
import { keepBootstrapped } from './bootstrap.js'
import { limitCompany, type Neighbour } from './company.js'
import { createDht } from './dht.js'
import { openDirectory } from './directory.js'
import { createEngine, type StreamHost } from './engine.js'
import { failure } from './failure.js'
import {
  createGossip,
  type GossipInit,
  type GossipOptions,
  gossipsubOptions,
  type Ranking,
  SCORE_THRESHOLDS,
} from './gossip.js'
import { createHostLimit } from './hosts.js'
import { thriftyYamux } from './muxer.js'
import type { CallOptions, Network, PeerEvent } from './ports.js'
import { RationedMemory } from './ration.js'
import { calmTable, TABLE_SIZES } from './table.js'

export interface NetworkInit {
  /** The name of the network, part of every protocol id: `localnet`, `testnet`, … */
  network: string
  /** 32 bytes: the ed25519 seed of this node, the same as of its Solana key. */
  seed: Uint8Array
  /** Multiaddrs to listen on; `/ip4/127.0.0.1/tcp/0` takes any free port. Empty: this node only dials. */
  listen: string[]
  /** Multiaddrs to tell others instead of those listened on. */
  announce?: string[]
  /** Multiaddrs of peers to stay connected to. */
  bootstrap: string[]
  /** Keeps what the network layer must remember; without one it lives in memory. */
  dataDir?: string
  clock: Clock
  random: Random
  log: Log
  gossip?: GossipOptions
  /** True on loopback and in a LAN: private addresses are dialled, announced and put into the DHT. */
  allowPrivateAddresses: boolean
  /** A bootstrap peer helps others to find each other: it holds more connections and passes peers on. Default `peer`. */
  role?: 'peer' | 'bootstrap'
  maxConnections?: number
  /** Connections that one host may open to this node: an IPv4 address, a /64 of IPv6. Default 16; on loopback and in a LAN any. */
  maxConnectionsPerHost?: number
  /** Peers that this node neither dials nor lets in, asked on every attempt. Default: none. */
  isShutOut?: (peer: string) => boolean
}

/**
 * yamux gives a stream this much credit at most, and a paused stream stores at most as much: with 1 MiB a slow reader's
 * memory stays flat, and the default of 16 MiB lets a stream that is paused overflow its buffer of 4 MiB and be reset.
 */
const MAX_STREAM_WINDOW_BYTES = 1024 * 1024
const MAX_STREAMS_PER_CONNECTION = 1_000
const MAX_CONNECTIONS = { peer: 300, bootstrap: 2_000 }
/** libp2p's default of 5 per second and address is one household; a local swarm is one address altogether. */
const INBOUND_CONNECTIONS_PER_SECOND = { local: 1_000, public: 5 }
/** A household, a rack behind one address: some nodes. Whoever makes up thousands gets no more places than they. */
const CONNECTIONS_PER_HOST = { local: Number.POSITIVE_INFINITY, public: 16 }
const MAX_PENDING_CONNECTIONS = 100
const DIAL_TIMEOUT_MS = 10_000
const STOP_TIMEOUT_MS = 5_000
const SCORE_CHECK_MS = 2_000
const BAN_MS = 10 * 60_000
const MAX_BANS = 10_000
/** libp2p's default of 10 s is the greater part of what an idle node does; on a busy machine its 5 s are a loss of sound peers. */
const MONITOR = { pingInterval: 60_000, pingTimeout: { minTimeout: 20_000 } }
const KEEP_ALIVE = 'keep-alive'

/**
 * Starts a libp2p node over TCP with noise and yamux. Codes: PORT_IN_USE, LISTEN_FAILED, DATA_DIR_UNUSABLE,
 * DATA_DIR_LOCKED, DATA_DIR_OF_ANOTHER_NODE. Bootstrap peers need not be up.
 */
export async function createNetwork(init: NetworkInit): Promise<Network> {
  const privateKey = await generateKeyPairFromSeed('Ed25519', init.seed)
  const self = peerIdFromPrivateKey(privateKey).toString()
  const directory =
    init.dataDir === undefined ? undefined : await openDirectory(init.dataDir, self, init.clock)
  const bans = createBans(init.clock)
  try {
    const ranking: Ranking = { standingOf: () => 0 }
    const node = await startNode(init, {
      privateKey,
      datastore: directory?.datastore ?? new RationedMemory(self),
      bans,
      ranking,
    })
    return compose(init, node, { privateKey, bans, ranking }, async () => directory?.close())
  } catch (error) {
    await directory?.close()
    throw error
  }
}

interface NodeParts {
  privateKey: Ed25519PrivateKey
  bans: Bans
  ranking: Ranking
}

async function startNode(
  init: NetworkInit,
  { privateKey, datastore, bans, ranking }: NodeParts & { datastore: Datastore },
) {
  // The limit counts the connections of the very node that asks it.
  const open: { addresses: () => string[] } = { addresses: () => [] }
  const node = await createLibp2p({
    ...nodeOptions(init, bans, () => open.addresses()),
    privateKey,
    datastore,
    start: false,
    services: nodeServices(init, ranking),
  })
  calmTable(node.services.kad, init.clock)
  open.addresses = () =>
    node
      .getConnections()
      .filter(({ direction }) => direction === 'inbound')
      .map(({ remoteAddr }) => remoteAddr.toString())
  try {
    await node.start()
  } catch (cause) {
    await node.stop()
    throw listenFailure(init.listen, cause)
  }
  return node
}

type Node = Awaited<ReturnType<typeof startNode>>

function nodeOptions(
  {
    network,
    listen,
    announce,
    allowPrivateAddresses,
    role = 'peer',
    maxConnections,
    maxConnectionsPerHost,
    isShutOut,
  }: NetworkInit,
  bans: Bans,
  open: () => string[],
) {
  const kind = allowPrivateAddresses ? 'local' : 'public'
  const hosts = createHostLimit({ maxPerHost: maxConnectionsPerHost ?? CONNECTIONS_PER_HOST[kind], open })
  const isRefused = (peer: PeerId) => bans.has(peer.toString()) || (isShutOut?.(peer.toString()) ?? false)
  const isCrowded = ({ remoteAddr }: { remoteAddr: Multiaddr }) => !hosts.hasRoomFor(remoteAddr.toString())
  return {
    addresses: { listen, ...(announce === undefined ? {} : { announce }) },
    transports: [tcp()],
    connectionEncrypters: [noise()],
    streamMuxers: [
      thriftyYamux({
        maxInboundStreams: MAX_STREAMS_PER_CONNECTION,
        maxOutboundStreams: MAX_STREAMS_PER_CONNECTION,
        streamOptions: { maxStreamWindowSize: MAX_STREAM_WINDOW_BYTES },
      }),
    ],
    connectionManager: {
      maxConnections: maxConnections ?? MAX_CONNECTIONS[role],
      maxIncomingPendingConnections: MAX_PENDING_CONNECTIONS,
      inboundConnectionThreshold: INBOUND_CONNECTIONS_PER_SECOND[kind],
      dialTimeout: DIAL_TIMEOUT_MS,
    },
    connectionMonitor: { ...MONITOR, protocolPrefix: `nightshift/${network}` },
    connectionGater: {
      // peers tell us addresses of other peers: on a public network none of them may point into our own LAN
      denyDialMultiaddr: (address: Multiaddr) => !allowPrivateAddresses && isPrivate(address),
      denyDialPeer: isRefused,
      // before the handshake because it is cheap, and after it because many shake hands at the same time
      denyInboundConnection: isCrowded,
      denyInboundEncryptedConnection: isRefused,
      denyInboundUpgradedConnection: (_: PeerId, connection: { remoteAddr: Multiaddr }) =>
        isCrowded(connection),
    },
  }
}

function nodeServices(
  { network, gossip = {}, allowPrivateAddresses, role = 'peer' }: NetworkInit,
  ranking: Ranking,
) {
  const protocolPrefix = `nightshift/${network}`
  return {
    identify: identify({ protocolPrefix }),
    // Several services may measure the round trip to one peer at once; by default ping takes one stream out, two in.
    ping: ping({ protocolPrefix, maxOutboundStreams: 16, maxInboundStreams: 16 }),
    gossip: gossipsub({
      ...gossipsubOptions(gossip, ranking, allowPrivateAddresses),
      doPX: role === 'bootstrap',
    }),
    kad: kadDHT({
      protocol: protocolId(network, 'kad'),
      clientMode: false,
      ...TABLE_SIZES,
      peerInfoMapper: allowPrivateAddresses ? passthroughMapper : removePrivateAddressesMapper,
    }),
  }
}

function compose(
  init: NetworkInit,
  node: Node,
  { privateKey, bans, ranking }: NodeParts,
  closeDirectory: () => Promise<void>,
): Network {
  const { network: name, clock, random, log } = init
  const peer = node.peerId.toString()
  const connect = async (target: string, signal?: AbortSignal): Promise<Connection> =>
    node.dial(parseTarget(target), signal === undefined ? {} : { signal })
  const isConnected = (other: string) => node.getConnections(peerIdFromString(other)).length > 0

  const host: StreamHost = {
    handle: (protocol, handler, options) => node.handle(protocol, handler, options),
    unhandle: (protocol) => node.unhandle(protocol),
    connect,
  }
  const engine = createEngine({ host, network: name, clock, log })
  const gossip = createGossip({
    gossipsub: node.services.gossip as unknown as GossipInit['gossipsub'],
    options: init.gossip ?? {},
    ranking,
    clock,
    log,
  })
  const dht = createDht({ kad: node.services.kad, self: peer, network: name, clock, log })

  function onPeer(act: (event: PeerEvent) => void): () => void {
    const connected = (event: CustomEvent<PeerId>) =>
      act({ kind: 'connected', peer: event.detail.toString() })
    const disconnected = (event: CustomEvent<PeerId>) =>
      act({ kind: 'disconnected', peer: event.detail.toString() })
    node.addEventListener('peer:connect', connected)
    node.addEventListener('peer:disconnect', disconnected)
    return () => {
      node.removeEventListener('peer:connect', connected)
      node.removeEventListener('peer:disconnect', disconnected)
    }
  }

  const stopBootstrap = keepBootstrapped({
    addresses: init.bootstrap,
    dial: async (address, signal) => (await connect(address, signal)).remotePeer.toString(),
    isConnected,
    onDisconnect: (act) =>
      onPeer((event) => {
        if (event.kind === 'disconnected') act(event.peer)
      }),
    clock,
    random,
    log,
  })
  const stopBanning = banGraylisted(node, bans, clock, log)
  const stopLimiting =
    init.role === 'bootstrap'
      ? () => {}
      : limitCompany({
          neighbours: () => lookAround(node, init.bootstrap),
          hangUp: (other) => node.hangUp(peerIdFromString(other)),
          clock,
          random,
          log,
        })

  let stopping: Promise<void> | undefined
  async function stopAll(): Promise<void> {
    stopBanning()
    stopLimiting()
    await stopBootstrap()
    await engine.stop()
    gossip.stop()
    await stopWithin(STOP_TIMEOUT_MS, node, clock)
    await closeDirectory()
  }

  return {
    name,
    peer,
    publicKey: privateKey.publicKey.raw,
    privateKey,
    engine,
    gossip,
    dht,
    addresses: () => node.getMultiaddrs().map(String),
    dial: (target, options) =>
      unreachable(target, options, async () =>
        (await connect(target, options?.signal)).remotePeer.toString(),
      ),
    hangUp: (other) => node.hangUp(peerIdFromString(other)),
    roundTripMs: (other, options) =>
      unreachable(other, options, () =>
        node.services.ping.ping(peerIdFromString(other), { signal: options?.signal }),
      ),
    peers: () => node.getPeers().map(String),
    remotes: (other) =>
      node.getConnections(peerIdFromString(other)).map(({ remoteAddr }) => remoteAddr.toString()),
    onPeer,
    stop: () => (stopping ??= stopAll()),
  }
}

/** Streams that every connection has, used or not. */
const IDLE_PROTOCOL = /\/(meshsub|id|ping)\//

async function lookAround(node: Node, bootstrap: readonly string[]): Promise<Neighbour[]> {
  const gossip = node.services.gossip as unknown as GossipInit['gossipsub']
  const meshed = new Set([...gossip.mesh.values()].flatMap((peers) => [...peers]))
  const ofOurTopics = new Set(gossip.getTopics().flatMap((topic) => gossip.getSubscribers(topic).map(String)))
  return Promise.all(
    node.getConnections().map(async ({ remotePeer, streams, timeline }) => {
      const peer = remotePeer.toString()
      const known = await node.peerStore.get(remotePeer).catch(() => undefined)
      const tags = [...(known?.tags.keys() ?? [])]
      return {
        peer,
        openedAtMs: timeline.open,
        isInUse: streams.some(({ protocol }) => !IDLE_PROTOCOL.test(protocol)),
        isKept:
          meshed.has(peer) ||
          tags.some((tag) => tag.startsWith(KEEP_ALIVE)) ||
          bootstrap.some((address) => address.endsWith(`/p2p/${peer}`)),
        isOfOurTopics: ofOurTopics.has(peer),
      }
    }),
  )
}

/** A service of libp2p that does not end must not keep the process: what matters is on disk already. */
async function stopWithin(ms: number, node: Node, clock: Clock): Promise<void> {
  const stopped = new AbortController()
  const limit = clock.sleep(ms, stopped.signal).catch(() => {})
  const stop = async () => {
    try {
      await node.stop()
    } finally {
      stopped.abort()
    }
  }
  await Promise.race([stop(), limit])
}

async function unreachable<T>(
  target: string,
  options: CallOptions | undefined,
  step: () => Promise<T>,
): Promise<T> {
  try {
    return await step()
  } catch (cause) {
    if (options?.signal?.aborted) {
      throw failure(
        'SESSION_CANCELLED',
        `dialling ${target} was cancelled`,
        { target },
        options.signal.reason,
      )
    }
    throw failure('PEER_UNREACHABLE', `${target} cannot be reached: ${String(cause)}`, { target }, cause)
  }
}

function parseTarget(target: string): Multiaddr | PeerId {
  return target.startsWith('/') ? multiaddr(target) : peerIdFromString(target)
}

/** libp2p reports failed listeners as one error whose text holds the system's: there is no code to match on. */
function listenFailure(listen: string[], cause: unknown): NightshiftError {
  const text = String(cause)
  const context = { listen }
  if (text.includes('EADDRINUSE')) {
    return new NightshiftError('PORT_IN_USE', `another program listens on ${listen.join(' or ')}`, {
      advice: 'Stop the other program, or listen on another port; port 0 takes any free one.',
      context,
      cause,
    })
  }
  return new NightshiftError('LISTEN_FAILED', `cannot listen on ${listen.join(', ')}: ${text}`, {
    advice: 'Name addresses of this machine, such as /ip4/0.0.0.0/tcp/4001.',
    context,
    cause,
  })
}

interface Bans {
  has(peer: string): boolean
  add(peer: string): void
}

function createBans(clock: Clock): Bans {
  const until = new Map<string, number>()
  return {
    has: (peer) => (until.get(peer) ?? 0) > clock.elapsed(),
    add: (peer) => {
      // the oldest goes first: a Map keeps the order of insertion
      if (until.size >= MAX_BANS) until.delete(until.keys().next().value!)
      until.set(peer, clock.elapsed() + BAN_MS)
    },
  }
}

/** gossipsub stops listening to a graylisted peer but keeps its connection; one that stays graylisted is sent away. */
function banGraylisted(node: Node, bans: Bans, clock: Clock, log: Log): () => void {
  const scores = node.services.gossip as unknown as { getScore(peer: string): number }
  let suspects = new Set<string>()
  return clock.every(SCORE_CHECK_MS, () => {
    const graylisted = node
      .getPeers()
      .filter((peer) => scores.getScore(peer.toString()) < SCORE_THRESHOLDS.graylistThreshold)
    for (const peer of graylisted) {
      if (!suspects.has(peer.toString())) continue
      log.warn('peer banned for its gossip', { peer: peer.toString() })
      bans.add(peer.toString())
      void node.hangUp(peer).catch(() => {})
    }
    suspects = new Set(graylisted.map(String))
  })
}
