import { sampleFolds, verifyMemoryOpenings } from '../../kernels/proof/verifier.js'
import { digest, equal } from '../../protocols/bytes.js'
import { NONCE_BYTES, type ProofParams } from '../../protocols/challenge/params.js'
import { decodeRecall, type RecallReceipt } from '../../protocols/challenge/recall.js'
import type { ChallengeRequest, ChallengeResponse } from '../../protocols/challenge/wire.js'
import type { Clock, Random } from '../../protocols/ports.js'
import type { Session } from '../net/session.js'
import { type Failed, judgeOpenings, type Phase, readReceipt } from './receipt.js'

const SECOND: Phase<RecallReceipt> = { decode: decodeRecall, receipt: 'RECALL', opening: 'FOLD' }

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
  const recalled = await readReceipt(SECOND, peer, first.recalled, (receipt) => [
    [equal(receipt.receiptHash, digest(facts.receipt)), 'first receipt'],
    [equal(receipt.nonce, nonce), 'nonce'],
  ])
  if ('reason' in recalled) return outcome(recalled)

  const entries = sampleFolds(params, facts.folds, random)
  await session.send({ openFolds: { entries } })
  const second = await session.receive()
  if (second?.openings === undefined) {
    return outcome({ reason: 'FOLD_MISSING', detail: second?.declined?.detail ?? 'no openings came' })
  }
  const checkedAt = clock.elapsed()
  const claim = { seed, params, nonce, root: recalled.root }
  const failed = judgeOpenings(SECOND, verifyMemoryOpenings(claim, entries, second.openings.openings))
  return outcome(failed, clock.elapsed() - checkedAt)
}
