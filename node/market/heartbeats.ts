import { type Opened, open, seal } from '../../protocols/envelope.js'
import { isRefusal, type Refusal } from '../../protocols/errors.js'
import { staleAfterMs } from '../../protocols/heartbeat/period.js'
import { HEARTBEAT_LIMITS, judgeHeartbeat } from '../../protocols/heartbeat/rules.js'
import { Heartbeat } from '../../protocols/heartbeat/wire.js'
import { type ShardNeeds, shardsFor, shardsOf } from '../../protocols/inventory/shard.js'
import type { Clock, Log } from '../../protocols/ports.js'
import type { GossipMessage, Network, Verdict } from '../net/ports.js'
import { type Admission, everybody } from './admission.js'
import type { Neighbours, Place, ShardName } from './place.js'
import type { AskRoster } from './roster.js'
import { createWholeMarket } from './whole.js'

export interface ReceivedHeartbeat {
  /** Base58 peer id of the provider that signed it. */
  peer: string
  heartbeat: Heartbeat
  /** The signed bytes, as gossiped: what the inventory answers with. */
  envelope: Uint8Array
  /** Unix milliseconds of this node's clock. */
  receivedAtMs: number
}

/** One market's heartbeats: who takes part in a shard checks what it passes on, and keeps the newest of each provider. */
export interface HeartbeatTopic {
  /**
   * Seals with this node's key and sends it to the neighbours in the shards that its devices and its location belong to,
   * in which this node stays from then on. What was sent is `newest` of this node.
   */
  publish(heartbeat: Heartbeat): Promise<{ envelope: Uint8Array; recipients: number }>
  /** Each believable heartbeat of another node, once, until the returned function is called. */
  onHeartbeat(listener: (received: ReceivedHeartbeat) => void): () => void
  /**
   * Takes part in the shards in which providers with such devices can be, for some minutes after the last call, and has
   * asked their members for what they have heard when it resolves: after a few seconds at most.
   */
  seek(needs: ShardNeeds, signal?: AbortSignal): Promise<void>
  newest(peer: string): ReceivedHeartbeat | undefined
  /** The newest of every provider that was heard and is not stale. */
  all(): ReceivedHeartbeat[]
  /** The newest of each provider of one shard, the most recently heard first. */
  ofShard(shard: ShardName): ReceivedHeartbeat[]
  /** Providers in the fullest shard that this node offers something in: what the period depends on. */
  members(): number
  close(): void
}

export interface HeartbeatTopicOptions {
  network: Pick<Network, 'name' | 'peer' | 'privateKey' | 'gossip'>
  /** 32 bytes: heartbeats of another market are rejected. */
  market: Uint8Array
  clock: Clock
  log: Log
  /** Where heartbeats are exchanged. Default: a market that is not divided. */
  place?: Place
  /** Whose heartbeats are believed and passed on. Default: everybody's. */
  admission?: Admission
  /** Asks a member of a shard for what it has heard. Default: nobody is asked. */
  ask?: AskRoster
  /** Providers remembered at once; beyond that the one that was silent for longest is forgotten. Default 10,000. */
  maxPeers?: number
}

const WORD = 'heartbeat'
const SWEEP_MS = 30_000
const DEFAULT_MAX_PEERS = 10_000
/** A beat a minute and one on every change; a provider spaces its own by a second at least. */
const PER_AUTHOR = { perMinute: 30, burst: 10 }

/** Members asked for what they have heard when a shard has its first neighbours. */
const ASKED_MEMBERS = 2
/** New neighbours asked for their own heartbeat, which they may have sent before they had this neighbour. */
const ASKED_NEIGHBOURS = 8
const TAKEN_AT_ONCE = 32
/** A search waits so long for what members have heard, and shows what has come. */
const CATCH_UP_MS = 2_500

interface Known extends ReceivedHeartbeat {
  /** Where this very heartbeat was heard: in each shard it is passed on once. */
  heardIn: Set<ShardName>
}

export function createHeartbeatTopic(options: HeartbeatTopicOptions): HeartbeatTopic {
  const { network, market, clock, log, maxPeers = DEFAULT_MAX_PEERS, admission = everybody, ask } = options
  const place = options.place ?? createWholeMarket(network)
  const newest = new Map<string, Known>()
  const listeners = new Set<(received: ReceivedHeartbeat) => void>()
  // What `validate` has opened, so that delivery does not check the signature again; absent where it is only passed on.
  const opened = new WeakMap<Uint8Array, ReceivedHeartbeat>()
  const authors = new WeakMap<Uint8Array, string>()
  const asking = new Set<Promise<void>>()
  const closing = new AbortController()
  let own: ShardName[] = []

  const isLive = ({ heartbeat }: ReceivedHeartbeat) =>
    clock.now() - heartbeat.timeMs <= staleAfterMs(heartbeat, HEARTBEAT_LIMITS.maxAgeMs)

  // Forgetting a sequence number is safe once its heartbeat is stale: what came before it is stale as well.
  const sweep = () => {
    for (const [peer, received] of newest) if (!isLive(received)) newest.delete(peer)
  }

  /**
   * In the order in which they were heard. Names cost nothing, so when there are too many the one that was silent for
   * longest is forgotten: a flood of made-up providers cannot keep those out that go on beating.
   */
  const remember = (received: Known) => {
    newest.delete(received.peer)
    newest.set(received.peer, received)
    if (newest.size <= maxPeers) return
    for (const peer of newest.keys()) {
      if (peer === network.peer) continue
      newest.delete(peer)
      return log.debug('too many providers to remember', { maxPeers, forgotten: peer })
    }
  }

  const isKnownIn = (peer: string, { sequence }: Heartbeat, shard: ShardName): boolean => {
    const known = newest.get(peer)
    if (known === undefined || sequence > known.heartbeat.sequence) return false
    return sequence < known.heartbeat.sequence || known.heardIn.has(shard)
  }

  /** Whether a heartbeat may be believed and passed on in this shard; one that is new is remembered and told. */
  async function take(data: Uint8Array, shard: ShardName): Promise<Verdict> {
    const envelope = await open({ word: WORD, bytes: data, maxBytes: HEARTBEAT_LIMITS.maxBytes })
    if (isRefusal(envelope)) return 'reject'
    const heartbeat = decodeHeartbeat(envelope)
    if (heartbeat === undefined) return 'reject'
    const { peer } = envelope
    const now = clock.now()
    const refusal = judgeHeartbeat(heartbeat, { now, market }) ?? judgeShard(heartbeat, shard)
    if (refusal !== undefined) {
      log.debug('heartbeat refused', { peer, refused: refusal.refused, detail: refusal.detail })
      // What is late, early or a copy may come from a neighbour that saw it in time: no blame.
      return refusal.refused === 'STALE' || refusal.refused === 'FROM_THE_FUTURE' ? 'ignore' : 'reject'
    }
    if (peer === network.peer || isKnownIn(peer, heartbeat, shard)) return 'ignore'
    // Nodes read the chain at different times, so an author without a stake says nothing against the neighbour.
    if (!(await admission.isStaked(peer))) return 'ignore'
    // While the chain was asked a copy, or a later one, may have come.
    if (isKnownIn(peer, heartbeat, shard)) return 'ignore'
    authors.set(data, peer)
    const known = newest.get(peer)
    if (known?.heartbeat.sequence === heartbeat.sequence) {
      known.heardIn.add(shard)
      return 'accept'
    }
    const received = { peer, heartbeat, envelope: data, receivedAtMs: now, heardIn: new Set([shard]) }
    remember(received)
    opened.set(data, received)
    return 'accept'
  }

  const tell = (data: Uint8Array) => {
    const received = opened.get(data)
    if (received !== undefined) for (const listener of listeners) listener(received)
  }

  const detach = place.attach(WORD, (shard) => ({
    validate: ({ data }: GossipMessage) => take(data, shard),
    authorOf: ({ data }) => authors.get(data),
    onMessage: ({ data }) => tell(data),
    limits: { maxBytes: HEARTBEAT_LIMITS.maxBytes, perAuthor: PER_AUTHOR },
  }))

  /** Instead of waiting for the next beat of everybody. What comes is held to the same rules as gossip. */
  async function catchUp({ shard, fresh, isFirst }: Neighbours): Promise<void> {
    if (ask === undefined) return
    const asked = fresh.slice(0, ASKED_NEIGHBOURS)
    const rosters = await Promise.all(
      asked.map((peer, index) => {
        const brief = !isFirst || index >= ASKED_MEMBERS
        return ask(peer, { shard, brief }, closing.signal)
      }),
    )
    const told = rosters.flatMap((roster) => roster?.heartbeats ?? [])
    // Side by side, because each may have to wait for the chain.
    for (let start = 0; start < told.length && !closing.signal.aborted; start += TAKEN_AT_ONCE) {
      const batch = told.slice(start, start + TAKEN_AT_ONCE)
      const verdicts = await Promise.all(batch.map((data) => take(data, shard)))
      batch.forEach((data, index) => {
        if (verdicts[index] === 'accept') tell(data)
      })
    }
  }

  async function caughtUp(signal?: AbortSignal): Promise<void> {
    if (asking.size === 0) return
    const enough = new AbortController()
    const limit = signal === undefined ? enough.signal : AbortSignal.any([enough.signal, signal])
    await Promise.race([Promise.all(asking), clock.sleep(CATCH_UP_MS, limit).catch(() => {})])
    enough.abort()
    signal?.throwIfAborted()
  }

  /** The last beat of this node went to nobody, or to others. */
  async function introduce(shard: ShardName): Promise<void> {
    const last = newest.get(network.peer)
    if (last?.heardIn.has(shard) && isLive(last)) await place.publish(WORD, [shard], last.envelope)
  }

  const stopWatching = place.onNeighbours((news) => {
    const { shard, isFirst } = news
    const done: Promise<void> = Promise.all([isFirst ? introduce(shard) : undefined, catchUp(news)])
      .then(() => {})
      .catch((error) => log.debug('a shard was not caught up with', { shard, error: String(error) }))
      .finally(() => asking.delete(done))
    asking.add(done)
  })
  const stopSweeping = clock.every(SWEEP_MS, sweep)
  const liveOf = (shard: ShardName) =>
    [...newest.values()].filter((known) => isOf(known, shard) && isLive(known))

  return {
    publish: async (heartbeat) => {
      const envelope = await seal({
        word: WORD,
        payload: Heartbeat.encode(heartbeat),
        key: network.privateKey,
      })
      own = shardsOf(heartbeat)
      place.settle(own)
      const heardIn = new Set(own)
      remember({ peer: network.peer, heartbeat, envelope, receivedAtMs: clock.now(), heardIn })
      const recipients = await place.publish(WORD, own, envelope)
      return { envelope, recipients }
    },
    onHeartbeat: (listener) => {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
    seek: async (needs, signal) => {
      await place.seek(shardsFor(needs), signal)
      await caughtUp(signal)
    },
    newest: (peer) => {
      const found = newest.get(peer)
      return found !== undefined && isLive(found) ? found : undefined
    },
    all: () => [...newest.values()].filter(isLive),
    ofShard: (shard) => liveOf(shard).reverse(),
    members: () => Math.max(0, ...own.map((shard) => liveOf(shard).length)),
    close: () => {
      closing.abort(new Error('the topic is closed'))
      stopSweeping()
      stopWatching()
      listeners.clear()
      detach()
    },
  }
}

const isOf = ({ heartbeat }: ReceivedHeartbeat, shard: ShardName) =>
  (shardsOf(heartbeat) as ShardName[]).includes(shard)

/** In its own shards only, so that the author's allowance in one is not multiplied by the number of all. */
function judgeShard(heartbeat: Heartbeat, shard: ShardName): Refusal<'FOREIGN_SHARD'> | undefined {
  const own: ShardName[] = shardsOf(heartbeat)
  if (shard === '' || own.includes(shard)) return undefined
  return { refused: 'FOREIGN_SHARD', detail: `it belongs to ${own.join(', ')}` }
}

function decodeHeartbeat({ payload }: Opened): Heartbeat | undefined {
  try {
    return Heartbeat.decode(payload)
  } catch {
    return undefined
  }
}
