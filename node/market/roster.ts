import { codeOf } from '../../protocols/errors.js'
import {
  ROSTER_BATCH,
  ROSTER_HEARTBEATS,
  ROSTER_MEMBERS,
  ROSTER_ORDERS,
  rosterProtocol,
} from '../../protocols/heartbeat/protocol.js'
import { ALL_SHARDS, isShard } from '../../protocols/inventory/shard.js'
import { isPeer } from '../../protocols/peer.js'
import type { Clock, Log } from '../../protocols/ports.js'
import type { Engine } from '../net/ports.js'
import type { ShardName } from './place.js'

/** What one neighbour says of the market. Hints: a heartbeat is checked as if gossip had brought it, a member dialled. */
export interface Roster {
  shards: ShardName[]
  members: string[]
  heartbeats: Uint8Array[]
  orders: Uint8Array[]
}

/** What this node tells. */
export interface RosterSource {
  /** Shards in which it knows members. */
  shards(): ShardName[]
  members(shard: ShardName): string[]
  /** The newest of each provider, the most recently heard first. */
  heartbeats(shard: ShardName): Uint8Array[]
  /** This node's own, when it offers something in the shard. */
  own(shard: ShardName): Uint8Array[]
  /** Those that can still be bid for, the newest first. */
  orders(shard: ShardName): Uint8Array[]
}

const ASK_MS = 3_000

/** Until the returned function is called. */
export async function serveRoster(engine: Engine, source: RosterSource): Promise<() => Promise<void>> {
  await engine.handle(rosterProtocol, async (session) => {
    const request = await session.receive()
    if (request === undefined) return
    const shards = source.shards()
    if (!isShard(request.shard)) return session.send({ shards, members: [], heartbeats: [], orders: [] })
    const members = source.members(request.shard).slice(0, ROSTER_MEMBERS)
    const orders = source.orders(request.shard).slice(0, ROSTER_ORDERS)
    const told = request.brief ? source.own(request.shard) : source.heartbeats(request.shard)
    const heartbeats = told.slice(0, ROSTER_HEARTBEATS)
    await session.send({ shards, members, heartbeats: heartbeats.slice(0, ROSTER_BATCH), orders })
    for (let start = ROSTER_BATCH; start < heartbeats.length; start += ROSTER_BATCH) {
      const batch = heartbeats.slice(start, start + ROSTER_BATCH)
      await session.send({ shards: [], members: [], heartbeats: batch, orders: [] })
    }
  })
  return () => engine.unhandle(rosterProtocol)
}

export type AskRoster = (
  peer: string,
  request: { shard: ShardName; brief: boolean },
  signal: AbortSignal,
) => Promise<Roster | undefined>

/** What came until the answer ended or the time was over; undefined when nothing did. Never rejects. */
export function createRosterClient(parts: { engine: Engine; clock: Clock; log: Log }): AskRoster {
  const { engine, clock, log } = parts
  return async (peer, request, signal) => {
    const roster: Roster = { shards: [], members: [], heartbeats: [], orders: [] }
    let isAnswered = false
    const late = new AbortController()
    const cancel = clock.after(ASK_MS, () => late.abort(new Error('no roster in time')))
    try {
      const session = await engine.open(rosterProtocol, peer, {
        signal: AbortSignal.any([signal, late.signal]),
      })
      try {
        await session.send(request)
        await session.end()
        for await (const { shards, members, heartbeats, orders } of session) {
          isAnswered = true
          roster.shards.push(...shards.filter(isShard).slice(0, ALL_SHARDS.length - roster.shards.length))
          roster.members.push(...members.filter(isPeer).slice(0, ROSTER_MEMBERS - roster.members.length))
          roster.heartbeats.push(...heartbeats.slice(0, ROSTER_HEARTBEATS - roster.heartbeats.length))
          roster.orders.push(...orders.slice(0, ROSTER_ORDERS - roster.orders.length))
          if (roster.heartbeats.length >= ROSTER_HEARTBEATS) break
        }
      } finally {
        await session.close()
      }
    } catch (error) {
      log.debug('a peer tells no roster', { peer, shard: request.shard, code: codeOf(error) })
    } finally {
      cancel()
    }
    return isAnswered ? roster : undefined
  }
}
