import { BACKING, type Claim, depositOf } from '../../protocols/auction/backing.js'
import { phaseOf, windowsOf } from '../../protocols/auction/rules.js'
import type { Order, Result } from '../../protocols/auction/wire.js'
import { toHex } from '../../protocols/bytes.js'
import { isRefusal } from '../../protocols/errors.js'
import { readRequirements } from '../../protocols/inventory/rules.js'
import { shardsFor } from '../../protocols/inventory/shard.js'
import type { Clock } from '../../protocols/ports.js'
import type { ShardName } from './place.js'

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

/** An order with all that a node remembers of its auction to judge what belongs to it. */
export interface KnownOrder extends ReceivedOrder {
  /** Where it belongs, and where it was heard: in each shard it is passed on once. */
  shards: readonly ShardName[]
  heardIn: Set<ShardName>
  /** Hex. */
  wallet: string
  /** Atomic units; what the wallet held when it was taken, as far as the chain had said. */
  deposit: bigint
  held: bigint
  /** By provider: what it committed to first, and where that was heard. */
  committed: Map<string, { hash: Uint8Array; heardIn: Set<ShardName> }>
  /** The highest round of a result so far, of all shards and of each. */
  round: number
  rounds: Map<ShardName, number>
  awarded: boolean
  /** By this node's clock, Unix ms: until then its deposit is bound in the wallet. */
  bindsUntilMs: number
  expiresAtMs: number
}

/** The orders that a node remembers: a bounded number, of which each renter and each wallet has a share. */
export interface OrderTable {
  get(orderId: Uint8Array): KnownOrder | undefined
  all(): KnownOrder[]
  /**
   * Undefined: the table is full of orders that are better backed, and this one is not remembered. Those of this node
   * always are.
   */
  remember(received: ReceivedOrder, held: bigint): KnownOrder | undefined
  /** A result has come: without winners nothing is bound any more. */
  settle(order: KnownOrder, result: Result): void
  phaseOf(order: KnownOrder): ReturnType<typeof phaseOf>
  /** Open orders of one renter, and of one wallet (hex), whichever are more. */
  openOf(peer: string, wallet: string): number
  /** What orders other than `except` bind of a wallet (hex), in the order in which they were seen. */
  claimsOn(wallet: string, except?: KnownOrder): Claim[]
  sweep(): void
}

/** A later round of the result names the next best bid after the winner failed; it finds the order known for so long. */
const MEMORY_MS = 600_000
/** One renter, and one wallet, has at most such a part of the places. */
const SHARE = 16

export function createOrderTable(parts: {
  self: string
  clock: Clock
  maxOrders: number
  /** Of one renter or wallet, open at once. */
  maxOpen: number
}): OrderTable {
  const { self, clock, maxOrders, maxOpen } = parts
  const known = new Map<string, KnownOrder>()
  const mostOfOne = Math.max(maxOpen, Math.floor(maxOrders / SHARE))

  const phase = ({ order, shiftMs }: KnownOrder) => phaseOf(order, clock.now() - shiftMs)
  const all = () => [...known.values()]

  /**
   * Whom to forget. An auction that is over is missed less than one that goes on; of equals the one with the smaller deposit,
   * for that is what a flood would have to pay more for; then the oldest.
   */
  function leastOf(orders: readonly KnownOrder[]): KnownOrder | undefined {
    const rank = (order: KnownOrder) => (phase(order) === 'closed' ? 0 : 1)
    return orders.reduce<KnownOrder | undefined>((least, order) => {
      if (least === undefined || rank(order) < rank(least)) return order
      return rank(order) === rank(least) && order.deposit < least.deposit ? order : least
    }, undefined)
  }

  function makeRoom({ peer, wallet }: KnownOrder): void {
    const others = all().filter((order) => order.peer !== self)
    const groups = [
      { orders: others.filter((order) => order.peer === peer), most: mostOfOne },
      { orders: others.filter((order) => order.wallet === wallet), most: mostOfOne },
      { orders: others, most: maxOrders - (known.size - others.length) },
    ]
    for (const { orders, most } of groups) {
      const least = leastOf(orders)
      if (least !== undefined && orders.length > most) known.delete(toHex(least.orderId))
    }
  }

  return {
    get: (orderId) => known.get(toHex(orderId)),
    all,
    remember: (received, held) => {
      const { order, orderId, shiftMs } = received
      const revealUntil = windowsOf(order).revealUntil + shiftMs
      const made: KnownOrder = {
        ...received,
        shards: shardsOf(order),
        heardIn: new Set(),
        wallet: toHex(order.wallet),
        deposit: depositOf(order),
        held,
        committed: new Map(),
        round: -1,
        rounds: new Map(),
        awarded: false,
        bindsUntilMs: revealUntil + BACKING.resultMs,
        expiresAtMs: revealUntil + MEMORY_MS,
      }
      known.set(toHex(orderId), made)
      makeRoom(made)
      return known.get(toHex(orderId))
    },
    settle: (order, { winner }) => {
      order.awarded = winner !== ''
      order.bindsUntilMs = order.awarded ? clock.now() + BACKING.awardMs : clock.now()
    },
    phaseOf: phase,
    openOf: (peer, wallet) => {
      const open = all().filter((order) => phase(order) !== 'closed')
      const ofPeer = open.filter((order) => order.peer === peer).length
      return Math.max(ofPeer, open.filter((order) => order.wallet === wallet).length)
    },
    claimsOn: (wallet, except) =>
      all().filter(
        (order) => order !== except && order.wallet === wallet && order.bindsUntilMs > clock.now(),
      ),
    sweep: () => {
      for (const [id, { expiresAtMs }] of known) if (expiresAtMs <= clock.now()) known.delete(id)
    },
  }
}

/** Every shard in which a provider can be that the order is for; none when its requirements cannot be read. */
export function shardsOf(order: Order): readonly ShardName[] {
  const requirements = readRequirements(order.requirements)
  return isRefusal(requirements) ? [] : shardsFor(requirements)
}
