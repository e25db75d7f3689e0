import { offenceWeight, standingScore } from '../../protocols/heartbeat/standing.js'
import type { Clock, Log } from '../../protocols/ports.js'
import type { Admission } from './admission.js'

/** What this node thinks of a peer, for the score of its neighbours. In memory: after a restart everyone begins anew. */
export interface Conduct {
  /** Added to the peer's gossip score; asked for every second, so it looks nothing up. */
  standingOf(peer: string): number
  /** What a peer's own signature proves: it counts less as it grows old. */
  offend(peer: string, what: string): void
}

interface Offences {
  count: number
  atMs: number
}

const MAX_OFFENDERS = 10_000

export function createConduct(parts: {
  admission: Pick<Admission, 'standing'>
  clock: Clock
  log: Log
  /** From 0 to 1 as last known, without asking anybody. Default: not known. */
  reliabilityOf?: (peer: string) => number | undefined
}): Conduct {
  const { admission, clock, log, reliabilityOf } = parts
  const offenders = new Map<string, Offences>()
  const offencesOf = (peer: string) => {
    const found = offenders.get(peer)
    return found === undefined ? 0 : found.count * offenceWeight(clock.elapsed() - found.atMs)
  }
  return {
    standingOf: (peer) => {
      const { stake = 0n, minimumStake = 0n } = admission.standing(peer) ?? {}
      return standingScore({
        stake,
        minimumStake,
        reliability: reliabilityOf?.(peer),
        offences: offencesOf(peer),
      })
    },
    offend: (peer, what) => {
      const count = offencesOf(peer) + 1
      offenders.delete(peer)
      offenders.set(peer, { count, atMs: clock.elapsed() })
      if (offenders.size > MAX_OFFENDERS) offenders.delete(offenders.keys().next().value as string)
      log.info('a peer broke the rules under its own name', { peer, what, count })
    },
  }
}
