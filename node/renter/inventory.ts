import { open } from '../../protocols/envelope.js'
import { isRefusal } from '../../protocols/errors.js'
import { HEARTBEAT_LIMITS, judgeHeartbeat } from '../../protocols/heartbeat/rules.js'
import { Availability, Heartbeat } from '../../protocols/heartbeat/wire.js'
import { inventoryProtocol } from '../../protocols/inventory/protocol.js'
import { findMismatches, type Mismatch, type Offer } from '../../protocols/inventory/rules.js'
import type { Requirements } from '../../protocols/inventory/wire.js'
import { solanaKeyOf } from '../../protocols/peer.js'
import type { Clock } from '../../protocols/ports.js'
import type { Escrow } from '../escrow/port.js'
import type { Engine } from '../net/ports.js'

/**
 * This node's view of what is on offer: the newest heartbeat of each provider until it expires, joined with the stake
 * that the chain confirms. Bounded: the provider that was silent for longest makes room.
 */
export interface Inventory {
  note(peer: string, heartbeat: Heartbeat): void
  offers(signal?: AbortSignal): Promise<Offer[]>
  /** One provider's offer; asks the provider itself when no heartbeat of it has come yet. Undefined: unreachable. */
  offerOf(peer: string, signal?: AbortSignal): Promise<Offer | undefined>
  /** Every offer with all the requirements that it misses; none missed means that it qualifies. */
  explain(
    requirements: Requirements,
    ceilingPricePerHour?: bigint,
    signal?: AbortSignal,
  ): Promise<Array<{ offer: Offer; mismatches: Mismatch[] }>>
}

const MAX_PROVIDERS = 100_000
const STAKE_LOOKUPS_AT_ONCE = 16

export function createInventory(parts: {
  engine: Engine
  escrow: Escrow
  clock: Clock
  market: Uint8Array
}): Inventory {
  const { engine, escrow, clock, market } = parts
  const newest = new Map<string, Heartbeat>()

  const note = (peer: string, heartbeat: Heartbeat) => {
    const known = newest.get(peer)
    if (known !== undefined && known.sequence >= heartbeat.sequence) return
    newest.delete(peer) // so that the map stays in the order of the last beat
    newest.set(peer, heartbeat)
    if (newest.size > MAX_PROVIDERS) newest.delete(newest.keys().next().value as string)
  }

  const expire = () => {
    const oldest = clock.now() - HEARTBEAT_LIMITS.maxAgeMs
    for (const [peer, heartbeat] of newest) if (heartbeat.timeMs < oldest) newest.delete(peer)
  }

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
    }
  }

  const ask = async (peer: string, signal?: AbortSignal): Promise<Heartbeat | undefined> => {
    const response = await engine.request(inventoryProtocol, peer, {}, signal === undefined ? {} : { signal })
    const opened = await open({
      word: 'heartbeat',
      bytes: response.heartbeat,
      maxBytes: HEARTBEAT_LIMITS.maxBytes,
    })
    if (isRefusal(opened) || opened.peer !== peer) return undefined
    const heartbeat = Heartbeat.decode(opened.payload)
    const refusal = judgeHeartbeat(heartbeat, { now: clock.now(), market })
    return refusal === undefined ? heartbeat : undefined
  }

  const offers = async (signal?: AbortSignal) => {
    expire()
    return mapLimited([...newest], STAKE_LOOKUPS_AT_ONCE, ([peer, beat]) => toOffer(peer, beat, signal))
  }

  return {
    note,
    offers,
    offerOf: async (peer, signal) => {
      expire()
      const known = newest.get(peer)
      if (known !== undefined) return toOffer(peer, known, signal)
      try {
        const asked = await ask(peer, signal)
        if (asked === undefined) return undefined
        note(peer, asked)
        return await toOffer(peer, asked, signal)
      } catch (error) {
        signal?.throwIfAborted()
        if (error instanceof Error) return undefined
        throw error
      }
    },
    explain: async (requirements, ceilingPricePerHour, signal) =>
      (await offers(signal)).map((offer) => ({
        offer,
        mismatches: findMismatches(offer, requirements, ceilingPricePerHour),
      })),
  }
}

async function mapLimited<T, R>(items: T[], atOnce: number, map: (item: T) => Promise<R>): Promise<R[]> {
  const results: R[] = []
  for (let start = 0; start < items.length; start += atOnce) {
    results.push(...(await Promise.all(items.slice(start, start + atOnce).map(map))))
  }
  return results
}
