import { AUCTION_LIMITS, judgeOrder, orderIdOf, phaseOf, windowsOf } from '../../protocols/auction/rules.js'
import {
  isReadableResult,
  type OpenedAnnouncement,
  openAnnouncement,
  type SignedOrder,
  sealAnnouncement,
} from '../../protocols/auction/sealed.js'
import type { Order, Result } from '../../protocols/auction/wire.js'
import { toHex } from '../../protocols/bytes.js'
import { topicName } from '../../protocols/descriptor.js'
import { isRefusal } from '../../protocols/errors.js'
import type { Clock, Log } from '../../protocols/ports.js'
import type { GossipMessage, Network, Verdict } from '../net/ports.js'
import type { AuctionTopic, ReceivedCommitment, ReceivedResult } from './port.js'

export interface AuctionTopicOptions {
  network: Pick<Network, 'name' | 'peer' | 'privateKey' | 'gossip'>
  /** 32 bytes: orders of another market are rejected. */
  market: Uint8Array
  clock: Clock
  log: Log
  /** Orders remembered at once; further ones are ignored until some expire. Default 4,096. */
  maxOrders?: number
  /** Orders of one renter that are remembered at once. Default 64. */
  maxOrdersPerPeer?: number
}

const WORD = 'auction'
const SWEEP_MS = 10_000
/** A later round of the result names the next best bid after the winner failed; it finds the order known for so long. */
const MEMORY_MS = 600_000
const MAX_COMMITMENTS = 1_024
/** A busy provider commits to every order of its market; orders have a limit of their own. */
const PER_AUTHOR = { perMinute: 240, burst: 60 }

interface KnownOrder extends SignedOrder {
  committed: Set<string>
  /** The highest round of a result so far. */
  round: number
  expiresAtMs: number
}

type Delivery =
  | { kind: 'order'; received: SignedOrder }
  | { kind: 'commitment'; received: ReceivedCommitment }
  | { kind: 'result'; received: ReceivedResult }

export function createAuctionTopic(options: AuctionTopicOptions): AuctionTopic {
  const { network, market, clock, log, maxOrders = 4_096, maxOrdersPerPeer = 64 } = options
  const topic = topicName(network.name, WORD)
  const known = new Map<string, KnownOrder>()
  const deliveries = new WeakMap<Uint8Array, Delivery>()
  const orderListeners = new Set<(received: SignedOrder) => void>()
  const commitmentListeners = new Set<(received: ReceivedCommitment) => void>()
  const resultListeners = new Set<(received: ReceivedResult) => void>()

  const sweep = () => {
    for (const [id, order] of known) if (order.expiresAtMs <= clock.now()) known.delete(id)
  }

  function remember(received: SignedOrder): KnownOrder {
    const { revealUntil } = windowsOf(received.order)
    const order = {
      ...received,
      committed: new Set<string>(),
      round: -1,
      expiresAtMs: revealUntil + MEMORY_MS,
    }
    known.set(toHex(received.orderId), order)
    return order
  }

  function takeOrder(opened: OpenedAnnouncement, order: Order, envelope: Uint8Array): Verdict {
    const refusal = judgeOrder(order, { now: clock.now(), market })
    if (refusal !== undefined) {
      log.debug('order refused', { peer: opened.peer, refused: refusal.refused, detail: refusal.detail })
      return refusal.refused === 'MALFORMED' || refusal.refused === 'FOREIGN_MARKET' ? 'reject' : 'ignore'
    }
    const orderId = orderIdOf(opened.payload)
    if (known.has(toHex(orderId))) return 'ignore'
    const ofPeer = [...known.values()].filter(({ peer }) => peer === opened.peer).length
    if (known.size >= maxOrders || ofPeer >= maxOrdersPerPeer) {
      log.warn('too many orders to remember', { peer: opened.peer, ofPeer, inAll: known.size })
      return 'ignore'
    }
    const received = { order, orderId, peer: opened.peer, envelope }
    remember(received)
    deliveries.set(envelope, { kind: 'order', received })
    return 'accept'
  }

  function takeCommitment(peer: string, { orderId, hash }: { orderId: Uint8Array; hash: Uint8Array }) {
    if (orderId.length !== 32 || hash.length !== 32) return 'reject'
    const order = known.get(toHex(orderId))
    const isInTime = order !== undefined && phaseOf(order.order, clock.now()) === 'committing'
    if (!isInTime || order.committed.has(peer) || order.committed.size >= MAX_COMMITMENTS) return 'ignore'
    order.committed.add(peer)
    return { orderId, peer, hash, receivedAtMs: clock.now() }
  }

  function takeResult(peer: string, result: Result): 'accept' | 'ignore' | 'reject' {
    if (!isReadableResult(result)) return 'reject'
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
      const taken = takeCommitment(peer, commitment)
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
    if (delivery?.kind === 'order') for (const act of orderListeners) act(delivery.received)
    if (delivery?.kind === 'commitment') for (const act of commitmentListeners) act(delivery.received)
    if (delivery?.kind === 'result') for (const act of resultListeners) act(delivery.received)
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
      const orderId = announcement.commitment?.orderId ?? announcement.result?.orderId ?? orderIdOf(payload)
      // Before it goes out: the first commitments come back within milliseconds.
      if (order !== undefined) remember({ order, orderId, peer: network.peer, envelope })
      const { recipients } = await network.gossip.publish(topic, envelope)
      return { orderId, envelope, recipients }
    },
    onOrder: (listener) => subscribe(orderListeners, listener),
    onCommitment: (listener) => subscribe(commitmentListeners, listener),
    onResult: (listener) => subscribe(resultListeners, listener),
    orders: () =>
      [...known.values()].map(({ order, orderId, peer, envelope }) => ({ order, orderId, peer, envelope })),
    close: () => {
      stopSweeping()
      for (const listeners of [orderListeners, commitmentListeners, resultListeners]) listeners.clear()
      network.gossip.leave(topic)
    },
  }
}

function subscribe<T>(listeners: Set<T>, listener: T): () => void {
  listeners.add(listener)
  return () => listeners.delete(listener)
}
