import { sampleFolds, verifyMemoryOpenings } from '../../kernels/proof/verifier.js'
import { digest, equal } from '../../protocols/bytes.js'
import { NONCE_BYTES, type ProofParams } from '../../protocols/challenge/params.js'
import { decodeRecall, type RecallReceipt } from '../../protocols/challenge/recall.js'
import type { ChallengeFailure } from '../../protocols/challenge/rules.js'
import type { ChallengeRequest, ChallengeResponse, SignedReceipt } from '../../protocols/challenge/wire.js'
import { solanaKeyOf } from '../../protocols/peer.js'
import type { Clock, Random } from '../../protocols/ports.js'
import { verifySignature } from '../../protocols/signature.js'
import type { Session } from '../net/session.js'

type Failed = { reason: ChallengeFailure; detail: string }

export interface RecallOutcome {
  /** From sending the nonce to the second root's arrival, less the round trip. Milliseconds. */
  recallMs: number
  checkingMs: number
  failed?: Failed
}

/** The memory phase of a challenge whose first phase has passed: the products must still be there. */
export async function recallProducts(
  parts: { clock: Clock; random: Random },
  session: Session<ChallengeRequest, ChallengeResponse>,
  facts: {
    peer: string
    /** The signed bytes of the first phase. */
    receipt: Uint8Array
    seed: Uint8Array
    params: ProofParams
    /** How many random folds are opened. */
    folds: number
    roundTripMs: number
  },
): Promise<RecallOutcome> {
  const { clock, random } = parts
  const { peer, seed, params } = facts
  const nonce = random.bytes(NONCE_BYTES)
  const askedAt = clock.elapsed()
  await session.send({ recall: { nonce } })
  const first = await session.receive()
  const recallMs = Math.max(0, clock.elapsed() - askedAt - facts.roundTripMs)
  const outcome = (failed?: Failed, checkingMs = 0): RecallOutcome => ({
    recallMs,
    checkingMs,
    ...(failed === undefined ? {} : { failed }),
  })
  if (first?.recalled === undefined) {
    const said = first?.declined
    return outcome({
      reason: 'RECALL_MISSING',
      detail: said === undefined ? 'no second root came' : `${said.reason}: ${said.detail}`,
    })
  }
  const recalled = await checkRecalled(first.recalled, { peer, nonce, receipt: facts.receipt })
  if ('reason' in recalled) return outcome(recalled)

  const entries = sampleFolds(params, facts.folds, random)
  await session.send({ openFolds: { entries } })
  const second = await session.receive()
  if (second?.openings === undefined) {
    return outcome({ reason: 'FOLD_MISSING', detail: second?.declined?.detail ?? 'no openings came' })
  }
  const checkedAt = clock.elapsed()
  const claim = { seed, params, nonce, root: recalled.root }
  const failed = judgeFolds(verifyMemoryOpenings(claim, entries, second.openings.openings))
  return outcome(failed, clock.elapsed() - checkedAt)
}

async function checkRecalled(
  signed: SignedReceipt,
  facts: { peer: string; nonce: Uint8Array; receipt: Uint8Array },
): Promise<RecallReceipt | Failed> {
  const recalled = decodeRecall(signed.receipt)
  if (recalled === undefined) {
    return { reason: 'RECALL_MALFORMED', detail: 'the second receipt cannot be decoded' }
  }
  if (!equal(recalled.receiptHash, digest(facts.receipt))) {
    return { reason: 'RECALL_DIFFERS', detail: 'it belongs to another first receipt' }
  }
  if (!equal(recalled.nonce, facts.nonce)) {
    return { reason: 'RECALL_DIFFERS', detail: 'it names another nonce' }
  }
  if (!(await verifySignature(solanaKeyOf(facts.peer), signed.receipt, signed.signature))) {
    return { reason: 'RECALL_BAD_SIGNATURE', detail: 'not signed by the provider' }
  }
  return recalled
}

/** The kernel's own words for what is wrong with an opened fold, as a failure of the challenge. */
function judgeFolds(verdict: ReturnType<typeof verifyMemoryOpenings>): Failed | undefined {
  if ('ok' in verdict) return undefined
  const reasons: Record<typeof verdict.refused, ChallengeFailure> = {
    CLAIM_MALFORMED: 'RECALL_MALFORMED',
    OPENING_MISSING: 'FOLD_MISSING',
    OPENING_OF_ANOTHER_ENTRY: 'FOLD_MALFORMED',
    SEGMENT_MALFORMED: 'FOLD_MALFORMED',
    PATH_MALFORMED: 'FOLD_MALFORMED',
    PATH_MISMATCH: 'FOLD_OUTSIDE_ROOT',
    ENTRY_MISMATCH: 'FOLD_DIFFERS',
  }
  return { reason: reasons[verdict.refused], detail: verdict.detail }
}
