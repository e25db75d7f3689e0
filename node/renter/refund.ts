import { toHex } from '../../protocols/bytes.js'
import type { LeaseOutcome } from '../escrow/port.js'
import type { Attempt } from './attempt.js'
import type { FraudRecord } from './fraud.js'
import type { LeaseRecord } from './lease.js'
import { slashOf } from './report.js'

/**
 * Beside the next attempt: a refund takes a dispute window, the next provider need not wait for it. A lie is reported first,
 * because a slash makes the lease void, and then its deposit comes back at once; whether or not the report succeeds.
 */
export function startReclaim(attempt: Attempt, lease: LeaseRecord, fraud?: FraudRecord): void {
  const { parts } = attempt
  // It goes on when the job is stopped: the deposit is to come back in any case.
  const reclaim = reportFraud(attempt, fraud)
    .then(() => parts.settler.reclaim(lease, parts.closing))
    .then((outcome) => {
      if (outcome !== undefined) tellSettled(attempt, lease, outcome)
    })
    .catch((error: unknown) =>
      parts.log.error('a deposit could not be taken back yet', { peer: lease.peer, error: String(error) }),
    )
  attempt.reclaims.push(reclaim)
}

/** Never rejects: what cannot be reported now is in the store, and reported after the job. */
async function reportFraud({ parts, tell }: Attempt, fraud: FraudRecord | undefined): Promise<void> {
  if (fraud === undefined) return
  try {
    const slash = await parts.prosecutor.prosecute(fraud, parts.closing)
    if (slash !== undefined) tell({ kind: 'slashed', ...slashOf(fraud, slash) })
  } catch (error) {
    parts.log.warn('a false proof is reported later', { peer: fraud.peer, error: String(error) })
  }
}

export function tellSettled({ tell }: Attempt, lease: LeaseRecord, outcome: LeaseOutcome): void {
  tell({ kind: 'settled', settlement: { peer: lease.peer, lease: toHex(lease.address), ...outcome } })
}
