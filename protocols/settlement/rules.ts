import type { Refusal } from '../errors.js'
import { earned, U64_MAX } from '../money.js'

/** The amount and sequence of a voucher; amounts are cumulative. */
export interface Claim {
  amount: bigint
  sequence: bigint
}

export type VoucherRefusal = 'UNKNOWN_LEASE' | 'BAD_SIGNATURE' | 'MALFORMED' | 'NOT_HIGHER' | 'ABOVE_DEPOSIT'

/** Whether a provider takes a voucher, of a lease that it knows and well signed, as its new best one. The same voucher again is taken: it was a lost answer. */
export function judgeVoucher(
  voucher: Claim,
  facts: { best: Claim | undefined; deposit: bigint },
): Refusal<Extract<VoucherRefusal, 'NOT_HIGHER' | 'ABOVE_DEPOSIT'>> | undefined {
  if (voucher.amount > facts.deposit) {
    return { refused: 'ABOVE_DEPOSIT', detail: `${voucher.amount} > ${facts.deposit}` }
  }
  const { best } = facts
  if (best === undefined) return undefined
  const same = voucher.amount === best.amount && voucher.sequence === best.sequence
  if (!same && (voucher.sequence <= best.sequence || voucher.amount < best.amount)) {
    return {
      refused: 'NOT_HIGHER',
      detail: `sequence ${voucher.sequence}, amount ${voucher.amount}; held ${best.sequence}, ${best.amount}`,
    }
  }
  return undefined
}

export interface Meter {
  pricePerHour: bigint
  deposit: bigint
  sliceMs: number
}

/** What a renter owes after `workedMs` of accepted work. Atomic units. */
export function due(meter: Meter, workedMs: number): bigint {
  return earned(meter.pricePerHour, workedMs, meter.deposit)
}

/**
 * Whether a provider goes on working: it is never more than one slice ahead of what it holds vouchers for. Half a
 * slice of grace covers the voucher's way. Not capped by the deposit: work beyond what it covers is never paid, so a
 * lease that is paid in full does not buy more time.
 */
export function mayGoOn(meter: Meter, workedMs: number, paid: bigint): boolean {
  return earned(meter.pricePerHour, workedMs - meter.sliceMs * 1.5, U64_MAX) <= paid
}
