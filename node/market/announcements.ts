import {
  AUCTION_LIMITS,
  findMalformedResult,
  judgeOrder,
  orderIdOf,
  phaseOf,
  shiftOf,
  windowsOf,
} from '../../protocols/auction/rules.js'
import { Announcement, type Order, type Result } from '../../protocols/auction/wire.js'
import { equal, toHex } from '../../protocols/bytes.js'
import { type EnvelopeRefusal, type NodeKey, open, seal } from '../../protocols/envelope.js'
import { isRefusal, type Refusal } from '../../protocols/errors.js'
import { readRequirements } from '../../protocols/inventory/rules.js'
import { ALL_SHARDS, shardsFor } from '../../protocols/inventory/shard.js'
import { TokenBucket } from '../../protocols/limits.js'
import { depositFor } from '../../protocols/money.js'
import type { Clock, Log } from '../../protocols/ports.js'
import type { GossipMessage, Network, Verdict } from '../net/ports.js'
import { type Admission, everybody } from './admission.js'
import type { Conduct } from './conduct.js'
import type { Neighbours, Place, ShardName } from './place.js'
import type { AskRoster } from './roster.js'
import { createWholeMarket } from './whole.js'

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
  /** Orders remembered at once; beyond that the oldest is forgotten. Default 4,096. */
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
/** A later round of the result names the next best bid after the winner failed; it finds the order known for so long. */
const MEMORY_MS = 600_000
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

interface KnownOrder extends ReceivedOrder {
  /** Where it belongs, and where it was heard: in each shard it is passed on once. */
  shards: readonly ShardName[]
  heardIn: Set<ShardName>
  wallet: string
  /** By provider: what it committed to first, and where that was heard. */
  committed: Map<string, { hash: Uint8Array; heardIn: Set<ShardName> }>
  /** The highest round of a result so far, of all shards and of each. */
  round: number
  rounds: Map<ShardName, number>
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
  const known = new Map<string, KnownOrder>()
  const unchecked = new TokenBucket(UNCHECKED, clock.elapsed())
  const authors = new WeakMap<Uint8Array, string>()
  // Absent where an announcement is only passed on: it was delivered in another shard.
  const deliveries = new WeakMap<Uint8Array, Announced>()
  const orderListeners = new Set<(received: ReceivedOrder) => void>()
  const commitmentListeners = new Set<(received: ReceivedCommitment) => void>()
  const resultListeners = new Set<(received: ReceivedResult) => void>()
  const listeners = new Set<(announced: Announced) => void>()
  const closing = new AbortController()

  const sweep = () => {
    for (const [id, order] of known) if (order.expiresAtMs <= clock.now()) known.delete(id)
  }

  function remember(received: ReceivedOrder): KnownOrder {
    const { order } = received
    const made = {
      ...received,
      shards: shardsOf(order),
      heardIn: new Set<ShardName>(),
      wallet: toHex(order.wallet),
      committed: new Map(),
      round: -1,
      rounds: new Map(),
      expiresAtMs: windowsOf(order).revealUntil + MEMORY_MS,
    }
    known.set(toHex(received.orderId), made)
    forgetOldest()
    return made
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
    const id = toHex(orderId)
    const isHeard = () => known.get(id)?.heardIn.has(shard) ?? false
    if (isHeard()) return 'ignore'
    if (!known.has(id) && !(await isBacked(peer, order))) return 'ignore'
    // While the chain was asked a copy may have come.
    if (isHeard()) return 'ignore'
    const isNew = !known.has(id)
    const received = { order, orderId, peer, envelope, shiftMs }
    const remembered = known.get(id) ?? remember(received)
    // One that a neighbour told of is passed on all the same when gossip brings it: others may hear of it only from here.
    if (!isTold) remembered.heardIn.add(shard)
    if (isNew) deliveries.set(envelope, { kind: 'order', received })
    return 'accept'
  }

  /** Whether an order may cost everybody's attention: few of one renter and one wallet, its own, and each with its deposit. */
  async function isBacked(peer: string, order: Order): Promise<boolean> {
    const wallet = toHex(order.wallet)
    const isFull = () => {
      let [ofPeer, ofWallet] = [0, 0]
      for (const other of known.values()) {
        if (phaseNow(other) === 'closed') continue
        if (other.peer === peer) ofPeer++
        if (other.wallet === wallet) ofWallet++
      }
      return Math.max(ofPeer, ofWallet) >= maxOrdersPerPeer
    }
    if (isFull()) {
      log.debug('too many orders of one renter or wallet', { peer, wallet })
      return false
    }
    if (!(await admission.isOwnWallet(order, peer))) {
      log.debug('an order that names another’s wallet', { peer, wallet })
      return false
    }
    const canPay = await admission.canPay(order.wallet, depositOf(order))
    if (canPay === false) log.debug('an order without funds', { peer, wallet })
    return (canPay ?? unchecked.take(clock.elapsed())) && !isFull()
  }

  async function takeCommitment(
    peer: string,
    { orderId, hash }: { orderId: Uint8Array; hash: Uint8Array },
    shard: ShardName,
    data: Uint8Array,
  ): Promise<Verdict> {
    if (orderId.length !== 32 || hash.length !== 32) return 'reject'
    const order = known.get(toHex(orderId))
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

  const phaseNow = ({ order, shiftMs }: KnownOrder) => phaseOf(order, clock.now() - shiftMs)
  const isCommitting = (order: KnownOrder) => phaseNow(order) === 'committing'

  function takeResult(peer: string, result: Result, shard: ShardName, envelope: Uint8Array): Verdict {
    if (findMalformedResult(result) !== undefined) return 'reject'
    const order = known.get(toHex(result.orderId))
    if (order === undefined) return 'ignore'
    if (order.peer !== peer) return 'reject'
    // A copy, or a round that was overtaken on the way.
    if (result.round <= (order.rounds.get(shard) ?? -1)) return 'ignore'
    order.rounds.set(shard, result.round)
    if (result.round > order.round) {
      order.round = result.round
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
  const stopSweeping = clock.every(SWEEP_MS, sweep)

  /** Where an announcement of this node belongs. An order's shards are joined first where none is yet. */
  async function shardsNow(orderId: Uint8Array, isOrder: boolean): Promise<readonly ShardName[]> {
    const shards = known.get(toHex(orderId))?.shards ?? ALL_SHARDS
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
      if (order !== undefined) remember({ order, orderId, peer: network.peer, envelope, shiftMs: 0 })
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
      [...known.values()]
        .filter((order) => order.shards.includes(shard) && isCommitting(order))
        .map(({ envelope }) => envelope)
        .reverse(),
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
      closing.abort(new Error('the topic is closed'))
      stopWatching()
      for (const each of [orderListeners, commitmentListeners, resultListeners, listeners]) each.clear()
      detach()
    },
  }
}

/** Every shard in which a provider can be that the order is for; none when its requirements cannot be read. */
function shardsOf(order: Order): readonly ShardName[] {
  const requirements = readRequirements(order.requirements)
  return isRefusal(requirements) ? [] : shardsFor(requirements)
}

/** The most that the order can lead to, atomic units. */
function depositOf(order: Order): bigint {
  const requirements = readRequirements(order.requirements)
  const devices = isRefusal(requirements) ? 1 : requirements.devices
  return depositFor(order.ceilingPricePerHour * BigInt(devices), order.durationS) * BigInt(order.count ?? 1)
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
