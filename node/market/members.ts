import { within } from '../../protocols/abort.js'
import { codeOf } from '../../protocols/errors.js'
import type { Clock, Log, Random } from '../../protocols/ports.js'
import type { Network, ProviderPeer } from '../net/ports.js'
import type { ShardName } from './place.js'

/** Finds members of a shard in the hash table and connects to a few; gossip does the rest. */
export interface Members {
  /**
   * Connects to a few of those that the hash table knows, and of `told`, whom neighbours have named. Resolves to how many
   * of them this node is connected to now. Never rejects.
   */
  find(shard: ShardName, told: Promise<string[]>, signal: AbortSignal): Promise<number>
  /** Says that this node is a member. Rejects with DHT_FAILED. */
  announce(shard: ShardName, signal: AbortSignal): Promise<void>
  retract(shard: ShardName): void
}

/** Made-up members cost nothing to announce, so more are looked at than are needed, in random order. */
const LOOKED_AT = 24
const DIALLED = 6
const ADDRESSES = 3
const FIND_MS = 5_000
const DIAL_MS = 3_000

export function createMembers(parts: {
  network: Pick<Network, 'dht' | 'dial' | 'peers'>
  clock: Clock
  random: Random
  log: Log
}): Members {
  const { network, clock, random, log } = parts

  async function look(shard: ShardName, found: ProviderPeer[], signal: AbortSignal): Promise<void> {
    try {
      await within(clock, FIND_MS, signal, async (limited) => {
        const providers = network.dht.findProviders(keyOf(shard), { signal: limited, limit: LOOKED_AT })
        for await (const provider of providers) found.push(provider)
      })
    } catch (error) {
      log.debug('members could not be looked for', { shard, code: codeOf(error), found: found.length })
    }
  }

  async function reach({ peer, addresses }: ProviderPeer, signal: AbortSignal): Promise<boolean> {
    if (network.peers().includes(peer)) return true
    const whole = addresses.map((address) => (address.includes('/p2p/') ? address : `${address}/p2p/${peer}`))
    const own = whole.filter((address) => address.endsWith(`/p2p/${peer}`)).slice(0, ADDRESSES)
    for (const target of own.length === 0 ? [peer] : own) {
      try {
        await within(clock, DIAL_MS, signal, (limited) => network.dial(target, { signal: limited }))
        return true
      } catch (error) {
        log.debug('a member cannot be reached', { peer, target, code: codeOf(error) })
      }
    }
    return false
  }

  return {
    find: async (shard, told, signal) => {
      const found: ProviderPeer[] = []
      await look(shard, found, signal)
      const known = new Set(found.map(({ peer }) => peer))
      for (const peer of await told) if (!known.has(peer)) found.push({ peer, addresses: [] })
      const chosen = pick(found, DIALLED, random)
      const reached = await Promise.all(chosen.map((provider) => reach(provider, signal)))
      return reached.filter(Boolean).length
    },
    announce: (shard, signal) => network.dht.provide(keyOf(shard), { signal }),
    retract: (shard) => {
      network.dht
        .stopProviding(keyOf(shard))
        .catch((error) => log.debug('a membership was not taken back', { shard, error: String(error) }))
    },
  }
}

function keyOf(shard: ShardName): string {
  return `shard/${shard}`
}

/** Any `count` of them, in random order. */
export function pick<T>(items: readonly T[], count: number, random: Random): T[] {
  const left = [...items]
  const picked: T[] = []
  while (picked.length < count && left.length > 0) {
    picked.push(...left.splice(random.below(left.length), 1))
  }
  return picked
}
