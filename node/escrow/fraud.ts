import { PublicKey } from '@solana/web3.js'
import { openDispute, postOpening } from '../../chain/client/disputes.js'
import { decodeDispute, type RawAccount } from '../../chain/client/layouts.js'
import { COMPUTE_UNITS } from '../../chain/client/transactions.js'
import { codeOf, isRefusal, type Refusal } from '../../protocols/errors.js'
import {
  amountsOf,
  type Case,
  type DisputeParts,
  giveUp,
  judging,
  locate,
  readSlash,
  type Step,
  sendSteps,
  sentBefore,
  slashOf,
} from './dispute.js'
import type { FraudEvidence, FraudRefusal, Slash } from './port.js'

/** Showing on the chain that a proof was false: what is sent, in how few transactions, and what came of it. */

/** What stays true however often it is asked again. */
const FINAL: readonly FraudRefusal[] = [
  'ESCROW_ENTRY_IS_RIGHT',
  'ESCROW_RECEIPT_TOO_OLD',
  'ESCROW_RECEIPT_MALFORMED',
  'ESCROW_RECEIPT_FOREIGN',
  'ESCROW_OPENING_MALFORMED',
  'ESCROW_OPENING_OUT_OF_RANGE',
  'ESCROW_OPENING_PATH_MISMATCH',
]

/**
 * Takes up where an earlier call was broken off: the dispute's account says how far it came, and a verdict that it is done.
 * Throws CHAIN_… when the chain cannot be reached or does not show yet what happened.
 */
export async function reportFraud(
  parts: DisputeParts,
  evidence: FraudEvidence,
  signal?: AbortSignal,
): Promise<Slash | Refusal<FraudRefusal>> {
  const found = locate(parts, evidence)
  if (isRefusal(found)) return found
  try {
    if ((await parts.account(found.verdict, signal)) === null) {
      if ((await parts.account(found.provider, signal)) === null) {
        await giveUp(parts, found, signal)
        return { refused: 'PROVIDER_GONE', detail: 'its registration has ended, with the stake' }
      }
      return await prosecute(parts, found, evidence, signal)
    }
  } catch (error) {
    const refused = FINAL.find((code) => code === codeOf(error))
    if (refused !== undefined) {
      await giveUp(parts, found, signal)
      return { refused, detail: (error as Error).message }
    }
    if (codeOf(error) !== 'ESCROW_ALREADY_SLASHED') throw error
  }
  await giveUp(parts, found, signal)
  return readSlash(parts, found, signal)
}

async function prosecute(
  parts: DisputeParts,
  found: Case,
  evidence: FraudEvidence,
  signal?: AbortSignal,
): Promise<Slash> {
  const before = await parts.account(found.dispute, signal)
  const earlier = before === null ? [] : await sentBefore(parts, found.dispute, signal)
  const steps = await stepsOf(parts, found, evidence, before, signal)
  const transactions = earlier.map(({ signature }) => signature)
  const sent = await sendSteps(parts, found, steps, signal)
  transactions.push(...sent.map(({ signature }) => signature))
  const slashed = slashOf(sent.flatMap(({ events }) => events))
  return slashed === undefined
    ? readSlash(parts, found, signal)
    : { transactions, ...amountsOf(slashed), bounty: slashed.values.bounty }
}

/** What is left to do after `before`, the dispute's account as an earlier attempt left it. */
async function stepsOf(
  parts: DisputeParts,
  found: Case,
  { receipt: message, signature, opening }: FraudEvidence,
  before: RawAccount | null,
  signal?: AbortSignal,
): Promise<Step[]> {
  const { programId } = parts.chain
  const { receipt, receiptHash, provider, dispute } = found
  const reporter = parts.reporter.publicKey
  const state = before === null ? undefined : decodeDispute(dispute, before, programId)
  const isSame =
    state?.entry.round === opening.round &&
    state.entry.row === opening.row &&
    state.entry.column === opening.column
  const isShown = isSame && state.stage === 'proven'
  const steps: Step[] = []
  if (state === undefined) {
    const node = new PublicKey(receipt.provider)
    const args = { programId, reporter, provider, node, receipt: { message, signature }, receiptHash }
    steps.push({ instructions: openDispute(args), units: COMPUTE_UNITS.openDispute })
  }
  if (!isShown) {
    const posts = postOpening(programId, reporter, dispute, opening)
    const rest = ((posts[1]?.data.length ?? 1) - 1) / 32
    const isHalf = isSame && state.stage === 'climbing' && state.height + rest === opening.path.length
    for (const instruction of posts.slice(isHalf ? 1 : 0)) {
      steps.push({ instructions: [instruction], units: COMPUTE_UNITS.postOpening })
    }
  }
  steps.push(...(await judging(parts, found, isShown ? state.pairs : 0, signal)))
  return steps
}
