import { offenceWeight, standingScore } from '../../protocols/heartbeat/standing.js'
import type { Clock, Log } from '../../protocols/ports.js'
import type { Reputation } from '../reputation/port.js'
import type { Admission } from './admission.js'

/** What this node thinks of a peer, for the score of its neighbours. In memory: after a restart everyone begins anew. */
export interface Conduct {
  /** Added to the peer's gossip score; asked for every second, so it looks nothing up. */
  standingOf(peer: string): number
  /** What a peer's own signature proves: it counts less as it grows old. */
  offend(peer: string, what: string): void
  /** From now on the reliability of neighbours with a stake counts as well. */
  weigh(reputation: Pick<Reputation, 'known'>): void
}

interface Offences {
  count: number
  atMs: number
}

const MAX_PEERS = 10_000
/** Reliability changes with leases, not with seconds. */
const RELIABILITY_MS = 300_000

export function createConduct(parts: {
  admission: Pick<Admission, 'standing'>
  clock: Clock
  log: Log
}): Conduct {
  const { admission, clock, log } = parts
  const reliabilities = new Map<string, { value: number; atMs: number }>()
  let reputation: Pick<Reputation, 'known'> | undefined
  const offenders = new Map<string, Offences>()
  const offencesOf = (peer: string) => {
    const found = offenders.get(peer)
    return found === undefined ? 0 : found.count * offenceWeight(clock.elapsed() - found.atMs)
  }
  function reliabilityOf(peer: string): number | undefined {
    const earlier = reliabilities.get(peer)
    if (reputation === undefined) return undefined
    if (earlier !== undefined && clock.elapsed() - earlier.atMs <= RELIABILITY_MS) return earlier.value
    const value = reputation.known(peer).reliability
    reliabilities.delete(peer)
    reliabilities.set(peer, { value, atMs: clock.elapsed() })
    if (reliabilities.size > MAX_PEERS) reliabilities.delete(reliabilities.keys().next().value as string)
    return value
  }

  return {
    standingOf: (peer) => {
      const { stake = 0n, minimumStake = 0n } = admission.standing(peer) ?? {}
      return standingScore({
        stake,
        minimumStake,
        reliability: stake > 0n ? reliabilityOf(peer) : undefined,
        offences: offencesOf(peer),
      })
    },
    weigh: (source) => {
      reputation = source
    },
    offend: (peer, what) => {
      const count = offencesOf(peer) + 1
      offenders.delete(peer)
      offenders.set(peer, { count, atMs: clock.elapsed() })
      if (offenders.size > MAX_PEERS) offenders.delete(offenders.keys().next().value as string)
      log.info('a peer broke the rules under its own name', { peer, what, count })
    },
  }
}
