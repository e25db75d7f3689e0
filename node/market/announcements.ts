import {
  AUCTION_LIMITS,
  findMalformedResult,
  judgeOrder,
  orderIdOf,
  shiftOf,
} from '../../protocols/auction/rules.js'
import { Announcement, type Order, type Result } from '../../protocols/auction/wire.js'
import { equal, fromHex, toHex } from '../../protocols/bytes.js'
import { type EnvelopeRefusal, type NodeKey, open, seal } from '../../protocols/envelope.js'
import { isRefusal, type Refusal } from '../../protocols/errors.js'
import { ALL_SHARDS } from '../../protocols/inventory/shard.js'
import { TokenBucket } from '../../protocols/limits.js'
import type { Clock, Log } from '../../protocols/ports.js'
import type { GossipMessage, Network, Verdict } from '../net/ports.js'
import { type Admission, everybody } from './admission.js'
import { createBacking, type Means, type OrderDoubt } from './backing.js'
import type { Conduct } from './conduct.js'
import { createOrderTable, type KnownOrder, type ReceivedOrder, shardsOf } from './orders.js'
import type { Neighbours, Place, ShardName } from './place.js'
import type { AskRoster } from './roster.js'
import { createWholeMarket } from './whole.js'

export interface ReceivedCommitment {
  orderId: Uint8Array
  /** Base58 peer id of the provider. */
  peer: string
  hash: Uint8Array
  receivedAtMs: number
  /** The signed bytes, as gossiped. */
  envelope: Uint8Array
}

export interface ReceivedResult {
  result: Result
  orderId: Uint8Array
  peer: string
  envelope: Uint8Array
}

/** One announcement that this node believes or has made itself, in the order in which that came about. */
export type Announced =
  | { kind: 'order'; received: ReceivedOrder }
  | { kind: 'commitment'; received: ReceivedCommitment }
  | { kind: 'result'; received: ReceivedResult }

/**
 * One market's auctions. An order goes to every shard in which a provider that meets its requirements can be, and passes
 * only when its wallet can pay the deposit. Commitments and results pass only when they belong to an order that this node
 * has seen, a commitment once for each peer and order and only of a provider with a stake, a result only from the order's
 * author and only with a growing round. What goes to several shards is delivered once.
 */
export interface AuctionTopic {
  /** Seals and sends. `orderId` names the order that the announcement makes or belongs to. */
  publish(announcement: Announcement): Promise<Published>
  onOrder(listener: (received: ReceivedOrder) => void): () => void
  onCommitment(listener: (received: ReceivedCommitment) => void): () => void
  onResult(listener: (received: ReceivedResult) => void): () => void
  /** Every announcement, of others once it is believed and of this node itself. */
  onAnnounced(listener: (announced: Announced) => void): () => void
  /** Orders that are remembered now. */
  orders(): ReceivedOrder[]
  /** Whether an order of this name (hex) is remembered. */
  knows(order: string): boolean
  /** Why others who see the same chain do not pass on an order that is remembered here; undefined: they do. */
  doubt(orderId: Uint8Array): Promise<Refusal<OrderDoubt> | undefined>
  /** Signed bytes of the orders of one shard that can still be bid for, the newest first. */
  open(shard: ShardName): Uint8Array[]
  close(): void
}

export interface Published {
  orderId: Uint8Array
  envelope: Uint8Array
  recipients: number
}

export interface AuctionTopicOptions {
  network: Pick<Network, 'name' | 'peer' | 'privateKey' | 'gossip'>
  /** 32 bytes: orders of another market are rejected. */
  market: Uint8Array
  clock: Clock
  log: Log
  /** Where announcements are exchanged. Default: a market that is not divided. */
  place?: Place
  /** Whose orders and commitments are passed on. Default: everybody's. */
  admission?: Admission
  /** Asks a member of a shard for the orders that are open. Default: nobody is asked. */
  ask?: AskRoster
  /** Told of providers that commit twice to one order. Default: nobody. */
  conduct?: Pick<Conduct, 'offend'>
  /** Orders remembered at once, of one renter or wallet a sixteenth of that; see orders.ts. Default 4,096. */
  maxOrders?: number
  /** Orders of one renter, and orders that one wallet backs, that are open at once. Default 64. */
  maxOrdersPerPeer?: number
}

export interface OpenedAnnouncement {
  peer: string
  announcement: Announcement
  /** The bytes that were signed: an order is named by their hash. */
  payload: Uint8Array
}

const WORD = 'auction'
const SWEEP_MS = 10_000
const MAX_COMMITMENTS = 1_024
const MAX_ADDRESSES = 16
const MAX_ADDRESS_CHARS = 256
const MAX_REQUIREMENTS_BYTES = 8_192
/** A busy provider commits to every order of its market; orders have a limit of their own. */
const PER_AUTHOR = { perMinute: 240, burst: 60 }

/**
 * While the chain does not answer, orders of wallets that were never asked for pass at this rate, all together: enough
 * for a market to go on, too few to flood it.
 */
const UNCHECKED = { perMinute: 30, burst: 10 }

export async function sealAnnouncement(
  announcement: Announcement,
  key: NodeKey,
): Promise<{ envelope: Uint8Array; payload: Uint8Array }> {
  const payload = Announcement.encode(announcement)
  return { envelope: await seal({ word: WORD, payload, key }), payload }
}

/** Opens an order, commitment or result, whoever handed it over. Never throws on what came from outside. */
export async function openAnnouncement(
  envelope: Uint8Array,
): Promise<OpenedAnnouncement | EnvelopeRefusal | Refusal<'MALFORMED'>> {
  const opened = await open({ word: WORD, bytes: envelope, maxBytes: AUCTION_LIMITS.maxBytes })
  if (isRefusal(opened)) return opened
  try {
    const announcement = Announcement.decode(opened.payload)
    if (envelope.length > mostBytesOf(announcement)) {
      return { refused: 'MALFORMED', detail: `an announcement of ${envelope.length} bytes` }
    }
    return { peer: opened.peer, announcement, payload: opened.payload }
  } catch {
    return { refused: 'MALFORMED', detail: 'the envelope does not hold an announcement' }
  }
}

/** Nodes keep thousands of orders and commitments as they were signed: what they do not need may not be in them. */
function mostBytesOf({ order, commitment }: Announcement): number {
  if (commitment !== undefined) return AUCTION_LIMITS.maxCommitmentBytes
  return order === undefined ? AUCTION_LIMITS.maxBytes : AUCTION_LIMITS.maxOrderBytes
}

export function createAuctionTopic(options: AuctionTopicOptions): AuctionTopic {
  const { network, market, clock, log, maxOrders = 4_096, maxOrdersPerPeer = 64 } = options
  const { place = createWholeMarket(network), admission = everybody, conduct, ask } = options
  const orders = createOrderTable({
    self: network.peer,
    clock,
    maxOrders,
    maxOpen: maxOrdersPerPeer,
  })
  const backing = createBacking({ admission, orders, maxOpen: maxOrdersPerPeer })
  const unchecked = new TokenBucket(UNCHECKED, clock.elapsed())
  const authors = new WeakMap<Uint8Array, string>()
  // Absent where an announcement is only passed on: it was delivered in another shard.
  const deliveries = new WeakMap<Uint8Array, Announced>()
  const orderListeners = new Set<(received: ReceivedOrder) => void>()
  const commitmentListeners = new Set<(received: ReceivedCommitment) => void>()
  const resultListeners = new Set<(received: ReceivedResult) => void>()
  const listeners = new Set<(announced: Announced) => void>()
  const closing = new AbortController()

  async function takeOrder(
    opened: OpenedAnnouncement,
    order: Order,
    envelope: Uint8Array,
    shard: ShardName,
    isTold = false,
  ): Promise<Verdict> {
    const { peer } = opened
    const shiftMs = shiftOf(order, clock.now())
    const refusal = findUnreadableOrder(order) ?? judgeOrder(order, { now: clock.now(), market })
    if (refusal !== undefined) {
      log.debug('order refused', { peer, refused: refusal.refused, detail: refusal.detail })
      return refusal.refused === 'MALFORMED' || refusal.refused === 'FOREIGN_MARKET' ? 'reject' : 'ignore'
    }
    if (shard !== '' && !shardsOf(order).includes(shard)) return 'reject'
    const orderId = orderIdOf(peer, opened.payload)
    const isHeard = () => orders.get(orderId)?.heardIn.has(shard) ?? false
    if (isHeard()) return 'ignore'
    const means = orders.get(orderId) === undefined ? await meansOf(peer, order) : undefined
    // While the chain was asked a copy may have come.
    if (isHeard()) return 'ignore'
    const isNew = orders.get(orderId) === undefined
    const received = { order, orderId, peer, envelope, shiftMs }
    const remembered = orders.get(orderId) ?? (means && takeIn(received, means))
    if (remembered === undefined) return 'ignore'
    // One that a neighbour told of is passed on all the same when gossip brings it: others may hear of it only from here.
    if (!isTold) remembered.heardIn.add(shard)
    if (isNew) deliveries.set(envelope, { kind: 'order', received })
    return 'accept'
  }

  /** Undefined: it is not passed on. */
  async function meansOf(peer: string, order: Order): Promise<Means | undefined> {
    const means = await backing.ask(peer, order)
    if (!isRefusal(means)) return means
    log.debug('an order is not passed on', { peer, wallet: toHex(order.wallet), ...means })
    return undefined
  }

  /** Undefined: it is not backed beside those that are known, or there is no room for it. */
  function takeIn(received: ReceivedOrder, means: Means): KnownOrder | undefined {
    const { peer, order } = received
    const refusal = backing.weigh(peer, order, means)
    if (refusal !== undefined) {
      log.debug('an order is not passed on', { peer, wallet: toHex(order.wallet), ...refusal })
      return undefined
    }
    if (means.held === undefined && !unchecked.take(clock.elapsed())) return undefined
    return orders.remember(received, means.held ?? 0n)
  }

  async function takeCommitment(
    peer: string,
    { orderId, hash }: { orderId: Uint8Array; hash: Uint8Array },
    shard: ShardName,
    data: Uint8Array,
  ): Promise<Verdict> {
    if (orderId.length !== 32 || hash.length !== 32) return 'reject'
    const order = orders.get(orderId)
    if (order === undefined || !isCommitting(order)) return 'ignore'
    if (!(await admission.isStaked(peer)) || !isCommitting(order)) return 'ignore'
    const earlier = order.committed.get(peer)
    if (earlier !== undefined) {
      // One commitment for each provider: the same in another shard is passed on, another one is not.
      if (!equal(earlier.hash, hash)) {
        conduct?.offend(peer, 'two commitments to one order')
        return 'ignore'
      }
      if (earlier.heardIn.has(shard)) return 'ignore'
      earlier.heardIn.add(shard)
      return 'accept'
    }
    if (order.committed.size >= MAX_COMMITMENTS) return 'ignore'
    order.committed.set(peer, { hash, heardIn: new Set([shard]) })
    const received = { orderId, peer, hash, receivedAtMs: clock.now(), envelope: data }
    deliveries.set(data, { kind: 'commitment', received })
    return 'accept'
  }

  const isCommitting = (order: KnownOrder) => orders.phaseOf(order) === 'committing'

  function takeResult(peer: string, result: Result, shard: ShardName, envelope: Uint8Array): Verdict {
    if (findMalformedResult(result) !== undefined) return 'reject'
    const order = orders.get(result.orderId)
    if (order === undefined) return 'ignore'
    if (order.peer !== peer) return 'reject'
    // A copy, or a round that was overtaken on the way.
    if (result.round <= (order.rounds.get(shard) ?? -1)) return 'ignore'
    order.rounds.set(shard, result.round)
    if (result.round > order.round) {
      order.round = result.round
      orders.settle(order, result)
      deliveries.set(envelope, {
        kind: 'result',
        received: { result, orderId: result.orderId, peer, envelope },
      })
    }
    return 'accept'
  }

  async function validate({ data }: GossipMessage, shard: ShardName): Promise<Verdict> {
    const opened = await openAnnouncement(data)
    if (isRefusal(opened)) return 'reject'
    const { peer, announcement } = opened
    if (peer === network.peer) return 'ignore'
    authors.set(data, peer)
    const { order, commitment, result } = announcement
    if (order !== undefined) return takeOrder(opened, order, data, shard)
    if (commitment !== undefined) return takeCommitment(peer, commitment, shard, data)
    return result === undefined ? 'reject' : takeResult(peer, result, shard, data)
  }

  function deliver({ data }: Pick<GossipMessage, 'data'>): void {
    const delivery = deliveries.get(data)
    if (delivery?.kind === 'order') for (const act of orderListeners) act(delivery.received)
    if (delivery?.kind === 'commitment') for (const act of commitmentListeners) act(delivery.received)
    if (delivery?.kind === 'result') for (const act of resultListeners) act(delivery.received)
    if (delivery !== undefined) for (const act of listeners) act(delivery)
  }

  const detach = place.attach(WORD, (shard) => ({
    validate: (message) => validate(message, shard),
    authorOf: ({ data }) => authors.get(data),
    onMessage: deliver,
    limits: { maxBytes: AUCTION_LIMITS.maxBytes, perAuthor: PER_AUTHOR },
  }))

  /** Who was cut off, or has just joined, hears of the orders that can still be bid for. */
  async function catchUp({ shard, fresh: [peer] }: Neighbours): Promise<void> {
    if (ask === undefined || peer === undefined) return
    const roster = await ask(peer, { shard, brief: true }, closing.signal)
    for (const envelope of roster?.orders ?? []) {
      const opened = await openAnnouncement(envelope)
      if (isRefusal(opened) || opened.announcement.order === undefined) continue
      if (opened.peer === network.peer || closing.signal.aborted) continue
      await takeOrder(opened, opened.announcement.order, envelope, shard, true)
      deliver({ data: envelope })
    }
  }

  const stopWatching = place.onNeighbours((news) => {
    catchUp(news).catch((error) => {
      log.debug('open orders were not heard of', { shard: news.shard, error: String(error) })
    })
  })
  const stopSweeping = clock.every(SWEEP_MS, orders.sweep)

  /** Where an announcement of this node belongs. An order's shards are joined first where none is yet. */
  async function shardsNow(orderId: Uint8Array, isOrder: boolean): Promise<readonly ShardName[]> {
    const shards = orders.get(orderId)?.shards ?? ALL_SHARDS
    if (!isOrder) return shards
    const seeking = place.seek(shards)
    if (place.joined(shards).length === 0) await seeking
    return shards
  }

  return {
    publish: async (announcement) => {
      const { envelope, payload } = await sealAnnouncement(announcement, network.privateKey)
      const { order } = announcement
      const orderId =
        announcement.commitment?.orderId ?? announcement.result?.orderId ?? orderIdOf(network.peer, payload)
      // Before it goes out: the first commitments come back within milliseconds.
      if (order !== undefined) {
        const held = admission.held(order.wallet) ?? 0n
        orders.remember({ order, orderId, peer: network.peer, envelope, shiftMs: 0 }, held)
      }
      const decided = orders.get(orderId)
      if (announcement.result !== undefined && decided !== undefined) {
        orders.settle(decided, announcement.result)
      }
      const announced = announcedBy(network.peer, announcement, { orderId, envelope, nowMs: clock.now() })
      if (announced !== undefined) for (const act of listeners) act(announced)
      const shards = await shardsNow(orderId, order !== undefined)
      const recipients = await place.publish(WORD, shards, envelope)
      return { orderId, envelope, recipients }
    },
    onOrder: (listener) => subscribe(orderListeners, listener),
    onCommitment: (listener) => subscribe(commitmentListeners, listener),
    onResult: (listener) => subscribe(resultListeners, listener),
    onAnnounced: (listener) => subscribe(listeners, listener),
    open: (shard) =>
      orders
        .all()
        .filter((order) => order.shards.includes(shard) && isCommitting(order))
        .map(({ envelope }) => envelope)
        .reverse(),
    orders: () =>
      orders.all().map(({ order, orderId, peer, envelope, shiftMs }) => ({
        order,
        orderId,
        peer,
        envelope,
        shiftMs,
      })),
    knows: (order) => orders.get(fromHex(order)) !== undefined,
    doubt: async (orderId) => {
      const known = orders.get(orderId)
      if (known === undefined) return undefined
      const { peer, order } = known
      const means = await backing.ask(peer, order, known)
      if (!isRefusal(means)) return backing.weigh(peer, order, means, known)
      // A busy chain says nothing about what others find out.
      return means.refused === 'FUNDS_UNKNOWN' ? undefined : means
    },
    close: () => {
      stopSweeping()
      closing.abort(new Error('the topic is closed'))
      stopWatching()
      for (const each of [orderListeners, commitmentListeners, resultListeners, listeners]) each.clear()
      detach()
    },
  }
}

/** The order inside an opened announcement, with its name; undefined when it is something else. */
export function orderOf(opened: OpenedAnnouncement, envelope: Uint8Array): ReceivedOrder | undefined {
  const { order } = opened.announcement
  if (order === undefined) return undefined
  return { order, orderId: orderIdOf(opened.peer, opened.payload), peer: opened.peer, envelope, shiftMs: 0 }
}

/** The result inside an opened announcement; undefined when it is something else, or not of this order. */
export function resultOf(opened: OpenedAnnouncement, order: ReceivedOrder): Result | undefined {
  const { result } = opened.announcement
  if (result === undefined || opened.peer !== order.peer) return undefined
  const isSound = findMalformedResult(result) === undefined
  return isSound && equal(result.orderId, order.orderId) ? result : undefined
}

function announcedBy(
  peer: string,
  { order, commitment, result }: Announcement,
  { orderId, envelope, nowMs }: { orderId: Uint8Array; envelope: Uint8Array; nowMs: number },
): Announced | undefined {
  if (order !== undefined) return { kind: 'order', received: { order, orderId, peer, envelope, shiftMs: 0 } }
  if (result !== undefined) return { kind: 'result', received: { result, orderId, peer, envelope } }
  if (commitment === undefined) return undefined
  const { hash } = commitment
  return { kind: 'commitment', received: { orderId, peer, hash, receivedAtMs: nowMs, envelope } }
}

function subscribe<T>(listeners: Set<T>, listener: T): () => void {
  listeners.add(listener)
  return () => listeners.delete(listener)
}

function findUnreadableOrder(order: Order): Refusal<'MALFORMED'> | undefined {
  const refuse = (detail: string) => ({ refused: 'MALFORMED' as const, detail })
  if (order.addresses.length > MAX_ADDRESSES) return refuse(`${order.addresses.length} addresses`)
  const long = order.addresses.find((address) => address.length > MAX_ADDRESS_CHARS)
  if (long !== undefined) return refuse(`an address of ${long.length} characters`)
  if (order.requirements.length > MAX_REQUIREMENTS_BYTES) {
    return refuse(`requirements of ${order.requirements.length} bytes`)
  }
  return undefined
}
