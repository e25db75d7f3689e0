import { type Circle, circlesOf, leastDistanceKm } from './coordinates.js'

/** A round trip between a node at a place and the peer whose place is in question. */
export interface Sighting {
  /** Peer id of the node that measured; the own one for own measurements. */
  observer: string
  /** Where the observer says that it stands. */
  location: string
  /** The shortest of its round trips, milliseconds. */
  ms: number
  /** What the observer has at stake, atomic units; own measurements are believed without one. */
  stake: bigint
}

export type PlaceCheck = 'plausible' | 'impossible' | 'unknown'

export interface PlaceJudgement {
  check: PlaceCheck
  /** Why, for a person. */
  detail: string
}

/** Nothing is faster than light in vacuum, not even a microwave link or a satellite's laser; fibre is slower by a third. */
export const LIGHT_KM_PER_MS = 299.792458

/** Clocks that count whole milliseconds report up to one less than passed. */
const RESOLUTION_MS = 1

/** The least time that a round trip between two places can take, in milliseconds. */
function roundTripMs(a: readonly Circle[], b: readonly Circle[]): number {
  return (2 * leastDistanceKm(a, b)) / LIGHT_KM_PER_MS
}

/**
 * Whether a peer can stand where it says, given how fast it has answered others. Only what light contradicts is
 * impossible; plausible means that no sighting contradicts it, not that it is true: a peer that is nearer than it
 * claims need only answer late. `self` is the node that judges: its own sighting is enough. Others may lie to slander a
 * competitor, and names cost nothing: at least two must contradict the claim, whose stake together is more than the
 * peer's own.
 */
export function judgePlace(
  claim: { location: string; stake: bigint },
  sightings: readonly Sighting[],
  self: string,
): PlaceJudgement {
  const claimed = circlesOf(claim.location)
  if (claimed === undefined) return { check: 'unknown', detail: 'no place is claimed that is known here' }
  const judged = [...shortestByObserver(sightings).values()].flatMap((sighting) => {
    const observed = circlesOf(sighting.location)
    if (observed === undefined || !(sighting.ms >= 0)) return []
    return [{ ...sighting, leastMs: roundTripMs(claimed, observed) }]
  })
  if (judged.length === 0)
    return { check: 'unknown', detail: 'no round trip was measured from a known place' }
  const against = judged.filter(({ ms, leastMs }) => ms + RESOLUTION_MS < leastMs)
  const own = against.find(({ observer }) => observer === self)
  if (own !== undefined) return { check: 'impossible', detail: contradiction(own) }
  const stake = against.reduce((sum, each) => sum + each.stake, 0n)
  const [first] = against
  if (first === undefined) {
    const agree = judged.length === 1 ? 'a round trip agrees' : `${judged.length} round trips agree`
    return { check: 'plausible', detail: `${agree} with it` }
  }
  if (against.length >= LEAST_WITNESSES && stake > claim.stake) {
    return { check: 'impossible', detail: `${contradiction(first)}; ${against.length} peers say so` }
  }
  return { check: 'unknown', detail: `${contradiction(first)}, by the word of too few or too small a stake` }
}

const LEAST_WITNESSES = 2

/** One sighting of each observer: the shortest round trip says most. */
function shortestByObserver(sightings: readonly Sighting[]): Map<string, Sighting> {
  const shortest = new Map<string, Sighting>()
  for (const sighting of sightings) {
    const seen = shortest.get(sighting.observer)
    if (seen === undefined || sighting.ms < seen.ms) shortest.set(sighting.observer, sighting)
  }
  return shortest
}

function contradiction({ ms, leastMs, location }: Sighting & { leastMs: number }): string {
  return `it answered from ${location} in ${Math.ceil(ms)} ms, light takes ${Math.floor(leastMs)}`
}
