import { TOKEN_PROGRAM_ID } from '@solana/spl-token'
import {
  type PublicKey,
  SYSVAR_INSTRUCTIONS_PUBKEY,
  SystemProgram,
  type TransactionInstruction,
} from '@solana/web3.js'
import { disputeAddress, vaultAddress, verdictAddress } from './addresses.js'
import { instruction, pays, read, signs, u32, write } from './encoding.js'
import { type SignedMessage, verifyMessage } from './instructions.js'
import type { Dispute } from './layouts.js'

/**
 * Builders for showing on the chain that a proof was false: `openDispute` with the signed receipt, `postOpening` with one entry of
 * it, `computeEntry` as often as it says, `slashFraud`.
 */
export interface OpenDispute {
  programId: PublicKey
  /** Pays the rent of the dispute and gets it back; gets the bounty. */
  reporter: PublicKey
  provider: PublicKey
  /** The node's key, which signed the receipt. */
  node: PublicKey
  receipt: SignedMessage
  /** SHA-256 of the receipt. */
  receiptHash: Uint8Array
}

/** Two instructions that must stay neighbours. */
export function openDispute(args: OpenDispute): TransactionInstruction[] {
  const { programId, reporter, receiptHash } = args
  return [
    verifyMessage(args.node, args.receipt),
    instruction(programId, 'openDispute', [
      pays(reporter),
      read(args.provider),
      write(disputeAddress(programId, reporter, receiptHash)),
      read(SYSVAR_INSTRUCTIONS_PUBKEY),
      read(SystemProgram.programId),
    ]),
  ]
}

/** A digest entry, the segment that holds it, and the siblings from its leaf to the root. */
export interface Opening {
  round: number
  row: number
  column: number
  segment: Uint8Array
  path: readonly Uint8Array[]
}

/** Bytes of segment and siblings that fit into one transaction beside everything else. */
const OPENING_BYTES = 900

/** Shows an entry; one instruction per transaction, in this order. */
export function postOpening(
  programId: PublicKey,
  reporter: PublicKey,
  dispute: PublicKey,
  opening: Opening,
): TransactionInstruction[] {
  const keys = () => [signs(reporter), write(dispute)]
  const fitting = Math.floor((OPENING_BYTES - opening.segment.length) / 32)
  const first = instruction(
    programId,
    'postOpening',
    keys(),
    u32(opening.round),
    u32(opening.row),
    u32(opening.column),
    opening.segment,
    ...opening.path.slice(0, fitting),
  )
  const rest = opening.path.slice(fitting)
  return rest.length === 0 ? [first] : [first, instruction(programId, 'postPath', keys(), ...rest)]
}

/** Pairs of inner steps whose computation fits into one transaction of 1.4 M compute units, slash included. */
export const PAIRS_PER_TRANSACTION = 2_048

/** The computations that must precede `slashFraud` for a proof of this n; one per transaction. */
export function computeEntry(programId: PublicKey, dispute: PublicKey, n: number): TransactionInstruction[] {
  const before = Math.ceil(n / 2 / PAIRS_PER_TRANSACTION) - 1
  return Array.from({ length: before }, () =>
    instruction(programId, 'computeEntry', [write(dispute)], u32(PAIRS_PER_TRANSACTION)),
  )
}

/** Per pair of inner steps, measured and rounded up. */
const UNITS_PER_PAIR = 370
const SLASH_UNITS = 40_000

/** Compute units to ask for in `slashFraud` of a proof of this n, after the `computeEntry` transactions that it needs. */
export function slashComputeUnits(n: number): number {
  return SLASH_UNITS + UNITS_PER_PAIR * Math.min(n / 2, PAIRS_PER_TRANSACTION)
}

export interface SlashFraud {
  programId: PublicKey
  dispute: PublicKey
  /** The dispute as decoded. */
  state: Pick<Dispute, 'market' | 'provider' | 'lease' | 'reporter' | 'receiptHash'>
  mint: PublicKey
  /** Token account that gets the bounty. */
  bounty: PublicKey
  /** Token account of the renter of the receipt's lease; any account when there is none open. */
  refund: PublicKey
}

export function slashFraud(args: SlashFraud): TransactionInstruction {
  const { programId, state } = args
  // A receipt outside a lease names the zero address, which is the system program's and is never written to.
  const lease = state.lease.equals(SystemProgram.programId) ? read(state.lease) : write(state.lease)
  return instruction(programId, 'slashFraud', [
    pays(state.reporter),
    read(state.market),
    write(state.provider),
    write(vaultAddress(programId, state.provider)),
    write(args.mint),
    write(args.bounty),
    write(args.dispute),
    write(verdictAddress(programId, state.provider, state.receiptHash)),
    lease,
    write(args.refund),
    read(TOKEN_PROGRAM_ID),
    read(SystemProgram.programId),
  ])
}

/** Gives a dispute up; its rent goes back to the reporter. */
export function closeDispute(
  programId: PublicKey,
  reporter: PublicKey,
  dispute: PublicKey,
): TransactionInstruction {
  return instruction(programId, 'closeDispute', [pays(reporter), write(dispute)])
}

/** Gives the rent of a verdict back to its reporter, once the provider has ended the registration that was slashed. */
export function closeVerdict(
  programId: PublicKey,
  reporter: PublicKey,
  provider: PublicKey,
  receiptHash: Uint8Array,
): TransactionInstruction {
  const verdict = verdictAddress(programId, provider, receiptHash)
  return instruction(programId, 'closeVerdict', [write(reporter), read(provider), write(verdict)])
}
