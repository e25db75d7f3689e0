import { FOLD, flops, type ProofParams, residentBytes } from './params.js'

/** Why a challenge failed, as the asker records it. Each is a different lie, or a different fault. */
export type ChallengeFailure =
  | 'DECLINED'
  | 'RECEIPT_MALFORMED'
  | 'RECEIPT_DIFFERS'
  | 'RECEIPT_BAD_SIGNATURE'
  | 'OPENING_MISSING'
  | 'OPENING_MALFORMED'
  | 'OPENING_OUTSIDE_ROOT'
  | 'OPENING_DIFFERS'
  | 'RECALL_MISSING'
  | 'RECALL_MALFORMED'
  | 'RECALL_DIFFERS'
  | 'RECALL_BAD_SIGNATURE'
  | 'FOLD_MISSING'
  | 'FOLD_MALFORMED'
  | 'FOLD_OUTSIDE_ROOT'
  | 'FOLD_DIFFERS'
  | 'TOO_SLOW'
  | 'UNREACHABLE'

export interface ChallengeVerdict {
  ok: boolean
  reason?: ChallengeFailure
  detail?: string
  /** From sending the seed to the receipt's arrival, less the measured round trip. Milliseconds. */
  provingMs: number
  /** The same for the memory phase, from the nonce to the second root; absent where there was none. */
  recallMs?: number
  /** What the asker spent on checking. Milliseconds. */
  checkingMs: number
}

/** Failures that prove a lie: they cost the provider its standing at once, an unreachable peer's do not. */
const LIES: readonly string[] = [
  'RECEIPT_DIFFERS',
  'RECEIPT_BAD_SIGNATURE',
  'OPENING_OUTSIDE_ROOT',
  'OPENING_DIFFERS',
  'RECALL_DIFFERS',
  'RECALL_BAD_SIGNATURE',
  'FOLD_OUTSIDE_ROOT',
  'FOLD_DIFFERS',
] satisfies ChallengeFailure[]

export function isLie(failure: string): boolean {
  return LIES.includes(failure)
}

/** Failures after which a provider that signed a receipt still owes the opening: its word alone does not excuse it. */
const OWING: readonly ChallengeFailure[] = [
  'OPENING_MISSING',
  'OPENING_MALFORMED',
  'OPENING_OUTSIDE_ROOT',
  'TOO_SLOW',
  'UNREACHABLE',
]

/**
 * Whether the chain should ask for the opening. Who was only cut off answers there at its leisure, and is paid for it; who has
 * nothing under its root cannot.
 */
export function owesOpening(failure: ChallengeFailure): boolean {
  return OWING.includes(failure)
}

const GIGA = 1e9
/** Up to here a verifier checks an opening in milliseconds, and a round is read back in bearable time. */
const LARGEST_N = 16_384
const MOST_ROUNDS = 16
/** The memory phase shares the device with what lies on it already. */
const RESIDENT_SHARE = 0.5
/** Of a device whose size is not known. */
const RESIDENT_BYTES = 2 ** 28

/**
 * Parameters that should take a device of the claimed speed about `seconds`: the largest product of which it makes two
 * or more in that time, because small ones are dominated by latency, and as many of them as fit time and memory. Always
 * a size that allows the memory phase.
 */
export function planChallenge(claim: { gflops: number; memoryBytes: number }, seconds: number): ProofParams {
  const budget = Math.max(0, Number.isFinite(claim.gflops) ? claim.gflops : 0) * GIGA * seconds
  let n: number = FOLD
  while (
    n < LARGEST_N &&
    2 * flops({ n: 2 * n, rounds: 1 }) <= budget &&
    mayStay({ n: 2 * n, rounds: 1 }, claim.memoryBytes)
  ) {
    n *= 2
  }
  let rounds = Math.min(MOST_ROUNDS, Math.max(1, Math.floor(budget / flops({ n, rounds: 1 }))))
  while (rounds > 1 && !mayStay({ n, rounds }, claim.memoryBytes)) rounds--
  return { n, rounds }
}

/** Whether the products of a proof may stay on a device of this size for the memory phase; zero: not known. */
export function mayStay(params: ProofParams, memoryBytes: number): boolean {
  const most = memoryBytes > 0 ? RESIDENT_SHARE * memoryBytes : RESIDENT_BYTES
  return residentBytes(params) <= most
}
