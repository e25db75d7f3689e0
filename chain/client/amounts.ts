/**
 * The amounts that the escrow program computes, for those who sign them: integers in atomic units, rounded up for what goes
 * into a vault and down for what leaves it (`chain/program/src/amount.rs`). The deposit itself is `depositFor` of
 * `protocols/money.ts`, which both sides of a lease use before there is a transaction.
 */

/** The part of the provider's stake that a lease of this deposit binds. */
export function bondFor(deposit: bigint, bondBps: number): bigint {
  return (deposit * BigInt(bondBps) + 9_999n) / 10_000n
}

/** The market's share of a payment. */
export function feeOf(amount: bigint, feeBps: number): bigint {
  return (amount * BigInt(feeBps)) / 10_000n
}
