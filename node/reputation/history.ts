import type { ConductEvent } from '../../chain/client/conduct.js'
import type { PastLease } from '../../protocols/inventory/reputation.js'

/** How a provider's leases have ended, as far as this node has read the chain; kept, so that a restart reads on. */
export interface History {
  /** The newest transaction that was read. */
  cursor?: string
  leases: StoredLease[]
  slashedAtMs: number[]
  silentAtMs: number[]
  /** Leases whose provider has posted their completion, and those that a slash made void: they have not ended yet. */
  completed: string[]
  voided: string[]
}

export interface StoredLease extends PastLease {
  lease: string
}

export const HISTORY_LIMITS = {
  /** The newest; with a half-life of a month, older ones say next to nothing. */
  maxLeases: 256,
  maxFaults: 32,
  maxPending: 64,
} as const

export const NO_HISTORY: History = { leases: [], slashedAtMs: [], silentAtMs: [], completed: [], voided: [] }

/** Pure: the history after one more transaction. Reading the same transaction again changes nothing. */
export function addConduct(
  before: History,
  transaction: { signature: string; atMs: number; events: readonly ConductEvent[] },
): History {
  const history = {
    ...before,
    cursor: transaction.signature,
    leases: [...before.leases],
    slashedAtMs: [...before.slashedAtMs],
    silentAtMs: [...before.silentAtMs],
    completed: [...before.completed],
    voided: [...before.voided],
  }
  const { maxLeases, maxFaults, maxPending } = HISTORY_LIMITS
  const { atMs } = transaction
  for (const event of transaction.events) {
    switch (event.kind) {
      case 'completed':
        history.completed.push(event.lease)
        break
      case 'slashed':
        if (!history.slashedAtMs.includes(atMs)) history.slashedAtMs.push(atMs)
        history.voided.push(event.lease)
        break
      case 'silent':
        if (!history.silentAtMs.includes(atMs)) history.silentAtMs.push(atMs)
        break
      default:
        if (!history.leases.some(({ lease }) => lease === event.lease)) addEnded(history, event, atMs)
    }
  }
  history.leases = history.leases.slice(-maxLeases)
  history.slashedAtMs = history.slashedAtMs.slice(-maxFaults)
  history.silentAtMs = history.silentAtMs.slice(-maxFaults)
  history.completed = history.completed.slice(-maxPending)
  history.voided = history.voided.slice(-maxPending)
  return history
}

/** Of a lease that a slash made void, the slash is all that is counted. */
function addEnded(
  history: History,
  event: Extract<ConductEvent, { kind: 'closed' | 'expired' }>,
  atMs: number,
): void {
  const { lease, renter } = event
  if (!history.voided.includes(lease)) {
    const completed = history.completed.includes(lease)
    history.leases.push({ lease, renter, atMs, ...judgeEnd(event, completed) })
  }
  history.completed = history.completed.filter((each) => each !== lease)
  history.voided = history.voided.filter((each) => each !== lease)
}

/** After the rules of the program (`forfeit` in `state.rs`): what is neither paid in full, completed nor burned was cancelled. */
function judgeEnd(
  event: Extract<ConductEvent, { kind: 'closed' | 'expired' }>,
  completed: boolean,
): Pick<PastLease, 'end' | 'amount'> {
  if (event.kind === 'closed') return { end: 'settled', amount: event.paid }
  if (event.burned > 0n) return { end: 'failed', amount: event.paid + event.refunded }
  const settled = completed || event.refunded === 0n
  return { end: settled ? 'settled' : 'unfinished', amount: event.paid }
}
