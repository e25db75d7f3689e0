import { TOKEN_PROGRAM_ID } from '@solana/spl-token'
import type { PublicKey } from '@solana/web3.js'
import { NightshiftError } from '../../protocols/errors.js'

/**
 * The escrow program's refusals by number (`chain/program/src/error.rs`, first number 6000), each with what to do about it.
 * The code of the resulting error is `ESCROW_` and the name.
 */
export const FIRST_ERROR = 6000

const ADVICE = {
  UNKNOWN_INSTRUCTION: 'Update this client, or check that the program id names the escrow program.',
  MALFORMED_INSTRUCTION: 'Build instructions with this client instead of by hand.',
  WRONG_ACCOUNT_COUNT: 'Build instructions with this client instead of by hand.',
  MISSING_SIGNATURE: 'Have the named party sign the transaction.',
  NOT_WRITABLE: 'Mark the account as writable, as the builders of this client do.',
  WRONG_PROGRAM: 'Pass the classic token program and the system program.',
  WRONG_SYSVAR: 'Pass the instructions sysvar.',
  WRONG_OWNER:
    'The account does not belong to the escrow program; it may have been closed. Read the chain again.',
  WRONG_KIND: 'Another kind of account was passed; check the addresses.',
  WRONG_ADDRESS: 'Derive the address with this client; it is not the one that the seeds give.',
  ALREADY_EXISTS: 'It exists already; read it from the chain, or use another order for a new lease.',
  WRONG_MARKET: 'The accounts belong to different markets; use those of one market.',
  WRONG_MINT: "Use the market's own token; wrapped SOL and Token-2022 are not accepted.",
  WRONG_TOKEN_ACCOUNT:
    'Pass an open token account of the right wallet without delegate or close authority, or the payout account named at the opening.',
  WRONG_PROVIDER: 'Pass the provider account that the lease names.',
  WRONG_LEASE: 'Pass the lease that the receipt names.',
  WRONG_AUTHORITY: 'Sign with the key that the account names for this.',
  DUPLICATE_ACCOUNT: 'Two accounts that must differ are the same; check the token accounts.',
  PARAMETER_OUT_OF_RANGE: 'Keep market parameters within the bounds given in chain/README.md.',
  AMOUNT_OUT_OF_RANGE:
    'Amounts, prices and durations must be above zero and within the bounds given in chain/README.md.',
  BELOW_MINIMUM_STAKE: "Stake at least the market's minimum, or ask for all of it back.",
  INSUFFICIENT_STAKE: 'Add stake, or wait until open leases release their bonds.',
  TERMS_CHANGED: "Read the market's terms again and let both sides sign anew.",
  VOUCHER_MISSING: 'Put the Ed25519 instruction that verifies the voucher right before this instruction.',
  VOUCHER_MALFORMED: 'Build the Ed25519 instruction with this client, over the bytes of encodeVoucher.',
  VOUCHER_FOREIGN: 'The voucher is for another lease, or for an earlier lease at the same address.',
  VOUCHER_WRONG_KEY: "Only vouchers signed by the lease's session key count.",
  VOUCHER_STALE: 'A later voucher was settled already; nothing is lost.',
  VOUCHER_ABOVE_DEPOSIT: 'Ask the renter for a voucher within the deposit.',
  VOUCHER_NOT_FINAL: 'Closing needs a voucher marked FINAL; settle this one instead.',
  LEASE_ENDED: 'The deadline has passed; settle vouchers and let the lease expire.',
  LEASE_NOT_ENDED: 'Wait for the deadline, or close the lease by agreement.',
  ALREADY_CANCELLED: 'Wait for the deadline; the lease was cancelled before.',
  ALREADY_COMPLETED: 'Nothing to do; the completion was posted before.',
  COOLING_DOWN: 'Wait until the cool-down has passed.',
  NOTHING_TO_WITHDRAW: 'Ask for stake back first, and wait for the cool-down.',
  PROVIDER_BUSY: 'Close all leases and withdraw the whole stake first.',
  CLOCK_UNAVAILABLE: 'The cluster gives programs no clock; use another cluster.',
  LEASE_VOID:
    'The provider was slashed in this lease: no voucher is paid any more; fetch the deposit with expireLease.',
  RECEIPT_MISSING: 'Put the Ed25519 instruction that verifies the receipt right before this instruction.',
  RECEIPT_MALFORMED:
    'Only receipts of this version, with parameters within the bounds of the kernel, can be disputed.',
  RECEIPT_FOREIGN:
    'The receipt is not of this provider, or of another market; pass the account of the one that signed.',
  RECEIPT_TOO_OLD: 'The receipt is older than the registration; that stake is gone.',
  OPENING_MALFORMED:
    'Send the segment and the siblings of the path as the prover gave them, each sibling once.',
  OPENING_OUT_OF_RANGE: 'The entry lies outside the proof; check round, row and column.',
  OPENING_PATH_MISMATCH: 'Path and segment do not lead to the root that was signed.',
  OPENING_INCOMPLETE: 'Post the opening and its whole path first.',
  ENTRY_IS_RIGHT: 'The entry is what it must be: there is nothing to punish.',
  ALREADY_SLASHED: 'This receipt was punished before.',
  PROVIDER_STILL_REGISTERED:
    'Wait until the registration has ended; the verdict guards it against being slashed twice.',
  DEMAND_OPEN: 'An opening is demanded in this dispute: wait for the answer, or for its time to be over.',
  NOT_DEMANDED: 'No opening is demanded in this dispute, or it was given already; read it again.',
  ANSWER_NOT_OVERDUE: 'Wait until the time that the dispute names: the provider may still answer.',
  LEASE_DEMANDED:
    'Wait for the answer to the demand that is open in this lease; after a silence there is no further one.',
  RECEIPT_EXPIRED: 'An opening can be demanded for a day after the proof; ask for a new proof.',
} as const

export type EscrowErrorName = keyof typeof ADVICE

export const ERROR_NAMES = Object.keys(ADVICE) as EscrowErrorName[]

/** The escrow program's error of this number, or undefined when it has none. */
export function escrowError(
  number: number,
  context: Record<string, unknown> = {},
): NightshiftError | undefined {
  const name = ERROR_NAMES[number - FIRST_ERROR]
  if (name === undefined) return undefined
  const sentence = name.toLowerCase().replaceAll('_', ' ')
  return new NightshiftError(`ESCROW_${name}`, `the escrow program refused: ${sentence}`, {
    advice: ADVICE[name],
    context: { ...context, number },
  })
}

/** A transaction that failed on the chain or in a simulation: the error as RPC gives it, and the logs. */
export interface Failure {
  error: unknown
  logs: readonly string[]
}

/** What the token program refuses in transfers that the escrow program asks it for; numbers of `TokenError` in spl-token. */
const TOKEN_ERRORS: Record<number, { code: string; message: string; advice: string }> = {
  1: {
    code: 'CHAIN_INSUFFICIENT_TOKENS',
    message: 'the token account holds less than the transaction moves',
    advice: 'Fund the token account, or lower the amount.',
  },
  3: {
    code: 'CHAIN_TOKEN_MINT',
    message: 'the token account holds another token',
    advice: "Use a token account of the market's mint.",
  },
  4: {
    code: 'CHAIN_TOKEN_OWNER',
    message: 'the signer may not spend from the token account',
    advice: 'Name a token account that the signing wallet owns.',
  },
  17: {
    code: 'CHAIN_TOKEN_FROZEN',
    message: 'the token account is frozen by the authority of its mint',
    advice: 'Use another token account of the same wallet, or ask the issuer of the token.',
  },
}

/**
 * Names the reason of a failed transaction. Only a custom error of the escrow program itself gets an ESCROW code: the logs tell
 * which program failed first, because programs number their errors independently.
 */
export function explainFailure(programId: PublicKey, failure: Failure): NightshiftError {
  const failed = firstFailure(failure.logs)
  const context = { error: failure.error, logs: failure.logs }
  if (failed?.program === programId.toBase58() && failed.custom !== undefined) {
    const known = escrowError(failed.custom, context)
    if (known !== undefined) return known
  }
  const ofToken =
    failed?.program === TOKEN_PROGRAM_ID.toBase58() ? TOKEN_ERRORS[failed.custom ?? -1] : undefined
  if (ofToken !== undefined) {
    return new NightshiftError(ofToken.code, ofToken.message, { advice: ofToken.advice, context })
  }
  if (insufficientLamports(failure)) {
    return new NightshiftError('CHAIN_INSUFFICIENT_LAMPORTS', 'the wallet cannot pay fees or rent', {
      advice: 'Send SOL to the wallet (on a local chain: an airdrop).',
      context,
    })
  }
  const reason = typeof failure.error === 'string' ? failure.error : JSON.stringify(failure.error)
  return new NightshiftError('CHAIN_TRANSACTION_FAILED', `the transaction failed: ${reason}`, {
    advice: 'Read the logs in the context of this error.',
    context,
  })
}

/** The innermost failure comes first in the logs; outer programs then report the same one. */
function firstFailure(logs: readonly string[]): { program: string; custom: number | undefined } | undefined {
  for (const line of logs) {
    const match = /^Program (\w+) failed: (?:custom program error: 0x([0-9a-f]+))?/.exec(line)
    if (match !== null) {
      return {
        program: match[1]!,
        custom: match[2] === undefined ? undefined : Number.parseInt(match[2], 16),
      }
    }
  }
  return undefined
}

function insufficientLamports(failure: Failure): boolean {
  const text = typeof failure.error === 'string' ? failure.error : JSON.stringify(failure.error)
  return (
    /InsufficientFundsForFee|InsufficientFundsForRent|AccountNotFound/.test(text ?? '') ||
    failure.logs.some((line) => line.includes('Transfer: insufficient lamports'))
  )
}
