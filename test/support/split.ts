import * as assert from 'uvu/assert'
import { createMarket, type Market } from '../../node/market/market.js'
import type { NetworkInit } from '../../node/net/network.js'
import type { Network } from '../../node/net/ports.js'
import { systemClock } from '../../node/system/clock.js'
import { silentLog } from '../../node/system/log.js'
import { systemRandom } from '../../node/system/random.js'
import { toHex } from '../../protocols/bytes.js'
import { ALL_SHARDS, type ShardNeeds } from '../../protocols/inventory/shard.js'
import { Requirements } from '../../protocols/inventory/wire.js'
import { createMemoryChain, type MemoryChain } from './chain.js'
import { makeDevice, makeHeartbeat, makeOrder, makeRequirements } from './messages.js'
import { eventually, startNetwork } from './network.js'
import { consentOf, makeWallet } from './wallets.js'

/** Real nodes on loopback, each connected to a bootstrap peer that takes no part in any shard. */
const GIB = 2n ** 30n
const STAKE = 100_000n
export const NEEDS: ShardNeeds = { memoryBytes: 24n * GIB, gpu: true, locations: ['DE'] }
/**
 * So long before the end of the split: an order is open for two minutes at most, and after a minute apart a node dials its
 * bootstrap peer every half minute, so one from the beginning of it ends before a busy machine has healed.
 */
const ORDERED_BEFORE_MS = 5_000
const LOOK_AGAIN = { first: 300, longest: 2_000 }

export interface Node {
  network: Network
  market: Market
}

export class Swarm {
  readonly chain: MemoryChain = createMemoryChain(systemClock)
  readonly nodes: Node[] = []
  /** While set, nodes of different sides neither dial nor let in one another. */
  sideOf: ((peer: string) => number) | undefined

  async join(init: Partial<NetworkInit> = {}, idleMs?: number): Promise<Node> {
    const bootstrap = this.nodes.slice(0, 1).flatMap(({ network }) => network.addresses())
    const own: { peer?: string } = {}
    const isShutOut = (other: string) =>
      this.sideOf !== undefined && own.peer !== undefined && this.sideOf(own.peer) !== this.sideOf(other)
    const network = await startNetwork({
      bootstrap,
      gossip: { heartbeatIntervalMs: 300 },
      isShutOut,
      ...init,
    })
    own.peer = network.peer
    const market = await createMarket({
      network,
      escrow: this.chain.escrow(),
      address: this.chain.market,
      clock: systemClock,
      random: systemRandom,
      log: silentLog,
      lookAgainMs: LOOK_AGAIN,
      ...(idleMs === undefined ? {} : { idleMs }),
    })
    const node = { network, market }
    this.nodes.push(node)
    return node
  }

  async provide(node: Node, memoryGib: bigint, location: string): Promise<void> {
    this.chain.register(node.network.publicKey, STAKE)
    await this.beat(node, memoryGib, location)
  }

  beat({ network, market }: Node, memoryGib: bigint, location: string) {
    const heartbeat = makeHeartbeat({
      market: this.chain.market,
      sequence: BigInt(systemClock.now()),
      timeMs: systemClock.now(),
      devices: [makeDevice({ memoryBytes: memoryGib * GIB })],
      location,
      addresses: network.addresses(),
    })
    return market.heartbeats.publish(heartbeat)
  }

  async order(renter: Node, commitMs: number) {
    const { market } = this.chain
    const wallet = await makeWallet(1)
    const order = makeOrder({
      market,
      wallet,
      ...(await consentOf(wallet, market, renter.network.peer, systemClock.now() + 3_600_000)),
      nonce: systemRandom.bytes(16),
      timeMs: systemClock.now(),
      requirements: Requirements.encode(makeRequirements(NEEDS)),
      commitMs,
    })
    this.chain.funds.set(toHex(order.wallet), 10n ** 9n)
    return renter.market.auctions.publish({ order })
  }

  async stop(): Promise<void> {
    for (const { market } of this.nodes) await market.close()
    await Promise.all(this.nodes.map(({ network }) => network.stop()))
  }
}

export async function withSwarm(body: (swarm: Swarm) => Promise<void>): Promise<void> {
  const swarm = new Swarm()
  try {
    await swarm.join({ role: 'bootstrap' })
    await body(swarm)
  } finally {
    await swarm.stop()
  }
}

export const joined = ({ market }: Node) => market.place.joined(ALL_SHARDS)

/** Two providers and a renter on each side; afterwards everybody hears everybody, and the order that was made meanwhile. */
export async function splitAndHeal(splitMs: number): Promise<void> {
  await withSwarm(async (swarm) => {
    const providers: Node[] = []
    for (let count = 0; count < 4; count++) {
      const node = await swarm.join()
      await swarm.provide(node, 24n, 'DE-Berlin')
      providers.push(node)
    }
    const renter = await swarm.join()
    await renter.market.heartbeats.seek(NEEDS)
    await eventually(() => renter.market.heartbeats.all().length === 4)

    const left = new Set(
      [swarm.nodes[0]!, providers[0]!, providers[1]!, renter].map((node) => node.network.peer),
    )
    swarm.sideOf = (peer) => (left.has(peer) ? 0 : 1)
    for (const { network } of swarm.nodes) {
      for (const other of network.peers()) {
        if (left.has(other) !== left.has(network.peer)) await network.hangUp(other)
      }
    }
    const isSplit = () =>
      swarm.nodes.every(({ network }) =>
        network.peers().every((other) => left.has(other) === left.has(network.peer)),
      )
    await eventually(isSplit)
    const heard = new Set<string>()
    for (const { network, market } of providers) {
      market.auctions.onOrder(() => heard.add(network.peer))
    }
    const splitAt = systemClock.elapsed()
    await systemClock.sleep(Math.max(0, splitMs - ORDERED_BEFORE_MS))
    const { orderId } = await swarm.order(renter, 119_000)
    await eventually(() => heard.size === 2)
    await systemClock.sleep(Math.max(0, splitMs - (systemClock.elapsed() - splitAt)))
    assert.ok(isSplit(), 'the split held')
    assert.is(heard.size, 2)

    swarm.sideOf = undefined
    const commitments = new Set<string>()
    renter.market.auctions.onCommitment(({ peer }) => commitments.add(peer))
    // Beats go on as they always do; everybody on one side is heard again on the other.
    const since = systemClock.now()
    const hasHeardAll = ({ market }: Node) =>
      market.heartbeats.all().filter(({ heartbeat }) => heartbeat.timeMs >= since).length === 4
    await eventually(async () => {
      for (const provider of providers) await swarm.beat(provider, 24n, 'DE-Berlin')
      await systemClock.sleep(2_000)
      return [...providers, renter].every(hasHeardAll)
    })
    await eventually(() => heard.size === 4)
    for (const { market } of providers) {
      await market.auctions.publish({ commitment: { orderId, hash: new Uint8Array(32) } })
    }
    await eventually(() => commitments.size === 4)
  })
}
