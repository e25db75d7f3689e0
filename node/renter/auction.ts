import { award, type Candidate } from '../../protocols/auction/award.js'
import { openBid } from '../../protocols/auction/bid.js'
import { hostsOf } from '../../protocols/auction/hosts.js'
import { revealProtocol } from '../../protocols/auction/protocol.js'
import { AUCTION_LIMITS, judgeBid, orderIdOf, windowsOf } from '../../protocols/auction/rules.js'
import {
  Announcement,
  type Order,
  type RevealedBid,
  type RevealResponse,
} from '../../protocols/auction/wire.js'
import { fromHex, toHex } from '../../protocols/bytes.js'
import { isRefusal, type Refusal } from '../../protocols/errors.js'
import { findMismatches, type Offer } from '../../protocols/inventory/rules.js'
import { Requirements } from '../../protocols/inventory/wire.js'
import type { Clock, Log } from '../../protocols/ports.js'
import type { AuctionTopic } from '../market/announcements.js'
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
  /** Who committed and had no bid taken; nobody, where enough bids closed the auction early. */
  withheld: string[]
  /** Whether they had the whole window to reveal in. */
  isWindowOver: boolean
}

export interface ReceivedBid extends Candidate {
  /** The provider's signed bid. */
  envelope: Uint8Array
  payout: Uint8Array
  /** Seconds of notice that the bid promises; missing: none. */
  noticeS?: number | undefined
}

/** What a result has published: who may sign now, and for how much. */
export interface Awarded {
  /** The best first. */
  winners: Array<{ bid: ReceivedBid; pricePerHour: bigint }>
  /** The signed result. */
  envelope: Uint8Array
}

export interface AuctionEvents {
  onOrdered(orderId: Uint8Array): void
  /** Others have a reason not to pass the order on, so that few will bid or nobody. */
  onDoubted(doubt: Refusal): void
  onCommitted(peer: string): void
  onRefused(peer: string, pricePerHour: bigint, reason: string): void
}

export interface Auctioneer {
  /**
   * Publishes the order, takes commitments, then bids, and resolves when both windows are over, all have revealed, or as
   * many bids as the order says are enough. Whoever has lost its standing or withheld a bid lately is not waited for.
   */
  hold(order: Order, events: AuctionEvents, signal: AbortSignal): Promise<Auction>
  /**
   * Publishes who has won, with every bid that was revealed. A further round after a winner has failed passes the
   * failed ones over (by the reason why), and keeps those that have signed (at the price that they signed). No winners:
   * too few are left.
   */
  announce(
    auction: Auction,
    round: number,
    failed: ReadonlyMap<string, string>,
    kept?: ReadonlyMap<string, bigint>,
  ): Promise<Awarded>
  close(): Promise<void>
}

/** Longest wait for what is known of a bidder's conduct, and for its round trip. */
const MEASURE_MS = 1_000

interface Running {
  order: Order
  commitments: Map<string, Uint8Array>
  /** Whose bid the auction waits for. */
  awaited: Set<string>
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
  /** Where this node's connections with a peer lead: what a provider announces may be another's address. */
  remotesOf: (peer: string) => readonly string[]
  clock: Clock
  log: Log
  /** Orders of an earlier process that are to be held on: bids for them are asked to come again until then. */
  expected?: readonly Order[]
  /** Commitments to an order that reached this node before; they count when it is held again after a restart. */
  seen?: (orderId: Uint8Array) => ReadonlyArray<{ peer: string; hash: Uint8Array }>
  /** What is known of a provider's conduct; without it all are new. */
  conductOf?: (peer: string, signal: AbortSignal) => Promise<{ reliability: number; leases: number }>
  /** Measures the round trip to a bidder, where the order's scoring asks for it and the offer does not say it. */
  latencyOf?: (peer: string, signal: AbortSignal) => Promise<number>
}): Promise<Auctioneer> {
  const { self, engine, topic, inventory, standing, remotesOf, clock, log } = parts
  const running = new Map<string, Running>()
  const nameOf = (order: Order) => orderIdOf(self, Announcement.encode({ order }))
  const expected = new Set((parts.expected ?? []).map((order) => toHex(nameOf(order))))

  const stopListening = topic.onCommitment(({ orderId, peer, hash }) => {
    const auction = running.get(toHex(orderId))
    if (auction === undefined) return
    if (auction.commitments.size >= AUCTION_LIMITS.maxBids) return
    auction.commitments.set(peer, hash)
    auction.awaited.add(peer)
    auction.events.onCommitted(peer)
    void awaitIfWorthIt(auction, peer)
  })

  /** Whoever has withheld a bid before may still reveal in time, and keeps nobody waiting. */
  const awaitIfWorthIt = async (auction: Running, peer: string) => {
    try {
      if (await standing.isAwaited(peer)) return
      auction.awaited.delete(peer)
      auction.wake()
    } catch (error) {
      log.warn('the standing of a bidder cannot be read', { peer, error: String(error) })
    }
  }

  const takeBid = async (peer: string, bytes: Uint8Array): Promise<RevealResponse> => {
    const opened = await openBid(bytes)
    if (isRefusal(opened)) return answer(opened)
    if (opened.peer !== peer) return answer({ refused: 'MALFORMED', detail: 'signed by another peer' })
    const { bid } = opened
    const auction = running.get(toHex(bid.orderId))
    if (auction === undefined && expected.has(toHex(bid.orderId)))
      return answer({ refused: 'TOO_EARLY', detail: 'this renter has just come back' })
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
      noticeS: bid.noticeS,
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

  /** Whether a bidder meets the requirements, and the facts that it is scored by, as they are known now. */
  const qualify = async ({ order, signal }: Running, bid: ReceivedBid): Promise<ReceivedBid> => {
    const lost = await standing.lostBecause(bid.peer)
    if (lost !== undefined) return { ...bid, excluded: `STANDING_LOST: ${lost}` }
    const requirements = Requirements.decode(order.requirements)
    const offer = await inventory.offerOf(bid.peer, signal, requirements)
    if (offer === undefined) return { ...bid, excluded: 'OFFER_UNKNOWN' }
    // It reserved a device for this very bid, so being busy or short of a free one says nothing against it.
    const devices = offer.devices.map((device) => ({ ...device, free: device.count }))
    // The bid's own word counts, not what was said to everybody.
    const { noticeS: _, ...told } = offer
    const promised = bid.noticeS === undefined ? told : { ...told, noticeS: bid.noticeS }
    const fit = (tried: typeof devices) =>
      findMismatches({ ...promised, devices: tried, available: true }, requirements)
    const gflops = devices.filter((device) => fit([device]).length === 0).map((device) => device.gflops)
    return {
      ...bid,
      ...(await measure(order, offer, signal)),
      stake: offer.stake,
      owner: offer.owner,
      hosts: hostsOf(remotesOf(bid.peer)),
      gflops: asCount(Math.max(0, ...gflops)),
      excluded: fit(devices)[0]?.reason,
    }
  }

  /** Others ask the same chain about this order, and nobody tells its renter what they find. */
  const tellDoubt = async (key: string, orderId: Uint8Array, events: AuctionEvents) => {
    try {
      const doubt = await topic.doubt(orderId)
      if (doubt !== undefined && running.has(key)) events.onDoubted(doubt)
    } catch (error) {
      log.debug('an own order cannot be judged', { order: key, error: String(error) })
    }
  }

  /** Facts that cost a question; what is not known in time scores nothing and holds nobody up. */
  const measure = async ({ scoring }: Order, offer: Offer, signal: AbortSignal) => {
    const { peer } = offer
    const late = new AbortController()
    const stop = clock.after(MEASURE_MS, () => late.abort(new Error('not known in time')))
    const limit = AbortSignal.any([signal, late.signal])
    const tooLate = new Promise<undefined>((resolve) => {
      limit.addEventListener('abort', () => resolve(undefined), { once: true })
    })
    const asked = <T>(question: Promise<T> | undefined) => {
      const answered = question?.catch((error: unknown) => {
        log.debug('a fact about a bidder is not known', { peer, error: String(error) })
        return undefined
      })
      return Promise.race([answered, tooLate])
    }
    const needsConduct = scoring !== undefined && scoring.reliability + scoring.exploration > 0
    const needsLatency = scoring !== undefined && scoring.latency > 0
    try {
      const [conduct, latencyMs] = await Promise.all([
        needsConduct ? asked(parts.conductOf?.(peer, limit)) : undefined,
        needsLatency ? (offer.latencyMs ?? asked(parts.latencyOf?.(peer, limit))) : undefined,
      ])
      const reliability = conduct?.reliability ?? offer.reliability
      return {
        reliability: reliability === undefined ? undefined : asCount(reliability * 10_000),
        leases: conduct === undefined ? undefined : asCount(conduct.leases),
        latencyMs: latencyMs === undefined ? undefined : asCount(Math.ceil(latencyMs)),
      }
    } finally {
      stop()
    }
  }

  return {
    hold: async (order, events, signal) => {
      let wake = () => {}
      const orderId = nameOf(order)
      const before = parts.seen?.(orderId) ?? []
      const auction: Running = {
        order,
        commitments: new Map(before.map(({ peer, hash }) => [peer, hash])),
        awaited: new Set(before.map(({ peer }) => peer)),
        revealed: new Map(),
        qualified: new Map(),
        refused: new Set(),
        events,
        signal,
        wake: () => wake(),
      }
      const key = toHex(orderId)
      running.set(key, auction)
      expected.delete(key)
      try {
        const { envelope } = await topic.publish({ order })
        events.onOrdered(orderId)
        void tellDoubt(key, orderId, events)
        const { commitUntil, revealUntil } = windowsOf(order)
        await clock.sleep(Math.max(0, commitUntil - clock.now()), signal)
        while (!isComplete(auction)) {
          const leftMs = revealUntil - clock.now()
          if (leftMs <= 0) break
          const woken = new AbortController()
          wake = () => woken.abort()
          await clock
            .sleep(leftMs, AbortSignal.any([signal, woken.signal]))
            .catch(() => signal.throwIfAborted())
        }
        const isWindowOver = clock.now() >= revealUntil
        const bids = await Promise.all(auction.qualified.values())
        const silent = [...auction.commitments.keys()].filter((peer) => !auction.revealed.has(peer))
        log.debug('auction closed', { order: key, commitments: auction.commitments.size, bids: bids.length })
        const withheld = hasEnough(auction) && !isWindowOver ? [] : silent
        return { order, orderId, envelope, bids, withheld, isWindowOver }
      } finally {
        running.delete(key)
      }
    },

    announce: async (auction, round, failed, kept) => {
      const judged = auction.bids.map((bid) => ({ ...bid, excluded: bid.excluded ?? failed.get(bid.peer) }))
      const winners = award(auction, judged, kept)
      const [first] = winners
      const named = new Map(winners.map(({ peer, pricePerHour }) => [peer, pricePerHour]))
      const { envelope } = await topic.publish({
        result: {
          orderId: auction.orderId,
          bids: judged.map((bid) => reveal(bid, bid.excluded ?? (named.has(bid.peer) ? 'won' : 'qualified'))),
          winner: first?.peer ?? '',
          pricePerHour: first?.pricePerHour ?? 0n,
          round,
          winners,
          withheld: auction.withheld,
        },
      })
      const byPeer = new Map(auction.bids.map((bid) => [bid.peer, bid]))
      return {
        winners: winners.map(({ peer, pricePerHour }) => ({ bid: byPeer.get(peer)!, pricePerHour })),
        envelope,
      }
    },

    close: async () => {
      stopListening()
      await engine.unhandle(revealProtocol)
    },
  }
}

function hasEnough({ order, revealed }: Running): boolean {
  return order.enough !== undefined && revealed.size >= order.enough
}

function isComplete(auction: Running): boolean {
  return hasEnough(auction) || [...auction.awaited].every((peer) => auction.revealed.has(peer))
}

/** A bid as the result shows it, with all that it was scored by. */
function reveal(bid: ReceivedBid, outcome: string): RevealedBid {
  const { envelope, stake, reliability, leases, gflops, latencyMs, owner = '', hosts = [] } = bid
  const facts = { reliability, leases, gflops, latencyMs }
  return { envelope, outcome, stake, owner: fromHex(owner), hosts: [...hosts], ...facts }
}

/** As a uint32, which is what a result can say. */
function asCount(figure: number): number {
  return Number.isFinite(figure) ? Math.min(Math.max(0, Math.floor(figure)), 2 ** 32 - 1) : 0
}

function answer(refusal: Refusal): RevealResponse {
  return { refused: refusal.refused, detail: refusal.detail }
}
