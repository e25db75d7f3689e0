import type { Opening } from '../../kernels/proof/opening.js'
import type { verifyMemoryOpenings, verifyOpenings } from '../../kernels/proof/verifier.js'
import type { ChallengeFailure } from '../../protocols/challenge/rules.js'
import type { SignedReceipt } from '../../protocols/challenge/wire.js'
import { solanaKeyOf } from '../../protocols/peer.js'
import { verifySignature } from '../../protocols/signature.js'

/** Why a phase of a challenge failed; with the opening that the chain can judge, if there is one. */
export interface Failed {
  reason: ChallengeFailure
  detail: string
  opening?: Opening
}

/** Both phases of a challenge are a signed root and openings of it, and go wrong in the same ways. */
export interface Phase<Receipt> {
  /** Strict: undefined for anything that is no receipt of this phase. */
  decode(bytes: Uint8Array): Receipt | undefined
  /** The first part of the name of each failure, of the receipt and of an opening. */
  receipt: 'RECEIPT' | 'RECALL'
  opening: 'OPENING' | 'FOLD'
}

/** What a receipt must say, each with the name of what differs when it does not. */
export type Expectation = readonly [holds: boolean, name: string]

/** Reads a receipt that a peer must have signed: its form, what it says, the signature. */
export async function readReceipt<Receipt>(
  phase: Phase<Receipt>,
  peer: string,
  signed: SignedReceipt,
  expect: (receipt: Receipt) => readonly Expectation[],
): Promise<Receipt | Failed> {
  const receipt = phase.decode(signed.receipt)
  if (receipt === undefined) {
    return { reason: `${phase.receipt}_MALFORMED`, detail: 'the receipt cannot be decoded' }
  }
  const [, differs] = expect(receipt).find(([holds]) => !holds) ?? []
  if (differs !== undefined) {
    return { reason: `${phase.receipt}_DIFFERS`, detail: `it names another ${differs}` }
  }
  if (await verifySignature(solanaKeyOf(peer), signed.receipt, signed.signature)) return receipt
  return { reason: `${phase.receipt}_BAD_SIGNATURE`, detail: 'not signed by the provider' }
}

type OpeningsVerdict = ReturnType<typeof verifyOpenings> | ReturnType<typeof verifyMemoryOpenings>

/** The kernel's own words for what is wrong with an opening, as a failure of the challenge. */
export function judgeOpenings(
  { receipt, opening: word }: Pick<Phase<unknown>, 'receipt' | 'opening'>,
  verdict: OpeningsVerdict,
): Failed | undefined {
  if ('ok' in verdict) return undefined
  const { refused, detail } = verdict
  const reasons: Record<typeof refused, ChallengeFailure> = {
    CLAIM_MALFORMED: `${receipt}_MALFORMED`,
    OPENING_MISSING: `${word}_MISSING`,
    OPENING_OF_ANOTHER_ENTRY: `${word}_MALFORMED`,
    SEGMENT_MALFORMED: `${word}_MALFORMED`,
    PATH_MALFORMED: `${word}_MALFORMED`,
    PATH_MISMATCH: `${word}_OUTSIDE_ROOT`,
    ENTRY_MISMATCH: `${word}_DIFFERS`,
  }
  // The program on the chain recomputes entries of the digest; it does not know folds.
  const isEvidence = word === 'OPENING' && refused === 'ENTRY_MISMATCH'
  const { opening } = verdict
  return { reason: reasons[refused], detail, ...(isEvidence && opening !== undefined && { opening }) }
}
