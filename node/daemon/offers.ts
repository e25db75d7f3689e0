import { parseSearch } from '../../config/search.js'
import type { Clock } from '../../protocols/ports.js'
import type { OfferQuery } from '../control/port.js'
import { type OfferChange, type OfferView, viewOffer } from '../control/view.js'
import type { OfferSearch } from '../renter/inventory.js'
import type { Renter } from '../renter.js'

/** Providers that are asked for their attestations for one list of offers. */
const MOST_ASKED = 64
const NO_EVIDENCE = { count: 0, favourable: 0, weight: 0n }
/** Heartbeats come one by one: what changes within so long is told at once. */
const GATHER_MS = 500
/** Stakes and round trips change without a heartbeat. */
const LOOK_AGAIN_MS = 10_000

/** A query as it was written by a person, with the decimals of the market's mint. Throws SEARCH_INVALID. */
export function readQuery(query: OfferQuery, decimals: number): OfferSearch {
  const { search, ...rest } = query
  return { all: true, ...rest, ...(search === undefined ? {} : { terms: parseSearch(search, decimals) }) }
}

/** Offers as people and programs see them: those that qualify first. */
export async function listOffers(
  renter: Renter,
  search: OfferSearch,
  signal: AbortSignal,
): Promise<OfferView[]> {
  const { offers } = await renter.search(search, signal)
  let asked = 0
  return Promise.all(
    offers.map(async ({ offer, mismatches }) => {
      const isWorthAsking = mismatches.length === 0 && asked++ < MOST_ASKED
      const evidence = isWorthAsking ? await renter.evidenceOf(offer.peer, signal) : NO_EVIDENCE
      return viewOffer(offer, mismatches, evidence)
    }),
  )
}

/** First every offer of the list as one that has come; then what changes, until the signal aborts. */
export async function* watchOffers(
  renter: Renter,
  search: OfferSearch,
  clock: Clock,
  signal: AbortSignal,
): AsyncGenerator<OfferChange> {
  let wake = () => {}
  const stop = renter.onOffers(() => wake())
  let shown = new Map<string, { offer: OfferView; text: string }>()
  try {
    while (!signal.aborted) {
      const woken = new AbortController()
      wake = () => woken.abort()
      const offers = await listOffers(renter, search, signal)
      const next = new Map(offers.map((offer) => [offer.peer, { offer, text: JSON.stringify(offer) }]))
      for (const [peer, { offer, text }] of next) {
        const before = shown.get(peer)
        if (before === undefined) yield { kind: 'appeared', offer }
        else if (before.text !== text) yield { kind: 'changed', offer }
      }
      for (const [peer, { offer }] of shown) if (!next.has(peer)) yield { kind: 'left', offer }
      shown = next
      await clock.sleep(GATHER_MS, signal)
      await clock.sleep(LOOK_AGAIN_MS - GATHER_MS, AbortSignal.any([signal, woken.signal])).catch(() => {})
    }
  } catch (error) {
    if (!signal.aborted) throw error
  } finally {
    stop()
  }
}
