/**
 * The amounts that the escrow program computes, for those who sign them: integers in atomic units, rounded up for what goes
 * into a vault and down for what leaves it (`chain/program/src/amount.rs`).
 */
export const MAX_PRICE_PER_HOUR = (2n ** 32n - 1n) * 3600n
export const MAX_DURATION_SECONDS = 90 * 86_400

/** ceil(price × seconds / 3600): the deposit of a lease of at most this long. */
export function depositFor(pricePerHour: bigint, durationSeconds: number): bigint {
  return ceilDivide(pricePerHour * BigInt(durationSeconds), 3600n)
}

/** The part of the provider's stake that a lease of this deposit binds. */
export function bondFor(deposit: bigint, bondBps: number): bigint {
  return ceilDivide(deposit * BigInt(bondBps), 10_000n)
}

/** The market's share of a payment. */
export function feeOf(amount: bigint, feeBps: number): bigint {
  return (amount * BigInt(feeBps)) / 10_000n
}

function ceilDivide(dividend: bigint, divisor: bigint): bigint {
  return (dividend + divisor - 1n) / divisor
}
