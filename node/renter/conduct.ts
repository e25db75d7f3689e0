import { type ChallengeFailure, isLie } from '../../protocols/challenge/rules.js'
import type { ExperienceKind } from '../../protocols/inventory/reputation.js'
import type { DeploymentEvent } from './event.js'

/**
 * Reads out of a job's own story what each provider did in it, as this node's experience with it. One for each job;
 * it is shown every event once, in order.
 */
export type ConductWatch = (event: DeploymentEvent) => Array<{ peer: string; what: ExperienceKind }>

export function createConductWatch(): ConductWatch {
  /** Of the auction under way. */
  let committed = new Set<string>()
  let bidders = new Set<string>()
  /** Of the provider that has won it. */
  let leased = false
  let blamed: string | undefined

  /**
   * Who committed and never revealed, unless nobody got through: then it was us who could not be reached. Told when the
   * auction is over, that is when its award is made.
   */
  const withheld = () => {
    const silent = bidders.size === 0 ? [] : [...committed].filter((peer) => !bidders.has(peer))
    committed = new Set()
    bidders = new Set()
    return silent.map((peer) => ({ peer, what: 'withheld' as const }))
  }

  return (event) => {
    switch (event.kind) {
      case 'ordered':
        committed = new Set()
        bidders = new Set()
        return []
      case 'committed':
        committed.add(event.peer)
        return []
      case 'awarded':
        leased = false
        blamed = undefined
        return withheld()
      case 'leased':
        leased = true
        return []
      case 'bid': {
        const { peer, outcome } = event.bid
        bidders.add(peer)
        if (outcome === 'won') return [{ peer, what: 'completed' }]
        if (outcome !== 'failed' || blamed === peer) return []
        return leased ? [] : [{ peer, what: 'unsigned' }]
      }
      case 'challenged': {
        const { peer, ok, reason = '' } = event.challenge
        if (ok) return [{ peer, what: 'challenge-passed' }]
        blamed = peer
        return [{ peer, what: isLie(reason as ChallengeFailure) ? 'lied' : 'challenge-failed' }]
      }
      case 'standing-lost': {
        const { peer } = event
        if (blamed === peer) return []
        blamed = peer
        return [{ peer, what: leased ? 'failed' : 'unsigned' }]
      }
      default:
        return []
    }
  }
}
