import { ALL_SHARDS } from '../../protocols/inventory/shard.js'
import type { Clock, Log, Random } from '../../protocols/ports.js'
import type { Escrow } from '../escrow/port.js'
import type { Network } from '../net/ports.js'
import { type Admission, createAdmission } from './admission.js'
import { type AuctionTopic, createAuctionTopic } from './announcements.js'
import { type Conduct, createConduct } from './conduct.js'
import { createHeartbeatTopic, type HeartbeatTopic } from './heartbeats.js'
import type { Place } from './place.js'
import { createRosterClient, serveRoster } from './roster.js'
import { createShards, populatedShards } from './shards.js'

/** A market as a node takes part in it: its shards, what is exchanged in them, and whom it believes. */
export interface Market {
  heartbeats: HeartbeatTopic
  auctions: AuctionTopic
  place: Place
  admission: Admission
  conduct: Conduct
  close(): Promise<void>
}

export interface MarketInit {
  network: Network
  escrow: Pick<Escrow, 'market' | 'provider' | 'funds'>
  /** 32 bytes: the market's account on the chain. */
  address: Uint8Array
  clock: Clock
  random: Random
  log: Log
  /** A shard that is neither this node's own nor sought is left after so long. Default ten minutes. */
  idleMs?: number
  /** First and longest pause between two looks for members of a shard that has few. Default 2 s and 5 min. */
  lookAgainMs?: { first: number; longest: number }
}

export async function createMarket(init: MarketInit): Promise<Market> {
  const { network, clock, log, address } = init
  const admission = createAdmission(init)
  const ask = createRosterClient({ engine: network.engine, clock, log })
  const place = createShards({ ...init, ask })
  const conduct = createConduct({ ...init, admission })
  network.gossip.rank(conduct.standingOf)
  const shared = { network, market: address, clock, log, place, admission, conduct, ask }
  const heartbeats = createHeartbeatTopic(shared)
  const auctions = createAuctionTopic(shared)
  const stopServing = await serveRoster(network.engine, {
    shards: () => [...new Set([...populatedShards(network), ...place.joined(ALL_SHARDS)])],
    members: place.peers,
    heartbeats: (shard) => heartbeats.ofShard(shard).map(({ envelope }) => envelope),
    own: (shard) =>
      heartbeats
        .ofShard(shard)
        .filter(({ peer }) => peer === network.peer)
        .map(({ envelope }) => envelope),
    orders: (shard) => auctions.open(shard),
  })
  return {
    heartbeats,
    auctions,
    place,
    admission,
    conduct,
    close: async () => {
      await stopServing()
      auctions.close()
      heartbeats.close()
      place.close()
    },
  }
}
