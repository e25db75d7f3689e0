import { type ChallengeFailure, isLie } from '../../protocols/challenge/rules.js'
import type { ExperienceKind } from '../../protocols/inventory/reputation.js'
import type { DeploymentEvent } from './event.js'

/**
 * Reads out of a job's own story what each provider did in it, as this node's experience with it. One for each job;
 * it is shown every event once, in order.
 */
export type ConductWatch = (event: DeploymentEvent) => Array<{ peer: string; what: ExperienceKind }>

export function createConductWatch(): ConductWatch {
  /** Whether anybody's bid got through in the auction under way: otherwise it was us who could not be reached. */
  let isHeard = false
  /** Who has an open lease, and whose fault was told already; an award begins anew. */
  const leased = new Set<string>()
  const blamed = new Set<string>()
  /** Who has said before that it leaves. */
  const told = new Set<string>()

  return (event) => {
    switch (event.kind) {
      case 'ordered':
        isHeard = false
        return []
      case 'leaving':
        told.add(event.peer)
        return []
      case 'awarded':
        told.delete(event.peer)
        leased.delete(event.peer)
        blamed.delete(event.peer)
        return []
      case 'leased':
        leased.add(event.peer)
        return []
      case 'bid': {
        const { peer, outcome, reason } = event.bid
        if (reason === 'BID_WITHHELD') return isHeard ? [{ peer, what: 'withheld' }] : []
        if (reason === 'NOT_REVEALED') return []
        if (outcome !== 'unqualified') isHeard = true
        if (outcome === 'won') return [{ peer, what: 'completed' }]
        if (outcome !== 'failed' || blamed.has(peer)) return []
        if (reason === 'PROVIDER_PAUSED') return told.has(peer) ? [] : [{ peer, what: 'paused' }]
        return leased.has(peer) ? [] : [{ peer, what: 'unsigned' }]
      }
      case 'challenged': {
        const { peer, ok, reason = '' } = event.challenge
        if (ok) return [{ peer, what: 'challenge-passed' }]
        blamed.add(peer)
        return [{ peer, what: isLie(reason as ChallengeFailure) ? 'lied' : 'challenge-failed' }]
      }
      case 'standing-lost': {
        const { peer } = event
        if (blamed.has(peer)) return []
        blamed.add(peer)
        return [{ peer, what: leased.has(peer) ? 'failed' : 'unsigned' }]
      }
      default:
        return []
    }
  }
}
