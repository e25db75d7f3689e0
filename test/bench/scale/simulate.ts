import { gossipsubOptions } from '../../../node/net/gossip.js'
import { BIDDERS } from '../../../protocols/auction/turnout.js'
import { periodFor } from '../../../protocols/heartbeat/period.js'
import { DEFAULT_PERIOD_MS } from '../../../protocols/heartbeat/rules.js'
import { ASSUMED, COSTS } from './costs.js'
import { createDraw, type Draw } from './draw.js'
import { spread } from './mesh.js'
import { drawOrder, populate } from './population.js'
import type { Sizes } from './sizes.js'

/**
 * What one node has to do in a market of so many providers: traffic, processor time, and how long an order takes. The
 * rules are the program's own (shards, period of heartbeats, who bids, degree of the mesh), the sizes those of its
 * messages; costs and assumptions are in costs.ts.
 */
export interface Load {
  /** Messages that a node is delivered in a minute. */
  messagesPerMinute: number
  /** Bytes that it receives and sends in a minute, copies and gossip about gossip included. */
  bytesPerMinute: number
  /** Share of one core; above 1 it cannot keep up. */
  cpu: number
  /** From the order to the lease, ms; absent: it takes longer than the windows, or a node cannot keep up. */
  matchMs?: number
  /** Between two heartbeats of one provider, s. */
  periodS: number
}

export interface Point {
  providers: number
  /** As it is: the node in the fullest shard, which has it hardest. */
  sharded: Load & { shards: number; fullest: number }
  /** One topic for all, with the other rules as they are. */
  whole: Load
  /** One topic for all, a beat a minute whatever its size, and everybody bids. */
  plain: Load
}

export const SIZES = [1_000, 2_000, 5_000, 10_000, 20_000, 50_000, 100_000, 200_000, 500_000]
const SEED = 20_261_120
const ORDERS_DRAWN = 2_000
const MINUTE_MS = 60_000
const HEARTBEATS_OF_GOSSIP_PER_MINUTE = 60
/** Beyond so much of a core a queue grows without end. */
const SATURATED = 1

export function simulate(sizes: Sizes, counts: readonly number[] = SIZES): Point[] {
  const draw = createDraw(SEED)
  const orders = Array.from({ length: ORDERS_DRAWN }, () => drawOrder(draw))
  return counts.map((providers) => {
    const shards = populate(providers, draw)
    const [name, fullest] = [...shards].sort((a, b) => b[1] - a[1])[0]!
    const reaching = orders.filter((wanted) => wanted.includes(name))
    const share = reaching.length / orders.length
    const ordersPerMinute = providers / ASSUMED.jobMinutes
    const others = reaching.map((wanted) => wanted.reduce((sum, shard) => sum + (shards.get(shard) ?? 0), 0))
    const competing = others.reduce((sum, count) => sum + count, 0) / Math.max(others.length, 1)
    return {
      providers,
      sharded: {
        shards: shards.size,
        fullest,
        ...load(sizes, draw, {
          members: fullest,
          periodMs: periodFor(fullest, DEFAULT_PERIOD_MS),
          ordersPerMinute: ordersPerMinute * share,
          // Of those drawn, the ones in this shard are heard here.
          bidders: (Math.min(competing * ASSUMED.free, BIDDERS) * fullest) / competing,
          latency: ASSUMED.within,
        }),
      },
      whole: load(sizes, draw, {
        members: providers,
        periodMs: periodFor(providers, DEFAULT_PERIOD_MS),
        ordersPerMinute,
        bidders: Math.min(providers * ASSUMED.free, BIDDERS),
        latency: ASSUMED.across,
      }),
      plain: load(sizes, draw, {
        members: providers,
        periodMs: DEFAULT_PERIOD_MS,
        ordersPerMinute,
        bidders: providers * ASSUMED.free,
        latency: ASSUMED.across,
      }),
    }
  })
}

interface Topic {
  members: number
  periodMs: number
  /** Orders that this topic hears in a minute. */
  ordersPerMinute: number
  /** Commitments that it hears for each. */
  bidders: number
  latency: { medianMs: number; sigma: number }
}

function load(sizes: Sizes, draw: Draw, topic: Topic): Load {
  const { members, periodMs, ordersPerMinute, bidders, latency } = topic
  const {
    D: degree = 0,
    Dlazy = degree,
    mcacheGossip = 0,
  } = gossipsubOptions({}, { standingOf: () => 0 }, false)
  const beats = (members * MINUTE_MS) / periodMs
  const heard: Array<[number, number]> = [
    [beats, sizes.heartbeat],
    [ordersPerMinute, sizes.order],
    [ordersPerMinute * bidders, sizes.commitment],
    [ordersPerMinute, sizes.result],
  ]
  const messages = heard.reduce((sum, [count]) => sum + count, 0)
  const cpu = (messages * COSTS.deliveryMs) / MINUTE_MS
  // A queue with one server and equal tasks (M/D/1): what waits before a message that has come.
  const waitMs = cpu < SATURATED ? (cpu / (2 * (1 - cpu))) * COSTS.deliveryMs : Number.POSITIVE_INFINITY
  const mesh = spread(members, { degree, latency, hopMs: COSTS.deliveryMs, draw })
  const copied = heard.reduce((sum, [count, bytes]) => sum + count * (bytes + COSTS.frameBytes), 0)
  const names = messages * mcacheGossip * Dlazy * COSTS.nameBytes
  const tellings =
    Math.min(messages * mcacheGossip, HEARTBEATS_OF_GOSSIP_PER_MINUTE) * Dlazy * COSTS.frameBytes
  const match = matchMs(mesh, waitMs, latency.medianMs)
  return {
    messagesPerMinute: Math.round(messages),
    // Every copy that one node receives another has sent.
    bytesPerMinute: Math.round(2 * (copied * mesh.copies + names + tellings)),
    cpu,
    ...(match === undefined ? {} : { matchMs: Math.round(match) }),
    periodS: Math.round(periodMs / 1000),
  }
}

const HOPS = 6

/** Order out, commitment back, reveal, award, lease. */
function matchMs(mesh: { p99Ms: number }, waitMs: number, medianMs: number): number | undefined {
  const thereMs = mesh.p99Ms + HOPS * waitMs
  if (!(2 * thereMs < ASSUMED.commitMs + ASSUMED.revealMs)) return undefined
  const roundTripMs = 2 * medianMs + 2 * COSTS.deliveryMs + waitMs
  return ASSUMED.commitMs + Math.max(0, 2 * thereMs - ASSUMED.commitMs) + 4 * roundTripMs + COSTS.leaseMs
}
