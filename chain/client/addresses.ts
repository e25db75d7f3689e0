import { PublicKey } from '@solana/web3.js'

/** Where the escrow program keeps its accounts: program-derived addresses, the same for everybody who knows the seeds. */
export function marketAddress(programId: PublicKey, base: PublicKey): PublicKey {
  return derive(programId, 'market', base.toBytes())
}

export function providerAddress(programId: PublicKey, market: PublicKey, node: PublicKey): PublicKey {
  return derive(programId, 'provider', market.toBytes(), node.toBytes())
}

export interface LeaseSeeds {
  /** Address of the provider account (not the node's key). */
  provider: PublicKey
  /** The renter's wallet. */
  renter: PublicKey
  /** Hash of the order, bid and job, 32 bytes. */
  termsHash: Uint8Array
}

export function leaseAddress(programId: PublicKey, seeds: LeaseSeeds): PublicKey {
  return derive(programId, 'lease', seeds.provider.toBytes(), seeds.renter.toBytes(), seeds.termsHash)
}

/** The token account of a provider (its stake) or of a lease (its deposit). */
export function vaultAddress(programId: PublicKey, holder: PublicKey): PublicKey {
  return derive(programId, 'vault', holder.toBytes())
}

/** Where a reporter shows that the proof of a receipt is false; `receiptHash` is the receipt's SHA-256. */
export function disputeAddress(
  programId: PublicKey,
  reporter: PublicKey,
  receiptHash: Uint8Array,
): PublicKey {
  return derive(programId, 'dispute', reporter.toBytes(), receiptHash)
}

/** What stays of a slash, so that one receipt is punished once. */
export function verdictAddress(
  programId: PublicKey,
  provider: PublicKey,
  receiptHash: Uint8Array,
): PublicKey {
  return derive(programId, 'verdict', provider.toBytes(), receiptHash)
}

function derive(programId: PublicKey, tag: string, ...seeds: Uint8Array[]): PublicKey {
  return PublicKey.findProgramAddressSync([new TextEncoder().encode(tag), ...seeds], programId)[0]
}
