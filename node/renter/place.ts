import { judgePlace, type PlaceJudgement, type Sighting } from '../../protocols/inventory/plausibility.js'
import { inventoryProtocol } from '../../protocols/inventory/protocol.js'
import type { Offer } from '../../protocols/inventory/rules.js'
import type { Clock, Log } from '../../protocols/ports.js'
import type { LatencyMeter } from '../market/latency.js'
import { openRoundTrips, type RoundTripTable } from '../market/sightings.js'
import type { Engine } from '../net/ports.js'

/** Whether providers can stand where they say, by this node's round trips and by those that others have signed. */
export interface PlaceJudge {
  /** `others` are offers of possible witnesses; their tables are asked for and kept for a while. */
  judge(offer: Offer, others: readonly Offer[], signal?: AbortSignal): Promise<PlaceJudgement>
}

/** Asked for their round trips: those with the largest stake, since a word weighs as much as its stake. */
const WITNESSES = 8
const ASK_MS = 2_000
const FRESH_MS = 600_000
const MAX_TABLES = 256

interface Kept {
  table: Promise<RoundTripTable | undefined>
  readAt: number
}

export function createPlaceJudge(parts: {
  self: string
  /** Where this node stands, such as DE-Berlin; empty: not told, and its own round trips say nothing. */
  location: string
  meter: Pick<LatencyMeter, 'table'>
  engine: Engine
  clock: Clock
  log: Log
  market: Uint8Array
}): PlaceJudge {
  const { self, location, meter, engine, clock, log, market } = parts
  const tables = new Map<string, Kept>()

  const ask = async (observer: string): Promise<RoundTripTable | undefined> => {
    const late = new AbortController()
    const stop = clock.after(ASK_MS, () => late.abort(new Error('no answer in time')))
    try {
      const { roundTrips } = await engine.request(inventoryProtocol, observer, {}, { signal: late.signal })
      if (roundTrips === undefined) return undefined
      return await openRoundTrips(roundTrips, { observer, market, now: clock.now() })
    } catch (error) {
      log.debug('a witness does not say how far others are', { observer, error: String(error) })
      return undefined
    } finally {
      stop()
    }
  }

  const tableOf = (observer: string): Kept['table'] => {
    const known = tables.get(observer)
    if (known !== undefined && clock.elapsed() - known.readAt < FRESH_MS) return known.table
    const table = ask(observer)
    tables.delete(observer)
    tables.set(observer, { table, readAt: clock.elapsed() })
    if (tables.size > MAX_TABLES) tables.delete(tables.keys().next().value as string)
    return table
  }

  return {
    judge: async (offer, others, signal) => {
      const witnesses = others
        .filter(({ peer, stake }) => peer !== offer.peer && peer !== self && stake > 0n)
        .sort((a, b) => (a.stake < b.stake ? 1 : -1))
        .slice(0, WITNESSES)
      const heard = await Promise.all(
        witnesses.map(async ({ peer, stake }): Promise<Sighting[]> => {
          const table = await tableOf(peer)
          const ms = table?.peers.get(offer.peer)
          if (table === undefined || ms === undefined) return []
          return [{ observer: peer, location: table.location, ms, stake }]
        }),
      )
      signal?.throwIfAborted()
      const own = meter.table().find(({ peer }) => peer === offer.peer)
      const sightings = heard.flat()
      if (own !== undefined) sightings.push({ observer: self, location, ms: own.ms, stake: 0n })
      return judgePlace({ location: offer.location, stake: offer.stake }, sightings, self)
    },
  }
}
