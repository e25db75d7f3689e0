import type { LeaseAccount } from '../escrow/port.js'
import type { LeaseRecord } from './ledger.js'

/** What to do about one lease, given what this node has stored and what the chain says. */
export type Step =
  /** It appeared on the chain: the record follows. */
  | 'open'
  /** It was signed for, and can no longer appear. */
  | 'drop'
  /** The chain has it no more: it was closed, by whomever. */
  | 'finish'
  /** The renter agreed to the end: one transaction pays, refunds and closes. */
  | 'close'
  /** The best voucher is worth more than what was paid: pay it out while that is still possible. */
  | 'settle'
  /** The job was delivered, its renter does not end the lease, and the deadline is near: post it, or part of the bond burns. */
  | 'complete'
  /** After the deadline, with nothing left to be paid: give the renter the rest, and the bond back to the stake. */
  | 'expire'
  | 'wait'

export interface PlanFacts {
  /** Undefined: the chain has no such lease. */
  account: LeaseAccount | undefined
  /** Unix milliseconds of this node. */
  nowMs: number
  /** Unix seconds of the chain's clock. */
  chainNow: number
}

/** The blockhash in a signed transaction is good for 150 slots, about a minute: after two it can never be executed. */
export const SIGNED_MS = 120_000
/** So long before a deadline the best voucher is paid out; half of a short lease. */
export const NEAR_S = 30
/** A renter that is there ends the lease with a final voucher sooner than this after the job has ended. */
export const FINAL_VOUCHER_MS = 60_000
/** After the deadline the renter takes the rest back itself; when it does not come, so much later this node does. */
export const EXPIRE_S = 60
/** Much later when the end burns a part of the own bond: neither cancelled, completed nor paid in full. */
export const FORFEIT_S = 3_600

export function nextStep(record: LeaseRecord, { account, nowMs, chainNow }: PlanFacts): Step {
  if (record.state === 'closed') return 'wait'
  if (record.state === 'signed') {
    if (account !== undefined) return 'open'
    return nowMs - record.signedAtMs > SIGNED_MS ? 'drop' : 'wait'
  }
  // Another serial: it was closed, and a new lease has the same address.
  if (account === undefined || account.serial !== record.serial) return 'finish'
  const { best } = record
  if (best?.final === true) return 'close'
  if (isTimeToComplete(record, account, chainNow)) return 'complete'
  if (
    best !== undefined &&
    best.amount > account.paid &&
    isTimeToSettle(record, account, { nowMs, chainNow })
  ) {
    return 'settle'
  }
  return chainNow >= account.deadline + (isBondSafe(account) ? EXPIRE_S : FORFEIT_S) ? 'expire' : 'wait'
}

/** Nothing is burned when the lease ends by its deadline. */
function isBondSafe({ cancelled, completed, paid, deposit }: LeaseAccount): boolean {
  return cancelled || completed || paid >= deposit
}

function isTimeToComplete({ output }: LeaseRecord, account: LeaseAccount, chainNow: number): boolean {
  const leftS = account.deadline - chainNow
  return output !== undefined && !isBondSafe(account) && leftS > 0 && leftS <= nearOf(account)
}

function isTimeToSettle(
  record: LeaseRecord,
  account: LeaseAccount,
  { nowMs, chainNow }: { nowMs: number; chainNow: number },
): boolean {
  if (account.cancelled || account.deadline - chainNow <= nearOf(account)) return true
  return record.endedAtMs !== undefined && nowMs - record.endedAtMs >= FINAL_VOUCHER_MS
}

/** Why the job of a lease must stop although its lease is still on the chain; undefined when it may go on. */
export function stopReason(
  account: LeaseAccount | undefined,
  chainNow: number,
): 'LEASE_CANCELLED' | 'LEASE_EXPIRED' | undefined {
  if (account === undefined) return undefined
  if (account.cancelled) return 'LEASE_CANCELLED'
  // While there is still time to have the last slice paid, and to pay it out.
  return account.deadline - chainNow <= nearOf(account) / 2 ? 'LEASE_EXPIRED' : undefined
}

/** How long before its deadline a lease is near its end, seconds. */
function nearOf(account: LeaseAccount): number {
  return Math.min(NEAR_S, (account.deadline - account.openedAt) / 2)
}
