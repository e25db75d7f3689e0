import type { Opening } from '../../kernels/proof/opening.js'
import type { WalletConsent } from '../../protocols/auction/wallet.js'
import type { Entry, ProofParams } from '../../protocols/challenge/params.js'
import type { Refusal } from '../../protocols/errors.js'

/**
 * What the services know of the chain. Amounts are atomic units of the market's mint, keys and addresses 32 bytes.
 * Every method retries a chain that does not answer, with back-off, until its signal aborts; what was sent once is
 * never executed twice.
 */
export interface Escrow {
  /** The market's terms, from a cache that is at most a minute old. */
  market(signal?: AbortSignal): Promise<MarketTerms>
  /** A provider's account, from a cache that is at most a few seconds old. Undefined: not registered. */
  provider(nodeKey: Uint8Array, signal?: AbortSignal): Promise<ProviderAccount | undefined>
  /** The same for many, in their order, with one request for a hundred. */
  providers(
    nodeKeys: readonly Uint8Array[],
    signal?: AbortSignal,
  ): Promise<ReadonlyArray<ProviderAccount | undefined>>
  /** Tokens of the market's mint that a wallet holds, atomic units; 0 for a wallet that nobody knows. */
  funds(wallet: Uint8Array, signal?: AbortSignal): Promise<bigint>

  /** Renter: the unsigned transaction that opens a lease, and the address that the lease will have. */
  proposeLease(
    proposal: LeaseProposal,
    signal?: AbortSignal,
  ): Promise<{ transaction: Uint8Array; lease: Uint8Array }>
  /** Provider: checks every field of a proposed transaction against the proposal and signs it, or says what differs. */
  signLease(
    transaction: Uint8Array,
    proposal: LeaseProposal,
    signal?: AbortSignal,
  ): Promise<{ signature: Uint8Array; lease: Uint8Array } | Refusal<'BAD_TRANSACTION' | 'STAKE_TOO_SMALL'>>
  /** Renter: adds its own signature and sends. Resolves when the lease is confirmed. */
  openLease(
    transaction: Uint8Array,
    providerSignature: Uint8Array,
    signal?: AbortSignal,
  ): Promise<{ signature: string }>

  /** Undefined: no such lease, or closed already. */
  lease(address: Uint8Array, signal?: AbortSignal): Promise<LeaseAccount | undefined>

  /** Anyone: pay out what the best voucher is worth. The provider's node key pays the fee. */
  settle(voucher: SignedVoucher, signal?: AbortSignal): Promise<{ signature: string }>
  /** Provider: with the renter's final voucher, pay out, refund and close in one transaction. */
  closeLease(lease: Uint8Array, voucher: SignedVoucher, signal?: AbortSignal): Promise<{ signature: string }>
  /** Renter: end the lease after the dispute window; the provider can still settle within it. */
  cancelLease(lease: Uint8Array, signal?: AbortSignal): Promise<{ signature: string }>
  /** Anyone, after the deadline: refund and close. */
  expireLease(lease: Uint8Array, signal?: AbortSignal): Promise<{ signature: string }>

  /** Provider: posts the digest of what it delivered, before the deadline, so that no bond is burned without the renter. */
  complete(lease: Uint8Array, output: Uint8Array, signal?: AbortSignal): Promise<{ signature: string }>

  /** How a lease that is closed has ended, read back from its transactions; undefined while it is open or unknown. */
  outcome(lease: Uint8Array, signal?: AbortSignal): Promise<LeaseOutcome | undefined>

  /**
   * Anyone who holds a provider's signed receipt and an opening that contradicts it: shows both to the program, which
   * recomputes the entry and slashes. A second call goes on where the first was broken off, and reports what was done
   * already. Needs a wallet (WALLET_MISSING).
   */
  reportFraud(evidence: FraudEvidence, signal?: AbortSignal): Promise<Slash | Refusal<FraudRefusal>>

  /**
   * The renter of an open lease whose provider signed a receipt in it and did not open its proof: demands an entry on the chain, for
   * a bond that is the provider's when it answers. A later call says how far that is, punishes what there is to punish, a
   * silence or a false answer, and takes the rest back. Needs a wallet (WALLET_MISSING).
   */
  demandOpening(demand: OpeningDemand, signal?: AbortSignal): Promise<DemandState | Refusal<FraudRefusal>>
  /**
   * Gives the rent of a verdict that this wallet's report led to back to it; false while the registration that was slashed goes
   * on, and the verdict with it. True when there is none any more.
   */
  closeVerdict(signed: Pick<FraudEvidence, 'receipt' | 'signature'>, signal?: AbortSignal): Promise<boolean>

  /** Provider: the openings that are demanded of this node and not given. */
  demands(signal?: AbortSignal): Promise<Demand[]>
  /** Provider: gives one of them; its path must lead to the demand's root. The demand's bond pays the fees. */
  answerDemand(demand: Demand, opening: Opening, signal?: AbortSignal): Promise<{ signature: string }>

  /** The chain's own clock, Unix seconds: deadlines are judged by it. */
  chainTime(signal?: AbortSignal): Promise<number>
}

/** Where a renter gets its wallet's consent, which each of its orders carries. */
export type ConsentSource = () => Promise<WalletConsent>

export interface MarketTerms {
  address: Uint8Array
  mint: Uint8Array
  decimals: number
  minimumStake: bigint
  disputeWindowS: number
}

export interface ProviderAccount {
  nodeKey: Uint8Array
  owner: Uint8Array
  payout: Uint8Array
  stake: bigint
  /** The part of the stake that backs open leases. */
  bound: bigint
  /** Openings that are demanded of it and not given. */
  openDemands: number
}

export interface LeaseProposal {
  provider: Uint8Array
  wallet: Uint8Array
  sessionKey: Uint8Array
  orderId: Uint8Array
  termsHash: Uint8Array
  pricePerHour: bigint
  durationS: number
}

export interface LeaseAccount {
  address: Uint8Array
  /** Of this lease among all of its provider; every voucher names it, so that none fits a later lease. */
  serial: bigint
  wallet: Uint8Array
  sessionKey: Uint8Array
  termsHash: Uint8Array
  pricePerHour: bigint
  deposit: bigint
  paid: bigint
  bond: bigint
  /** Unix seconds by the chain's clock. */
  openedAt: number
  deadline: number
  cancelled: boolean
  /** The provider has posted what it delivered. */
  completed: boolean
}

export interface LeaseOutcome {
  /** Signatures of all transactions that touched the lease, oldest first. */
  transactions: string[]
  deposited: bigint
  paid: bigint
  refunded: bigint
}

/** Enough for the chain to judge a false proof by arithmetic. */
export interface FraudEvidence {
  /** The receipt as the provider signed it (protocols/challenge/receipt.ts). */
  receipt: Uint8Array
  signature: Uint8Array
  /** Its path leads to the receipt's root, and its entry is not what the receipt's seed gives. */
  opening: Opening
}

/** An entry of a signed proof that the provider did not open when it was asked. */
export interface OpeningDemand {
  /** The receipt as the provider signed it, in an open lease. */
  receipt: Uint8Array
  signature: Uint8Array
  entry: Entry
}

export type DemandState =
  /** Silence is punished from `answerBy` on, Unix seconds of the chain's clock. */
  | { state: 'asked'; answerBy: number }
  /** The provider has opened the entry, and it is true: nothing more comes of it. */
  | { state: 'answered' }
  /** It stayed silent, or what it opened was false. */
  | { state: 'slashed'; slash: Slash }

/** An opening that is demanded of this node, as the chain has it. */
export interface Demand {
  /** The dispute's account. */
  address: Uint8Array
  lease: Uint8Array
  seed: Uint8Array
  params: ProofParams
  root: Uint8Array
  entry: Entry
  /** Unix seconds of the chain's clock; silence is punished from then on. */
  answerBy: number
  /** What silence costs. */
  bound: bigint
}

/** What a lie has cost. What is neither compensation nor bounty was burned. */
export interface Slash {
  /** Signatures of the reporter's transactions, oldest first; none when somebody else was faster. */
  transactions: string[]
  /** Taken from the provider's stake. */
  slashed: bigint
  /** The part that the renter of the receipt's lease got for what it had paid. */
  compensation: bigint
  /** The part that the reporter got. */
  bounty: bigint
}

/** The program's final word against a piece of evidence, or why it was not even sent. */
export type FraudRefusal =
  | 'EVIDENCE_FORGED'
  | 'PROVIDER_GONE'
  | 'ESCROW_ENTRY_IS_RIGHT'
  | 'ESCROW_RECEIPT_TOO_OLD'
  | 'ESCROW_RECEIPT_MALFORMED'
  | 'ESCROW_RECEIPT_FOREIGN'
  | 'ESCROW_OPENING_MALFORMED'
  | 'ESCROW_OPENING_OUT_OF_RANGE'
  | 'ESCROW_OPENING_PATH_MISMATCH'
  | 'LEASE_GONE'
  | 'ESCROW_LEASE_ENDED'
  | 'ESCROW_LEASE_VOID'
  | 'ESCROW_RECEIPT_EXPIRED'

export interface SignedVoucher {
  lease: Uint8Array
  serial: bigint
  amount: bigint
  sequence: bigint
  final: boolean
  /** The exact bytes that were signed. */
  bytes: Uint8Array
  signature: Uint8Array
}
