import { topicName } from '../../protocols/descriptor.js'
import { type Opened, open, seal } from '../../protocols/envelope.js'
import { isRefusal } from '../../protocols/errors.js'
import { HEARTBEAT_LIMITS, judgeHeartbeat } from '../../protocols/heartbeat/rules.js'
import { Heartbeat } from '../../protocols/heartbeat/wire.js'
import type { Clock, Log } from '../../protocols/ports.js'
import type { GossipMessage, Network, Verdict } from '../net/ports.js'

export interface ReceivedHeartbeat {
  /** Base58 peer id of the provider that signed it. */
  peer: string
  heartbeat: Heartbeat
  /** The signed bytes, as gossiped: what the inventory answers with. */
  envelope: Uint8Array
  /** Unix milliseconds of this node's clock. */
  receivedAtMs: number
}

/** One market's heartbeats: every node joins, checks what it passes on, and keeps the newest of each provider. */
export interface HeartbeatTopic {
  /** Seals with this node's key and sends it to the neighbours; what was sent is `newest` of this node. */
  publish(heartbeat: Heartbeat): Promise<{ envelope: Uint8Array; recipients: number }>
  /** Each believable heartbeat of another node, once, until the returned function is called. */
  onHeartbeat(listener: (received: ReceivedHeartbeat) => void): () => void
  newest(peer: string): ReceivedHeartbeat | undefined
  /** The newest of every provider that was heard within the maximal age of a heartbeat. */
  all(): ReceivedHeartbeat[]
  close(): void
}

export interface HeartbeatTopicOptions {
  network: Pick<Network, 'name' | 'peer' | 'privateKey' | 'gossip'>
  /** 32 bytes: heartbeats of another market are rejected. */
  market: Uint8Array
  clock: Clock
  log: Log
  /** Providers remembered at once; beyond that the one that was silent for longest is forgotten. Default 10,000. */
  maxPeers?: number
}

const WORD = 'heartbeat'
const SWEEP_MS = 30_000
const DEFAULT_MAX_PEERS = 10_000
/** A beat a minute and one on every change; a provider spaces its own by a second at least. */
const PER_AUTHOR = { perMinute: 30, burst: 10 }

export function createHeartbeatTopic(options: HeartbeatTopicOptions): HeartbeatTopic {
  const { network, market, clock, log, maxPeers = DEFAULT_MAX_PEERS } = options
  const topic = topicName(network.name, WORD)
  const newest = new Map<string, ReceivedHeartbeat>()
  const listeners = new Set<(received: ReceivedHeartbeat) => void>()
  // What `validate` has opened, so that delivery does not check the signature again.
  const opened = new WeakMap<Uint8Array, ReceivedHeartbeat>()

  const isLive = ({ heartbeat }: ReceivedHeartbeat) =>
    clock.now() - heartbeat.timeMs <= HEARTBEAT_LIMITS.maxAgeMs

  // Forgetting a sequence number is safe once its heartbeat is stale: what came before it is stale as well.
  const sweep = () => {
    for (const [peer, received] of newest) if (!isLive(received)) newest.delete(peer)
  }

  /**
   * In the order in which they were heard. Names cost nothing, so when there are too many the one that was silent for
   * longest is forgotten: a flood of made-up providers cannot keep those out that go on beating.
   */
  const remember = (received: ReceivedHeartbeat) => {
    newest.delete(received.peer)
    newest.set(received.peer, received)
    if (newest.size <= maxPeers) return
    for (const peer of newest.keys()) {
      if (peer === network.peer) continue
      newest.delete(peer)
      return log.debug('too many providers to remember', { maxPeers, forgotten: peer })
    }
  }

  async function validate({ data }: GossipMessage): Promise<Verdict> {
    const envelope = await open({ word: WORD, bytes: data, maxBytes: HEARTBEAT_LIMITS.maxBytes })
    if (isRefusal(envelope)) return 'reject'
    const heartbeat = decodeHeartbeat(envelope)
    if (heartbeat === undefined) return 'reject'
    const { peer } = envelope
    const now = clock.now()
    const refusal = judgeHeartbeat(heartbeat, {
      now,
      market,
      seen: newest.has(peer) ? { sequence: newest.get(peer)!.heartbeat.sequence } : undefined,
    })
    if (refusal !== undefined) {
      log.debug('heartbeat refused', { peer, refused: refusal.refused, detail: refusal.detail })
      // What is late, early or a copy may come from a neighbour that saw it in time: no blame.
      return refusal.refused === 'MALFORMED' || refusal.refused === 'FOREIGN_MARKET' ? 'reject' : 'ignore'
    }
    if (peer === network.peer) return 'ignore'
    const received = { peer, heartbeat, envelope: data, receivedAtMs: now }
    remember(received)
    opened.set(data, received)
    return 'accept'
  }

  network.gossip.join(topic, {
    validate,
    authorOf: ({ data }) => opened.get(data)?.peer,
    onMessage: ({ data }) => {
      const received = opened.get(data)
      if (received !== undefined) for (const listener of listeners) listener(received)
    },
    limits: { maxBytes: HEARTBEAT_LIMITS.maxBytes, perAuthor: PER_AUTHOR },
  })
  const stopSweeping = clock.every(SWEEP_MS, sweep)

  return {
    publish: async (heartbeat) => {
      const envelope = await seal({
        word: WORD,
        payload: Heartbeat.encode(heartbeat),
        key: network.privateKey,
      })
      remember({ peer: network.peer, heartbeat, envelope, receivedAtMs: clock.now() })
      const { recipients } = await network.gossip.publish(topic, envelope)
      return { envelope, recipients }
    },
    onHeartbeat: (listener) => {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
    newest: (peer) => {
      const found = newest.get(peer)
      return found !== undefined && isLive(found) ? found : undefined
    },
    all: () => [...newest.values()].filter(isLive),
    close: () => {
      stopSweeping()
      listeners.clear()
      network.gossip.leave(topic)
    },
  }
}

function decodeHeartbeat({ payload }: Opened): Heartbeat | undefined {
  try {
    return Heartbeat.decode(payload)
  } catch {
    return undefined
  }
}
