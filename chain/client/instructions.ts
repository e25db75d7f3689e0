import { TOKEN_PROGRAM_ID } from '@solana/spl-token'
import {
  Ed25519Program,
  PublicKey,
  SYSVAR_INSTRUCTIONS_PUBKEY,
  SystemProgram,
  type TransactionInstruction,
} from '@solana/web3.js'
import { depositFor } from '../../protocols/money.js'
import { leaseAddress, marketAddress, providerAddress, vaultAddress } from './addresses.js'
import { bondFor } from './amounts.js'
import { instruction, type Meta, pays, read, signs, u8, u16, u64, write } from './encoding.js'
import type { Lease, Parameters } from './layouts.js'

export type { InstructionName } from './encoding.js'

/** Builders for market, providers and leases; those for false proofs are in `disputes.ts`. Pure: keys and numbers in, instructions out. */
const WITH_FINAL_VOUCHER = 0
const BY_BOTH = 1

export interface NewTerms extends Parameters {
  governance: PublicKey
  /** Token account of the market's mint that gets the fee share. Default: none (all zero); `feeBps` must then be 0. */
  feeAccount?: PublicKey
}

export function encodeTerms(terms: NewTerms): Uint8Array {
  return Buffer.concat([
    u64(terms.minimumStake),
    u64(terms.coolDownSeconds),
    u64(terms.disputeWindowSeconds),
    u16(terms.bondBps),
    u16(terms.slashBps),
    u16(terms.bountyBps),
    u16(terms.feeBps),
    terms.governance.toBytes(),
    (terms.feeAccount ?? PublicKey.default).toBytes(),
  ])
}

export interface InitMarket {
  programId: PublicKey
  payer: PublicKey
  /** Its signature claims the market's address. */
  base: PublicKey
  mint: PublicKey
  terms: NewTerms
  /** How long before they take effect new terms must be announced. */
  updateDelaySeconds: number
}

export function initMarket(args: InitMarket): TransactionInstruction {
  const { programId, payer, base, mint } = args
  return instruction(
    programId,
    'initMarket',
    [
      pays(payer),
      signs(base),
      write(marketAddress(programId, base)),
      read(mint),
      read(SystemProgram.programId),
    ],
    encodeTerms(args.terms),
    u64(args.updateDelaySeconds),
  )
}

export interface RegisterProvider {
  programId: PublicKey
  market: PublicKey
  mint: PublicKey
  /** Pays stake and rent; the only key that can take the stake back. */
  owner: PublicKey
  node: PublicKey
  /** Token account that the stake comes from. */
  source: PublicKey
  /** Token account that payments go to. */
  payout: PublicKey
  stake: bigint
}

export function registerProvider(args: RegisterProvider): TransactionInstruction {
  const { programId, market } = args
  const provider = providerAddress(programId, market, args.node)
  return instruction(
    programId,
    'registerProvider',
    [
      pays(args.owner),
      signs(args.node),
      read(market),
      write(provider),
      write(vaultAddress(programId, provider)),
      read(args.mint),
      write(args.source),
      read(args.payout),
      read(TOKEN_PROGRAM_ID),
      read(SystemProgram.programId),
    ],
    u64(args.stake),
  )
}

export interface AddStake {
  programId: PublicKey
  provider: PublicKey
  /** Signs and pays: a stranger's unit of stake would keep a registration from closing. */
  owner: PublicKey
  source: PublicKey
  amount: bigint
}

export function addStake({ programId, provider, owner, source, amount }: AddStake): TransactionInstruction {
  const keys = [
    signs(owner),
    write(provider),
    write(vaultAddress(programId, provider)),
    write(source),
    read(TOKEN_PROGRAM_ID),
  ]
  return instruction(programId, 'addStake', keys, u64(amount))
}

export interface OpenLease {
  programId: PublicKey
  market: PublicKey
  mint: PublicKey
  node: PublicKey
  /** The renter's wallet: pays deposit and rent, and gets both back. */
  renter: PublicKey
  /** Token account that the deposit comes from. */
  source: PublicKey
  termsHash: Uint8Array
  /** The ed25519 key that will sign vouchers. */
  session: PublicKey
  pricePerHour: bigint
  durationSeconds: number
  /** Of the market's terms in force; the program refuses others. */
  bondBps: number
  disputeWindowSeconds: number
  feeBps: number
}

/** Both the renter's wallet and the node's key must sign. */
export function openLease(args: OpenLease): TransactionInstruction {
  const { programId, market, renter, termsHash } = args
  const provider = providerAddress(programId, market, args.node)
  const lease = leaseAddress(programId, { provider, renter, termsHash })
  const deposit = depositFor(args.pricePerHour, args.durationSeconds)
  return instruction(
    programId,
    'openLease',
    [
      pays(renter),
      signs(args.node),
      read(market),
      write(provider),
      write(lease),
      write(vaultAddress(programId, lease)),
      read(args.mint),
      write(args.source),
      read(TOKEN_PROGRAM_ID),
      read(SystemProgram.programId),
    ],
    termsHash,
    args.session.toBytes(),
    u64(args.pricePerHour),
    u64(args.durationSeconds),
    u64(deposit),
    u64(bondFor(deposit, args.bondBps)),
    u64(args.disputeWindowSeconds),
    u16(args.feeBps),
  )
}

/** Bytes that a key has signed off chain: a voucher (`encodeVoucher`), or a receipt (`encodeReceipt`). */
export interface SignedMessage {
  message: Uint8Array
  signature: Uint8Array
}

export type SignedVoucher = SignedMessage

/** Has the runtime itself check a signature; must stand right before the instruction that uses the message. */
export function verifyMessage(key: PublicKey, signed: SignedMessage): TransactionInstruction {
  return Ed25519Program.createInstructionWithPublicKey({
    publicKey: key.toBytes(),
    message: signed.message,
    signature: signed.signature,
  })
}

/** The fields of a decoded lease that its instructions name. */
export type LeaseParties = Pick<Lease, 'market' | 'provider' | 'renter' | 'session' | 'payout'>

export interface Settle {
  programId: PublicKey
  lease: PublicKey
  parties: LeaseParties
  voucher: SignedVoucher
  /** The market's fee account, when the lease has a fee share. */
  feeAccount?: PublicKey
}

/** Pays a voucher; anybody may send it. Two instructions that must stay neighbours. */
export function settle(args: Settle): TransactionInstruction[] {
  const { programId, lease, parties, voucher } = args
  return [
    verifyMessage(parties.session, voucher),
    instruction(programId, 'settle', [
      read(parties.market),
      write(lease),
      write(vaultAddress(programId, lease)),
      write(parties.payout),
      feeSlot(args.feeAccount, programId),
      read(SYSVAR_INSTRUCTIONS_PUBKEY),
      read(TOKEN_PROGRAM_ID),
    ]),
  ]
}

export interface CloseLease {
  programId: PublicKey
  lease: PublicKey
  parties: LeaseParties
  /** Signs. */
  node: PublicKey
  /** Token account of the renter's wallet that gets the rest. */
  refund: PublicKey
  /** The renter's agreement: a FINAL voucher, which is paid, or a key of its own (wallet or session) that signs too. */
  agreement: { voucher: SignedVoucher } | { signer: PublicKey }
  feeAccount?: PublicKey
}

export function closeLease(args: CloseLease): TransactionInstruction[] {
  const { programId, lease, parties, agreement } = args
  const close = instruction(
    programId,
    'closeLease',
    [
      signs(args.node),
      read(parties.market),
      write(parties.provider),
      write(lease),
      write(vaultAddress(programId, lease)),
      write(parties.payout),
      feeSlot(args.feeAccount, programId),
      write(args.refund),
      write(parties.renter),
      'voucher' in agreement ? read(SYSVAR_INSTRUCTIONS_PUBKEY) : signs(agreement.signer),
      read(TOKEN_PROGRAM_ID),
    ],
    u8('voucher' in agreement ? WITH_FINAL_VOUCHER : BY_BOTH),
  )
  return 'voucher' in agreement ? [verifyMessage(parties.session, agreement.voucher), close] : [close]
}

/** Without a fee the slot is filled by the program's own address, which nothing is ever sent to. */
function feeSlot(feeAccount: PublicKey | undefined, programId: PublicKey): Meta {
  return feeAccount === undefined ? read(programId) : write(feeAccount)
}

export interface CancelLease {
  programId: PublicKey
  lease: PublicKey
  /** The renter's wallet or its session key. */
  signer: PublicKey
}

export function cancelLease({ programId, lease, signer }: CancelLease): TransactionInstruction {
  return instruction(programId, 'cancelLease', [signs(signer), write(lease)])
}

export interface ExpireLease {
  programId: PublicKey
  lease: PublicKey
  parties: LeaseParties
  mint: PublicKey
  refund: PublicKey
}

/** Ends a lease after its deadline; anybody may send it. */
export function expireLease(args: ExpireLease): TransactionInstruction {
  const { programId, lease, parties } = args
  return instruction(programId, 'expireLease', [
    read(parties.market),
    write(parties.provider),
    write(vaultAddress(programId, parties.provider)),
    write(args.mint),
    write(lease),
    write(vaultAddress(programId, lease)),
    write(args.refund),
    write(parties.renter),
    read(TOKEN_PROGRAM_ID),
  ])
}

export interface Complete {
  programId: PublicKey
  node: PublicKey
  provider: PublicKey
  lease: PublicKey
  /** Digest of the output, 32 bytes. */
  output: Uint8Array
}

export function complete({ programId, node, provider, lease, output }: Complete): TransactionInstruction {
  return instruction(programId, 'complete', [signs(node), read(provider), write(lease)], output)
}

export interface RequestUnstake {
  programId: PublicKey
  market: PublicKey
  provider: PublicKey
  owner: PublicKey
  /** Replaces an earlier request; 0 takes it back. */
  amount: bigint
}

export function requestUnstake(args: RequestUnstake): TransactionInstruction {
  const keys = [signs(args.owner), read(args.market), write(args.provider)]
  return instruction(args.programId, 'requestUnstake', keys, u64(args.amount))
}

export interface WithdrawStake {
  programId: PublicKey
  provider: PublicKey
  owner: PublicKey
  /** Token account that gets the stake. */
  destination: PublicKey
}

export function withdrawStake({
  programId,
  provider,
  owner,
  destination,
}: WithdrawStake): TransactionInstruction {
  return instruction(programId, 'withdrawStake', [
    signs(owner),
    write(provider),
    write(vaultAddress(programId, provider)),
    write(destination),
    read(TOKEN_PROGRAM_ID),
  ])
}

export interface SetPayout {
  programId: PublicKey
  market: PublicKey
  provider: PublicKey
  owner: PublicKey
  payout: PublicKey
}

export function setPayout({ programId, market, provider, owner, payout }: SetPayout): TransactionInstruction {
  return instruction(programId, 'setPayout', [signs(owner), read(market), write(provider), read(payout)])
}

export function closeProvider({
  programId,
  provider,
  owner,
  destination,
}: WithdrawStake): TransactionInstruction {
  return instruction(programId, 'closeProvider', [
    pays(owner),
    write(provider),
    write(vaultAddress(programId, provider)),
    write(destination),
    read(TOKEN_PROGRAM_ID),
  ])
}

export interface UpdateMarket {
  programId: PublicKey
  market: PublicKey
  governance: PublicKey
  terms: NewTerms
}

/** Announces new terms, which take effect after the market's delay. */
export function updateMarket({ programId, market, governance, terms }: UpdateMarket): TransactionInstruction {
  return instruction(programId, 'updateMarket', [signs(governance), write(market)], encodeTerms(terms))
}

export interface ExtendLease {
  programId: PublicKey
  lease: PublicKey
  parties: LeaseParties & Pick<Lease, 'pricePerHour' | 'durationSeconds' | 'deposit'>
  node: PublicKey
  /** Token account that the further deposit comes from. */
  source: PublicKey
  /** How much longer. */
  seconds: number
  /** Of the market's terms in force. */
  bondBps: number
}

/** Both the renter's wallet and the node's key must sign. */
export function extendLease(args: ExtendLease): TransactionInstruction {
  const { programId, lease, parties } = args
  const total = depositFor(parties.pricePerHour, parties.durationSeconds + args.seconds)
  const deposit = total - parties.deposit
  return instruction(
    programId,
    'extendLease',
    [
      signs(parties.renter),
      signs(args.node),
      read(parties.market),
      write(parties.provider),
      write(lease),
      write(vaultAddress(programId, lease)),
      write(args.source),
      read(TOKEN_PROGRAM_ID),
    ],
    u64(args.seconds),
    u64(deposit),
    u64(bondFor(deposit, args.bondBps)),
  )
}
