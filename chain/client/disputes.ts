import { TOKEN_PROGRAM_ID } from '@solana/spl-token'
import {
  type PublicKey,
  SYSVAR_INSTRUCTIONS_PUBKEY,
  SystemProgram,
  type TransactionInstruction,
} from '@solana/web3.js'
import { disputeAddress, vaultAddress, verdictAddress } from './addresses.js'
import { instruction, pays, read, signs, u8, u32, write } from './encoding.js'
import { type SignedMessage, verifyMessage } from './instructions.js'
import type { Dispute } from './layouts.js'

/**
 * Builders for showing on the chain that a proof was false: `openDispute` with the signed receipt, `postOpening` with one entry of
 * it, `computeEntry` as often as it says, `slashFraud`. A provider that does not open the entry is asked for it on the chain:
 * `openDispute`, `demandOpening`, and then its `answerOpening`, or `slashSilent` when that is overdue.
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

/** Which digest entry of a proof. */
export interface Entry {
  round: number
  row: number
  column: number
}

/** A digest entry, the segment that holds it, and the siblings from its leaf to the root. */
export interface Opening extends Entry {
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
  const { segment, path, rest } = split(opening)
  const first = instruction(programId, 'postOpening', keys(), ...place(opening), segment, ...path)
  return rest.length === 0 ? [first] : [first, instruction(programId, 'postPath', keys(), ...rest)]
}

/** What fits into one transaction, and what has to follow in a second. */
function split({ segment, path }: Pick<Opening, 'segment' | 'path'>) {
  const fitting = Math.floor((OPENING_BYTES - segment.length) / 32)
  return { segment, path: path.slice(0, fitting), rest: path.slice(fitting) }
}

function place({ round, row, column }: Entry): Uint8Array[] {
  return [u32(round), u32(row), u32(column)]
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

/** Lamports that a demand puts down; they are the node's when it answers, and come back when it does not. */
export const DEMAND_BOND = 1_000_000

/** For so long, in seconds, an opening can be demanded of a receipt. */
export const RECEIPT_LIFE_SECONDS = 86_400

export interface DemandOpening {
  programId: PublicKey
  /** The renter's wallet that opened the lease and the dispute; puts down the demand's bond. */
  reporter: PublicKey
  provider: PublicKey
  /** The lease that the receipt names; must be open. */
  lease: PublicKey
  dispute: PublicKey
  entry: Entry
}

/** Demands that the provider opens an entry of the dispute's receipt. */
export function demandOpening(args: DemandOpening): TransactionInstruction {
  return instruction(
    args.programId,
    'demandOpening',
    [
      pays(args.reporter),
      write(args.provider),
      write(args.lease),
      write(args.dispute),
      read(SystemProgram.programId),
    ],
    ...place(args.entry),
  )
}

export interface AnswerOpening {
  programId: PublicKey
  /** Pays the fees and gets the demand's bond. */
  node: PublicKey
  dispute: PublicKey
  /** The dispute as decoded. */
  state: Pick<Dispute, 'provider' | 'lease'>
  opening: Pick<Opening, 'segment' | 'path'>
}

const SEGMENT = 0
const PATH = 1

/** The provider's answer; one instruction per transaction, in this order. */
export function answerOpening(args: AnswerOpening): TransactionInstruction[] {
  const { programId, node, dispute, state, opening } = args
  const answer = (kind: number, ...fields: Uint8Array[]) => {
    const keys = [pays(node), write(state.provider), write(state.lease), write(dispute)]
    return instruction(programId, 'answerOpening', keys, u8(kind), ...fields)
  }
  const { segment, path, rest } = split(opening)
  const first = answer(SEGMENT, segment, ...path)
  return rest.length === 0 ? [first] : [first, answer(PATH, ...rest)]
}

export interface SlashSilent {
  programId: PublicKey
  dispute: PublicKey
  /** The dispute as decoded. */
  state: Pick<Dispute, 'market' | 'provider' | 'reporter'>
  mint: PublicKey
}

/** Ends a demand whose answer is overdue; anyone may. */
export function slashSilent({ programId, dispute, state, mint }: SlashSilent): TransactionInstruction {
  return instruction(programId, 'slashSilent', [
    write(state.reporter),
    read(state.market),
    write(state.provider),
    write(vaultAddress(programId, state.provider)),
    write(mint),
    write(dispute),
    read(TOKEN_PROGRAM_ID),
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
