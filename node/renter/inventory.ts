import { open } from '../../protocols/envelope.js'
import { isRefusal } from '../../protocols/errors.js'
import { HEARTBEAT_LIMITS, judgeHeartbeat } from '../../protocols/heartbeat/rules.js'
import { Availability, Heartbeat } from '../../protocols/heartbeat/wire.js'
import { inventoryProtocol } from '../../protocols/inventory/protocol.js'
import { findMismatches, type Mismatch, type Offer } from '../../protocols/inventory/rules.js'
import type { ShardNeeds } from '../../protocols/inventory/shard.js'
import type { Requirements } from '../../protocols/inventory/wire.js'
import { solanaKeyOf } from '../../protocols/peer.js'
import type { Clock, Log } from '../../protocols/ports.js'
import type { Escrow } from '../escrow/port.js'
import type { HeartbeatTopic } from '../market/heartbeats.js'
import type { Engine } from '../net/ports.js'

/**
 * This node's view of what is on offer: the newest heartbeat of each provider, as gossip or the provider itself told
 * it, joined with the stake that the chain confirms.
 */
export interface Inventory {
  /**
   * Takes part in the shards of the market in which such providers can be, and has heard of those that members know when
   * it resolves; a few seconds at most, nothing to wait for when it was called lately.
   */
  seek(requirements: ShardNeeds, signal?: AbortSignal): Promise<void>
  offers(signal?: AbortSignal): Promise<Offer[]>
  /**
   * One provider's offer; asks the provider itself when no heartbeat of it has come yet. Undefined: it did not answer
   * in time, or not with a heartbeat of its own.
   */
  offerOf(peer: string, signal?: AbortSignal): Promise<Offer | undefined>
  /** Every offer with all the requirements that it misses; none missed means that it qualifies. */
  explain(
    requirements: Requirements,
    ceilingPricePerHour?: bigint,
    signal?: AbortSignal,
  ): Promise<Array<{ offer: Offer; mismatches: Mismatch[] }>>
}

/** Every shard of the market. */
const ANYWHERE: ShardNeeds = { memoryBytes: 0n, gpu: false, locations: [] }
const STAKE_LOOKUPS_AT_ONCE = 16
/** A bidder that keeps its offer to itself does not hold up an auction for longer. */
const ASK_MS = 2_000

export function createInventory(parts: {
  heartbeats: HeartbeatTopic
  engine: Engine
  escrow: Escrow
  clock: Clock
  log: Log
  market: Uint8Array
}): Inventory {
  const { heartbeats, engine, escrow, clock, log, market } = parts

  const toOffer = async (peer: string, heartbeat: Heartbeat, signal?: AbortSignal): Promise<Offer> => {
    const account = await escrow.provider(solanaKeyOf(peer), signal)
    return {
      peer,
      devices: heartbeat.devices,
      pricePerHour: heartbeat.pricePerHour,
      location: heartbeat.location,
      runtimes: heartbeat.runtimes,
      available: heartbeat.availability === Availability.FREE,
      stake: account?.stake ?? 0n,
      ...(heartbeat.disagreement === undefined ? {} : { disagreement: heartbeat.disagreement }),
    }
  }

  const ask = async (peer: string, signal?: AbortSignal): Promise<Heartbeat | undefined> => {
    const late = new AbortController()
    const stop = clock.after(ASK_MS, () => late.abort(new Error('no offer in time')))
    const limit = signal === undefined ? late.signal : AbortSignal.any([signal, late.signal])
    try {
      const { heartbeat } = await engine.request(inventoryProtocol, peer, {}, { signal: limit })
      return await read(peer, heartbeat)
    } catch (error) {
      signal?.throwIfAborted()
      log.debug('a provider does not say what it offers', { peer, error: String(error) })
      return undefined
    } finally {
      stop()
    }
  }

  const read = async (peer: string, bytes: Uint8Array): Promise<Heartbeat | undefined> => {
    const opened = await open({
      word: 'heartbeat',
      bytes,
      maxBytes: HEARTBEAT_LIMITS.maxBytes,
    })
    if (isRefusal(opened) || opened.peer !== peer) return undefined
    const heartbeat = Heartbeat.decode(opened.payload)
    const refusal = judgeHeartbeat(heartbeat, { now: clock.now(), market })
    return refusal === undefined ? heartbeat : undefined
  }

  const offers = async (signal?: AbortSignal) => {
    await heartbeats.seek(ANYWHERE, signal)
    return known(signal)
  }

  const known = (signal?: AbortSignal) =>
    mapLimited(heartbeats.all(), STAKE_LOOKUPS_AT_ONCE, ({ peer, heartbeat }) =>
      toOffer(peer, heartbeat, signal),
    )

  return {
    seek: (requirements, signal) => heartbeats.seek(requirements, signal),
    offers,
    offerOf: async (peer, signal) => {
      const heartbeat = heartbeats.newest(peer)?.heartbeat ?? (await ask(peer, signal))
      return heartbeat === undefined ? undefined : toOffer(peer, heartbeat, signal)
    },
    explain: async (requirements, ceilingPricePerHour, signal) => {
      await heartbeats.seek(requirements, signal)
      return (await known(signal)).map((offer) => ({
        offer,
        mismatches: findMismatches(offer, requirements, ceilingPricePerHour),
      }))
    },
  }
}

async function mapLimited<T, R>(items: T[], atOnce: number, map: (item: T) => Promise<R>): Promise<R[]> {
  const results: R[] = []
  for (let start = 0; start < items.length; start += atOnce) {
    results.push(...(await Promise.all(items.slice(start, start + atOnce).map(map))))
  }
  return results
}
