import { BACKING } from '../../protocols/auction/backing.js'
import { sealBid } from '../../protocols/auction/bid.js'
import { revealProtocol } from '../../protocols/auction/protocol.js'
import { mayBidUntil, prizeOf, windowsOf } from '../../protocols/auction/rules.js'
import { toHex } from '../../protocols/bytes.js'
import { codeOf, isRefusal } from '../../protocols/errors.js'
import {
  findMismatches,
  judgedByProvider,
  type Offer,
  readRequirements,
} from '../../protocols/inventory/rules.js'
import type { Requirements } from '../../protocols/inventory/wire.js'
import type { Clock, Log, Random } from '../../protocols/ports.js'
import type { AuctionTopic, ReceivedResult } from '../market/announcements.js'
import type { ReceivedOrder } from '../market/orders.js'
import type { Network } from '../net/ports.js'
import type { Bids } from './bids.js'
import type { Capacity } from './capacity.js'
import { createFairness } from './fairness.js'
import type { IsOurTurn } from './turnout.js'

/** What a bid needs to know of this node at the moment of the order. */
export interface Standing {
  /** Own offer at the price that this order is bid at; its stake is the free part. */
  offer: Offer
  /** The account that pays out, 32 bytes. */
  payout: Uint8Array
}

export interface AuctionService {
  start(): void
  stop(): Promise<void>
  counts(): AuctionCounts
}

export interface AuctionCounts {
  orders: number
  bids: number
  /** Results that named this node. */
  won: number
  /** Results that were not what the order announced; each is in the log. */
  unfair: number
  /** Orders without a bid of ours, by the first reason. */
  passed: Record<string, number>
}

/** For later rounds, when a winner has failed. */
const BID_MEMORY_MS = 3_600_000
/** An order that came while all devices were promised is bid for when one is free again, if so much of its window is left. */
const SECOND_CHANCE_MS = 300
const MAX_MISSED = 64
const FIRST_RETRY_MS = 50
const LONGEST_RETRY_MS = 500
/** Orders are anybody's to make: nobody has more than so many addresses dialled for one. */
const MAX_DIALS = 3
const DIAL_TIMEOUT_MS = 5_000

export function createAuctionService(parts: {
  network: Pick<Network, 'peer' | 'privateKey' | 'engine' | 'dial' | 'peers'>
  topic: AuctionTopic
  bids: Bids
  capacity: Capacity
  clock: Clock
  random: Random
  log: Log
  slices: { minMs: number; maxMs: number }
  /** Own standing for an order; a reason when this node takes no orders now. */
  standingFor: (
    wanted: Requirements,
    ceilingPricePerHour: bigint,
    signal: AbortSignal,
  ) => Promise<Standing | string>
  isOurTurn: IsOurTurn
}): AuctionService {
  const { network, topic, bids, capacity, clock, random, log, slices, standingFor, isOurTurn } = parts
  const counts = { orders: 0, bids: 0, won: 0, passed: {} as Record<string, number> }
  const fairness = createFairness({ self: network.peer, log })
  const stopping = new AbortController()
  const running = new Set<Promise<void>>()
  /** Orders that named this node the winner, until their bids are forgotten; there is a stored bid for each. */
  const awards = new Map<string, number>()
  const unsubscribe: Array<() => void> = []
  /** Orders that found all devices promised, by their names; the oldest first. */
  const missed = new Map<string, ReceivedOrder>()

  /** The one that can wait longest had the least time to find others. */
  const free = (id: string) => {
    capacity.release(id)
    if (stopping.signal.aborted) return
    const open = [...missed.values()].filter(
      (signed) => windowsHere(signed)[0] - clock.now() > SECOND_CHANCE_MS,
    )
    missed.clear()
    for (const signed of open) missed.set(toHex(signed.orderId), signed)
    const last = open.at(-1)
    if (last === undefined || !missed.delete(toHex(last.orderId))) return
    track('bidding', bid(last))
  }

  const miss = (signed: ReceivedOrder) => {
    missed.set(toHex(signed.orderId), signed)
    if (missed.size > MAX_MISSED) missed.delete(missed.keys().next().value as string)
    pass(signed.orderId, 'DEVICES')
  }

  const pass = (orderId: Uint8Array, reason: string, detail = '') => {
    counts.passed[reason] = (counts.passed[reason] ?? 0) + 1
    log.debug('no bid', { order: toHex(orderId), reason, detail })
  }

  /** The devices are promised before the bid exists, and the bid is stored before anybody hears of it. */
  async function bid(signed: ReceivedOrder): Promise<void> {
    const { order, orderId } = signed
    const wanted = readRequirements(order.requirements)
    if (isRefusal(wanted)) return pass(orderId, 'MALFORMED', wanted.detail)
    if (order.sliceMs < slices.minMs || order.sliceMs > slices.maxMs) {
      return pass(orderId, 'SLICE', `${order.sliceMs} ms`)
    }
    const standing = await standingFor(wanted, order.ceilingPricePerHour, stopping.signal)
    if (typeof standing === 'string') return pass(orderId, standing)
    const [mismatch] = findMismatches(standing.offer, judgedByProvider(wanted), order.ceilingPricePerHour)
    if (mismatch?.reason === 'DEVICES' && capacity.unoccupied() >= wanted.devices) return miss(signed)
    if (mismatch !== undefined) return pass(orderId, mismatch.reason, mismatch.text)
    if (!mayBidUntil(order, wanted, standing.offer)) return pass(orderId, 'SCHEDULE')
    if (!isOurTurn(orderId, wanted, order.ceilingPricePerHour, order.count)) return pass(orderId, 'NOT_DRAWN')
    const id = toHex(orderId)
    const [commitUntil, revealUntil] = windowsHere(signed)
    if (clock.now() >= commitUntil) return pass(orderId, 'TOO_LATE')
    if (!capacity.reserve(id, wanted.devices, revealUntil + BACKING.resultMs)) return miss(signed)
    try {
      const { pricePerHour, noticeS, untilMs } = standing.offer
      const sealed = await sealBid(
        {
          orderId,
          pricePerHour,
          salt: random.bytes(32),
          payout: standing.payout,
          ...(noticeS === undefined ? {} : { noticeS }),
          ...(untilMs === undefined ? {} : { untilMs }),
        },
        network,
      )
      await bids.put({
        orderId,
        renter: signed.peer,
        pricePerHour,
        devices: wanted.devices,
        envelope: sealed.envelope,
        expiresAtMs: revealUntil + BID_MEMORY_MS,
      })
      fairness.committed({ orderId, peer: network.peer, hash: sealed.commitment })
      await topic.publish({ commitment: { orderId, hash: sealed.commitment } })
      counts.bids++
      const refused = await reveal(signed, sealed.envelope)
      if (refused === undefined) return fairness.taken(orderId)
      log.info('bid not taken', { order: id, refused })
      free(id)
    } catch (error) {
      free(id)
      throw error
    }
  }

  /** Undefined when the renter has taken it; else why not. */
  async function reveal(signed: ReceivedOrder, envelope: Uint8Array): Promise<string | undefined> {
    const { order, peer } = signed
    const [commitUntil, revealUntil] = windowsHere(signed)
    await connect(peer, order.addresses)
    await clock.sleep(Math.max(0, commitUntil - clock.now()), stopping.signal)
    let refused = 'NOT_REVEALED'
    for (let wait = FIRST_RETRY_MS; clock.now() < revealUntil; wait = Math.min(wait * 2, LONGEST_RETRY_MS)) {
      const answer = await ask(peer, envelope)
      if (answer === '' || answer === 'ALREADY_REVEALED') return undefined
      refused = answer
      // The renter's clock may be behind ours, and a connection may come back; anything else is final.
      if (answer !== 'TOO_EARLY' && answer !== 'UNREACHABLE') return refused
      await clock.sleep(Math.min(wait, Math.max(1, revealUntil - clock.now())), stopping.signal)
    }
    return refused
  }

  async function ask(peer: string, envelope: Uint8Array): Promise<string> {
    try {
      const { signal } = stopping
      return (await network.engine.request(revealProtocol, peer, { bid: envelope }, { signal })).refused
    } catch (error) {
      stopping.signal.throwIfAborted()
      log.debug('bid could not be revealed', { peer, code: codeOf(error) })
      return 'UNREACHABLE'
    }
  }

  /** During the commit window, so that no time of the reveal window goes into dialling. */
  async function connect(peer: string, addresses: readonly string[]): Promise<void> {
    if (network.peers().includes(peer)) return
    const own = addresses.filter((address) => address.endsWith(`/p2p/${peer}`)).slice(0, MAX_DIALS)
    for (const address of own) {
      try {
        const timer = new AbortController()
        const cancel = clock.after(DIAL_TIMEOUT_MS, () => timer.abort(new Error('the dial took too long')))
        try {
          await network.dial(address, { signal: AbortSignal.any([timer.signal, stopping.signal]) })
        } finally {
          cancel()
        }
        return
      } catch (error) {
        stopping.signal.throwIfAborted()
        log.debug('renter could not be dialled', { peer, address, code: codeOf(error) })
      }
    }
  }

  function forgetAwards(): void {
    for (const [id, expiresAtMs] of awards) if (expiresAtMs <= clock.now()) awards.delete(id)
  }

  async function takeResult(received: ReceivedResult): Promise<void> {
    const { result, orderId, peer } = received
    const record = await bids.get(orderId)
    if (record === undefined || record.renter !== peer) return
    track('auditing a result', fairness.judge(received))
    const id = toHex(orderId)
    if (prizeOf(result, network.peer) === undefined) return free(id)
    forgetAwards()
    // A winner that failed is passed over in later rounds: one that is named twice is only being kept from others.
    if (awards.has(id)) return
    awards.set(id, record.expiresAtMs)
    counts.won++
    const isKept = capacity.reserve(id, record.devices, clock.now() + BACKING.awardMs)
    log.info('auction won', { order: id, round: result.round, devicesKept: isKept })
  }

  const track = (what: string, act: Promise<void>) => {
    const done: Promise<void> = act
      .catch((error) => {
        if (!stopping.signal.aborted)
          log.warn(`${what} failed`, { error: String(error), code: codeOf(error) })
      })
      .finally(() => running.delete(done))
    running.add(done)
  }

  return {
    start: () => {
      unsubscribe.push(
        topic.onOrder((signed) => {
          counts.orders++
          fairness.ordered(signed)
          track('bidding', bid(signed))
        }),
        topic.onCommitment(fairness.committed),
        topic.onResult((received) => track('taking a result', takeResult(received))),
      )
    },
    stop: async () => {
      for (const act of unsubscribe) act()
      stopping.abort(new Error('the provider stops'))
      await Promise.allSettled(running)
    },
    counts: () => ({ ...structuredClone(counts), unfair: fairness.unfair() }),
  }
}

/** When commitments and bids are closed, by this node's own clock. */
function windowsHere({ order, shiftMs }: ReceivedOrder): [commitUntil: number, revealUntil: number] {
  const { commitUntil, revealUntil } = windowsOf(order)
  return [commitUntil + shiftMs, revealUntil + shiftMs]
}
