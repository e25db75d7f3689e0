import { revealProtocol } from '../../protocols/auction/protocol.js'
import {
  AUCTION_LIMITS,
  award,
  type Candidate,
  judgeBid,
  orderIdOf,
  windowsOf,
} from '../../protocols/auction/rules.js'
import { Announcement, type Order, type RevealResponse } from '../../protocols/auction/wire.js'
import { toHex } from '../../protocols/bytes.js'
import { isRefusal, type Refusal } from '../../protocols/errors.js'
import { findMismatches } from '../../protocols/inventory/rules.js'
import { Requirements } from '../../protocols/inventory/wire.js'
import type { Clock, Log } from '../../protocols/ports.js'
import type { AuctionTopic } from '../market/announcements.js'
import { openBid } from '../market/bids.js'
import type { Engine } from '../net/ports.js'
import type { Inventory } from './inventory.js'
import type { Standing } from './standing.js'

/** A sealed order that was published, and all that came back. */
export interface Auction {
  order: Order
  orderId: Uint8Array
  /** The signed envelope of the order, as providers saw it. */
  envelope: Uint8Array
  bids: ReceivedBid[]
}

export interface ReceivedBid extends Candidate {
  /** The provider's signed bid. */
  envelope: Uint8Array
  payout: Uint8Array
}

export interface AuctionEvents {
  onOrdered(orderId: Uint8Array): void
  onCommitted(peer: string): void
  onRefused(peer: string, pricePerHour: bigint, reason: string): void
}

export interface Auctioneer {
  /** Publishes the order, takes commitments, then bids, and resolves when both windows are over or all have revealed. */
  hold(order: Order, events: AuctionEvents, signal: AbortSignal): Promise<Auction>
  /**
   * Publishes who has won, with every bid that was revealed. A further round after a winner has failed passes the
   * failed ones over. Undefined: nobody is left.
   */
  announce(
    auction: Auction,
    round: number,
    failed: ReadonlyMap<string, string>,
  ): Promise<{ winner: ReceivedBid; pricePerHour: bigint; envelope: Uint8Array } | undefined>
  close(): Promise<void>
}

interface Running {
  order: Order
  commitments: Map<string, Uint8Array>
  revealed: Map<string, ReceivedBid>
  /** Judging starts when a bid arrives, so that it takes no time of its own after the last one. */
  qualified: Map<string, Promise<ReceivedBid>>
  /** Whose refusal was told: once for each, however often it tries. */
  refused: Set<string>
  events: AuctionEvents
  signal: AbortSignal
  /** Wakes `hold` when a bid has come. */
  wake: () => void
}

export async function createAuctioneer(parts: {
  /** Base58 peer id of this node, the author of its orders. */
  self: string
  engine: Engine
  topic: AuctionTopic
  inventory: Inventory
  standing: Standing
  clock: Clock
  log: Log
}): Promise<Auctioneer> {
  const { self, engine, topic, inventory, standing, clock, log } = parts
  const running = new Map<string, Running>()

  const stopListening = topic.onCommitment(({ orderId, peer, hash }) => {
    const auction = running.get(toHex(orderId))
    if (auction === undefined) return
    if (auction.commitments.size >= AUCTION_LIMITS.maxBids) return
    auction.commitments.set(peer, hash)
    auction.events.onCommitted(peer)
  })

  const takeBid = async (peer: string, bytes: Uint8Array): Promise<RevealResponse> => {
    const opened = await openBid(bytes)
    if (isRefusal(opened)) return answer(opened)
    if (opened.peer !== peer) return answer({ refused: 'MALFORMED', detail: 'signed by another peer' })
    const { bid } = opened
    const auction = running.get(toHex(bid.orderId))
    if (auction === undefined)
      return answer({ refused: 'UNKNOWN_ORDER', detail: 'no such auction runs here' })
    const refusal = judgeBid(auction.order, bid, {
      now: clock.now(),
      peer,
      payload: opened.payload,
      commitment: auction.commitments.get(peer),
      revealed: auction.revealed.has(peer),
    })
    if (refusal !== undefined) {
      tellRefusal(auction, peer, bid.pricePerHour, refusal)
      return answer(refusal)
    }
    const received: ReceivedBid = {
      peer,
      pricePerHour: bid.pricePerHour,
      payout: bid.payout,
      stake: 0n,
      envelope: bytes,
    }
    auction.revealed.set(peer, received)
    const qualified = qualify(auction, received)
    // Awaited when the auction closes; until then nobody looks at a failure.
    qualified.catch(() => {})
    auction.qualified.set(peer, qualified)
    auction.wake()
    return { refused: '', detail: '' }
  }

  /** Whoever never committed is no part of the story, and whoever has a bid in cannot talk it away. */
  const tellRefusal = (auction: Running, peer: string, pricePerHour: bigint, { refused }: Refusal) => {
    const isPart = auction.commitments.has(peer) && !auction.revealed.has(peer)
    if (!isPart || auction.refused.has(peer) || refused === 'TOO_EARLY') return
    auction.refused.add(peer)
    auction.events.onRefused(peer, pricePerHour, refused)
  }

  await engine.handle(revealProtocol, async (session) => {
    const request = await session.receive()
    if (request !== undefined) await session.send(await takeBid(session.peer, request.bid))
  })

  /** Whether a bidder meets the requirements, and what it has staked, as the chain and its own heartbeat say now. */
  const qualify = async ({ order, signal }: Running, bid: ReceivedBid): Promise<ReceivedBid> => {
    const lost = await standing.lostBecause(bid.peer)
    if (lost !== undefined) return { ...bid, excluded: `STANDING_LOST: ${lost}` }
    const requirements = Requirements.decode(order.requirements)
    const offer = await inventory.offerOf(bid.peer, signal, requirements)
    if (offer === undefined) return { ...bid, excluded: 'OFFER_UNKNOWN' }
    // It reserved a device for this very bid, so being busy or short of a free one says nothing against it.
    const devices = offer.devices.map((device) => ({ ...device, free: device.count }))
    const [missed] = findMismatches({ ...offer, devices, available: true }, requirements)
    return { ...bid, stake: offer.stake, excluded: missed?.reason }
  }

  return {
    hold: async (order, events, signal) => {
      let wake = () => {}
      const orderId = orderIdOf(self, Announcement.encode({ order }))
      const auction: Running = {
        order,
        commitments: new Map(),
        revealed: new Map(),
        qualified: new Map(),
        refused: new Set(),
        events,
        signal,
        wake: () => wake(),
      }
      const key = toHex(orderId)
      running.set(key, auction)
      try {
        const { envelope } = await topic.publish({ order })
        events.onOrdered(orderId)
        const { commitUntil, revealUntil } = windowsOf(order)
        await clock.sleep(Math.max(0, commitUntil - clock.now()), signal)
        while (auction.revealed.size < auction.commitments.size) {
          const leftMs = revealUntil - clock.now()
          if (leftMs <= 0) break
          const woken = new AbortController()
          wake = () => woken.abort()
          await clock
            .sleep(leftMs, AbortSignal.any([signal, woken.signal]))
            .catch(() => signal.throwIfAborted())
        }
        const bids = await Promise.all(auction.qualified.values())
        log.debug('auction closed', { order: key, commitments: auction.commitments.size, bids: bids.length })
        return { order, orderId, envelope, bids }
      } finally {
        running.delete(key)
      }
    },

    announce: async (auction, round, failed) => {
      const judged = auction.bids.map((bid) => ({ ...bid, excluded: bid.excluded ?? failed.get(bid.peer) }))
      const won = award(auction.order, judged)
      const { envelope } = await topic.publish({
        result: {
          orderId: auction.orderId,
          bids: judged.map((bid) => ({
            envelope: bid.envelope,
            outcome: bid.excluded ?? (bid.peer === won?.winner ? 'won' : 'qualified'),
          })),
          winner: won?.winner ?? '',
          pricePerHour: won?.pricePerHour ?? 0n,
          round,
        },
      })
      const winner = auction.bids.find(({ peer }) => peer === won?.winner)
      if (won === undefined || winner === undefined) return undefined
      return { winner, pricePerHour: won.pricePerHour, envelope }
    },

    close: async () => {
      stopListening()
      await engine.unhandle(revealProtocol)
    },
  }
}

function answer(refusal: Refusal): RevealResponse {
  return { refused: refusal.refused, detail: refusal.detail }
}
