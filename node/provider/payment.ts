import type { Clock } from '../../protocols/ports.js'
import { mayGoOn } from '../../protocols/settlement/rules.js'
import type { LeaseRecord } from './ledger.js'

/** The vouchers for a result are on their way when it is asked for. */
const PAYMENT_PATIENCE_MS = 15_000
const PAYMENT_CHECK_MS = 50
/** The two sides' stop watches differ by a message's way, and that may be long on a busy machine. */
const PAYMENT_GRACE_MS = 3_000

/**
 * What a job leaves is what its renter came for: whoever has it owes no more than the slice that was granted. Work
 * that is shorter than the patience with a late voucher would else be free. False: the vouchers did not come in time.
 */
export async function awaitPaid(
  clock: Clock,
  read: () => { lease: LeaseRecord | undefined; workedMs: number },
  signal: AbortSignal,
): Promise<boolean> {
  const until = clock.elapsed() + PAYMENT_PATIENCE_MS
  for (;;) {
    const { lease, workedMs } = read()
    if (lease === undefined || isPaid(lease, workedMs)) return true
    if (lease.state === 'closed' || clock.elapsed() >= until) return false
    await clock.sleep(PAYMENT_CHECK_MS, signal)
  }
}

function isPaid({ terms, deposit, best }: LeaseRecord, workedMs: number): boolean {
  const { pricePerHour, sliceMs } = terms
  return mayGoOn({ pricePerHour, deposit, sliceMs }, workedMs - PAYMENT_GRACE_MS, best?.amount ?? 0n)
}
