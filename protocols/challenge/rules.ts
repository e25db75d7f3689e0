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
  | 'TOO_SLOW'
  | 'UNREACHABLE'

export interface ChallengeVerdict {
  ok: boolean
  reason?: ChallengeFailure
  detail?: string
  /** From sending the seed to the receipt's arrival, less the measured round trip. Milliseconds. */
  provingMs: number
  /** What the asker spent on checking. Milliseconds. */
  checkingMs: number
}

/** Failures that prove a lie: they cost the provider its standing at once, an unreachable peer's do not. */
const LIES: readonly ChallengeFailure[] = [
  'RECEIPT_DIFFERS',
  'RECEIPT_BAD_SIGNATURE',
  'OPENING_OUTSIDE_ROOT',
  'OPENING_DIFFERS',
]

export function isLie(failure: ChallengeFailure): boolean {
  return LIES.includes(failure)
}
