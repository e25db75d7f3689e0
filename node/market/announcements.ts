import {
  AUCTION_LIMITS,
  findMalformedResult,
  judgeOrder,
  orderIdOf,
  phaseOf,
  shiftOf,
  windowsOf,
} from '../../protocols/auction/rules.js'
import { Announcement, type Commitment, type Order, type Result } from '../../protocols/auction/wire.js'
import { equal, toHex } from '../../protocols/bytes.js'
import { topicName } from '../../protocols/descriptor.js'
import { type EnvelopeRefusal, type NodeKey, open, seal } from '../../protocols/envelope.js'
import { isRefusal, type Refusal } from '../../protocols/errors.js'
import type { Clock, Log } from '../../protocols/ports.js'
import type { GossipMessage, Network, Verdict } from '../net/ports.js'

export interface ReceivedOrder {
  order: Order
  orderId: Uint8Array
  /** Base58 peer id of the renter that signed it. */
  peer: string
  /** The signed bytes, as gossiped: what a lease proposal shows again. */
  envelope: Uint8Array
  /** By how much this node's clock is taken to be ahead of the renter's, in milliseconds (`shiftOf`). */
  shiftMs: number
}

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
 * One market's auctions. Commitments and results pass only when they belong to an order that this node has seen, a
 * commitment once for each peer and order, a result only from the order's author and only with a growing round.
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
  /** Orders remembered at once; beyond that the oldest is forgotten. Default 4,096. */
  maxOrders?: number
  /** Orders of one renter that are remembered at once. Default 64. */
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
/** A later round of the result names the next best bid after the winner failed; it finds the order known for so long. */
const MEMORY_MS = 600_000
const MAX_COMMITMENTS = 1_024
const MAX_ADDRESSES = 16
const MAX_ADDRESS_CHARS = 256
const MAX_REQUIREMENTS_BYTES = 8_192
/** A busy provider commits to every order of its market; orders have a limit of their own. */
const PER_AUTHOR = { perMinute: 240, burst: 60 }

interface KnownOrder extends ReceivedOrder {
  committed: Set<string>
  /** The highest round of a result so far. */
  round: number
  expiresAtMs: number
}

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
    return { peer: opened.peer, announcement, payload: opened.payload }
  } catch {
    return { refused: 'MALFORMED', detail: 'the envelope does not hold an announcement' }
  }
}

export function createAuctionTopic(options: AuctionTopicOptions): AuctionTopic {
  const { network, market, clock, log, maxOrders = 4_096, maxOrdersPerPeer = 64 } = options
  const topic = topicName(network.name, WORD)
  const known = new Map<string, KnownOrder>()
  const deliveries = new WeakMap<Uint8Array, Announced>()
  const orderListeners = new Set<(received: ReceivedOrder) => void>()
  const commitmentListeners = new Set<(received: ReceivedCommitment) => void>()
  const resultListeners = new Set<(received: ReceivedResult) => void>()
  const listeners = new Set<(announced: Announced) => void>()

  const sweep = () => {
    for (const [id, order] of known) if (order.expiresAtMs <= clock.now()) known.delete(id)
  }

  function remember(received: ReceivedOrder): KnownOrder {
    const { revealUntil } = windowsOf(received.order)
    const order = {
      ...received,
      committed: new Set<string>(),
      round: -1,
      expiresAtMs: revealUntil + MEMORY_MS,
    }
    known.set(toHex(received.orderId), order)
    forgetOldest()
    return order
  }

  /**
   * Renters' names cost nothing, so a node that is full of orders forgets the oldest rather than refuse the newest: one
   * whose bids are still awaited is seconds old, those that a flood leaves behind are minutes old.
   */
  function forgetOldest(): void {
    if (known.size <= maxOrders) return
    for (const [id, { peer }] of known) {
      if (peer === network.peer) continue
      known.delete(id)
      log.debug('too many orders to remember', { maxOrders, forgotten: id })
      return
    }
  }

  function takeOrder(opened: OpenedAnnouncement, order: Order, envelope: Uint8Array): Verdict {
    const refusal = findUnreadableOrder(order) ?? judgeOrder(order, { now: clock.now(), market })
    if (refusal !== undefined) {
      log.debug('order refused', { peer: opened.peer, refused: refusal.refused, detail: refusal.detail })
      return refusal.refused === 'MALFORMED' || refusal.refused === 'FOREIGN_MARKET' ? 'reject' : 'ignore'
    }
    const orderId = orderIdOf(opened.peer, opened.payload)
    if (known.has(toHex(orderId))) return 'ignore'
    const ofPeer = [...known.values()].filter(({ peer }) => peer === opened.peer).length
    if (ofPeer >= maxOrdersPerPeer) {
      log.debug('too many orders of one renter', { peer: opened.peer, ofPeer })
      return 'ignore'
    }
    const shiftMs = shiftOf(order, clock.now())
    const received = { order, orderId, peer: opened.peer, envelope, shiftMs }
    remember(received)
    deliveries.set(envelope, { kind: 'order', received })
    return 'accept'
  }

  function takeCommitment(peer: string, { orderId, hash }: Commitment, envelope: Uint8Array) {
    if (orderId.length !== 32 || hash.length !== 32) return 'reject'
    const order = known.get(toHex(orderId))
    const isInTime = order !== undefined && phaseOf(order.order, clock.now() - order.shiftMs) === 'committing'
    if (!isInTime || order.committed.has(peer) || order.committed.size >= MAX_COMMITMENTS) return 'ignore'
    order.committed.add(peer)
    return { orderId, peer, hash, receivedAtMs: clock.now(), envelope }
  }

  function takeResult(peer: string, result: Result): 'accept' | 'ignore' | 'reject' {
    if (findMalformedResult(result) !== undefined) return 'reject'
    const order = known.get(toHex(result.orderId))
    if (order === undefined) return 'ignore'
    if (order.peer !== peer) return 'reject'
    // A copy, or a round that was overtaken on the way.
    if (result.round <= order.round) return 'ignore'
    order.round = result.round
    return 'accept'
  }

  async function validate({ data }: GossipMessage): Promise<Verdict> {
    const opened = await openAnnouncement(data)
    if (isRefusal(opened)) return 'reject'
    const { peer, announcement } = opened
    if (peer === network.peer) return 'ignore'
    const { order, commitment, result } = announcement
    if (order !== undefined) return takeOrder(opened, order, data)
    if (commitment !== undefined) {
      const taken = takeCommitment(peer, commitment, data)
      if (typeof taken === 'string') return taken
      deliveries.set(data, { kind: 'commitment', received: taken })
      return 'accept'
    }
    if (result === undefined) return 'reject'
    const verdict = takeResult(peer, result)
    if (verdict === 'accept') {
      const received = { result, orderId: result.orderId, peer, envelope: data }
      deliveries.set(data, { kind: 'result', received })
    }
    return verdict
  }

  function deliver({ data }: GossipMessage): void {
    const delivery = deliveries.get(data)
    if (delivery === undefined) return
    if (delivery.kind === 'order') for (const act of orderListeners) act(delivery.received)
    if (delivery.kind === 'commitment') for (const act of commitmentListeners) act(delivery.received)
    if (delivery.kind === 'result') for (const act of resultListeners) act(delivery.received)
    for (const act of listeners) act(delivery)
  }

  network.gossip.join(topic, {
    validate,
    authorOf: ({ data }) => deliveries.get(data)?.received.peer,
    onMessage: deliver,
    limits: { maxBytes: AUCTION_LIMITS.maxBytes, perAuthor: PER_AUTHOR },
  })
  const stopSweeping = clock.every(SWEEP_MS, sweep)

  return {
    publish: async (announcement) => {
      const { envelope, payload } = await sealAnnouncement(announcement, network.privateKey)
      const { order } = announcement
      const orderId =
        announcement.commitment?.orderId ?? announcement.result?.orderId ?? orderIdOf(network.peer, payload)
      // Before it goes out: the first commitments come back within milliseconds.
      if (order !== undefined) remember({ order, orderId, peer: network.peer, envelope, shiftMs: 0 })
      const announced = announcedBy(network.peer, announcement, { orderId, envelope, nowMs: clock.now() })
      if (announced !== undefined) for (const act of listeners) act(announced)
      const { recipients } = await network.gossip.publish(topic, envelope)
      return { orderId, envelope, recipients }
    },
    onOrder: (listener) => subscribe(orderListeners, listener),
    onCommitment: (listener) => subscribe(commitmentListeners, listener),
    onResult: (listener) => subscribe(resultListeners, listener),
    onAnnounced: (listener) => subscribe(listeners, listener),
    orders: () =>
      [...known.values()].map(({ order, orderId, peer, envelope, shiftMs }) => ({
        order,
        orderId,
        peer,
        envelope,
        shiftMs,
      })),
    close: () => {
      stopSweeping()
      for (const each of [orderListeners, commitmentListeners, resultListeners, listeners]) each.clear()
      network.gossip.leave(topic)
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
