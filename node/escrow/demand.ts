import { PublicKey } from '@solana/web3.js'
import {
  answerOpening,
  closeVerdict as closingVerdict,
  demandOpening as demanding,
  openDispute,
  slashSilent,
} from '../../chain/client/disputes.js'
import {
  DISPUTE_BYTES,
  DISPUTE_OFFSETS,
  type Dispute,
  decodeDispute,
  KINDS,
  type RawAccount,
} from '../../chain/client/layouts.js'
import { type Chain, retrying, sendInstructions } from '../../chain/client/sending.js'
import type { Signer } from '../../chain/client/signing.js'
import { COMPUTE_UNITS } from '../../chain/client/transactions.js'
import type { Opening } from '../../kernels/proof/opening.js'
import { computeEntries } from '../../kernels/proof/verifier.js'
import { codeOf, isRefusal, NightshiftError, type Refusal } from '../../protocols/errors.js'
import {
  amountsOf,
  type Case,
  type DisputeParts,
  giveUp,
  history,
  judging,
  locate,
  readSlash,
  type Step,
  sendSteps,
  sentBefore,
  slashOf,
} from './dispute.js'
import type { Demand, DemandState, FraudRefusal, OpeningDemand, Slash } from './port.js'

/** Openings that are demanded on the chain: asking for one and what comes of it, and giving one. */

export interface DemandParts extends DisputeParts {
  chainTime(signal?: AbortSignal): Promise<number>
}

/** What stays true however often it is asked again. */
const FINAL: readonly FraudRefusal[] = [
  'ESCROW_LEASE_ENDED',
  'ESCROW_LEASE_VOID',
  'ESCROW_RECEIPT_EXPIRED',
  'ESCROW_RECEIPT_TOO_OLD',
  'ESCROW_RECEIPT_MALFORMED',
  'ESCROW_RECEIPT_FOREIGN',
  'ESCROW_OPENING_OUT_OF_RANGE',
]

/**
 * Does what is due: demands, punishes a silence or a false answer, or takes the rest back. The dispute's account says how far it came,
 * and once that is gone, its history.
 */
export async function demandOpening(
  parts: DemandParts,
  demand: OpeningDemand,
  signal?: AbortSignal,
): Promise<DemandState | Refusal<FraudRefusal>> {
  const found = locate(parts, demand)
  if (isRefusal(found)) return found
  const raw = await parts.account(found.dispute, signal)
  const state = raw === null ? undefined : decodeDispute(found.dispute, raw, parts.chain.programId)
  if (state?.demand !== undefined) return await pursue(parts, found, state, signal)
  if (state !== undefined && isAnswer(state, demand)) return await judge(parts, found, state, signal)
  const ended = state === undefined ? await endOf(parts, found, signal) : undefined
  if (ended !== undefined) return ended
  if ((await parts.account(new PublicKey(found.receipt.lease), signal)) === null) {
    await giveUp(parts, found, signal)
    return { refused: 'LEASE_GONE', detail: 'the lease in which it was signed has ended' }
  }
  try {
    return await ask(parts, found, demand, state, signal)
  } catch (error) {
    const refused = FINAL.find((code) => code === codeOf(error))
    if (refused === undefined) throw error
    await giveUp(parts, found, signal)
    return { refused, detail: (error as Error).message }
  }
}

/** Only an answer leads a dispute of this reporter's to an entry that it shows nothing of. */
function isAnswer({ stage, entry }: Dispute, { entry: wanted }: OpeningDemand): boolean {
  return (
    stage === 'proven' &&
    entry.round === wanted.round &&
    entry.row === wanted.row &&
    entry.column === wanted.column
  )
}

async function ask(
  parts: DemandParts,
  found: Case,
  { receipt: message, signature, entry }: OpeningDemand,
  state: Dispute | undefined,
  signal?: AbortSignal,
): Promise<DemandState> {
  const { programId } = parts.chain
  const { provider, dispute, receipt, receiptHash } = found
  const reporter = parts.reporter.publicKey
  const steps: Step[] = []
  if (state === undefined) {
    const node = new PublicKey(receipt.provider)
    const args = { programId, reporter, provider, node, receipt: { message, signature }, receiptHash }
    steps.push({ instructions: openDispute(args), units: COMPUTE_UNITS.openDispute })
  }
  const lease = new PublicKey(receipt.lease)
  const demand = demanding({ programId, reporter, provider, lease, dispute, entry })
  steps.push({ instructions: [demand], units: COMPUTE_UNITS.demandOpening })
  const sent = await sendSteps(parts, found, steps, signal)
  for (const event of sent.flatMap(({ events }) => events)) {
    if (event.name === 'OpeningDemanded') return { state: 'asked', answerBy: Number(event.values.answerBy) }
  }
  const raw = await parts.account(dispute, signal)
  const answerBy = raw === null ? undefined : decodeDispute(dispute, raw, programId).demand?.answerBy
  if (answerBy === undefined) throw notShown()
  return { state: 'asked', answerBy }
}

/** An open demand: when its time is over, the silence is punished, by whomever. */
async function pursue(
  parts: DemandParts,
  found: Case,
  state: Dispute,
  signal?: AbortSignal,
): Promise<DemandState> {
  const answerBy = state.demand?.answerBy ?? 0
  if ((await parts.chainTime(signal)) < answerBy) return { state: 'asked', answerBy }
  const { dispute } = found
  const slash = slashSilent({
    programId: parts.chain.programId,
    dispute,
    state,
    mint: await parts.mint(signal),
  })
  try {
    await sendSteps(parts, found, [{ instructions: [slash], units: COMPUTE_UNITS.slashSilent }], signal)
  } catch (error) {
    // Answered in the last moment, or punished by somebody else.
    if (!['ESCROW_NOT_DEMANDED', 'ESCROW_WRONG_OWNER'].includes(codeOf(error) ?? '')) throw error
    return { state: 'asked', answerBy }
  }
  const ended = await endOf(parts, found, signal)
  if (ended === undefined) throw notShown()
  return ended
}

/** The entry stands on the chain as the provider opened it: false ones are slashed as if they had been shown to it. */
async function judge(
  parts: DemandParts,
  found: Case,
  state: Dispute,
  signal?: AbortSignal,
): Promise<DemandState> {
  const { seed, params } = found.receipt
  const [expected] = computeEntries(seed, params, [state.entry])
  if (state.entry.claimed === expected) {
    await giveUp(parts, found, signal)
    return { state: 'answered' }
  }
  try {
    await sendSteps(parts, found, await judging(parts, found, state.pairs, signal), signal)
  } catch (error) {
    if (codeOf(error) !== 'ESCROW_ALREADY_SLASHED') throw error
    await giveUp(parts, found, signal)
  }
  return { state: 'slashed', slash: await readSlash(parts, found, signal) }
}

/** What became of a demand whose dispute is closed; undefined when there never was one. */
async function endOf(
  parts: DemandParts,
  found: Case,
  signal?: AbortSignal,
): Promise<Exclude<DemandState, { state: 'asked' }> | undefined> {
  const mine = await sentBefore(parts, found.dispute, signal)
  const events = mine.flatMap((sent) => sent.events)
  if (!events.some(({ name }) => name === 'OpeningDemanded')) return undefined
  const slashed = slashOf(events)
  const transactions = mine.map(({ signature }) => signature)
  if (slashed !== undefined) {
    const slash = { transactions, ...amountsOf(slashed), bounty: slashed.values.bounty }
    return { state: 'slashed', slash }
  }
  const silent = (await history(parts, found.dispute, signal)).flatMap((sent) => sent.events).find(isSilence)
  if (silent === undefined) return { state: 'answered' }
  const slash: Slash = { transactions, slashed: silent.values.burned, compensation: 0n, bounty: 0n }
  return { state: 'slashed', slash }
}

type Event = Awaited<ReturnType<typeof history>>[number]['events'][number]
type Silence = Extract<Event, { name: 'ProviderSilent' }>

function isSilence(event: Event): event is Silence {
  return event.name === 'ProviderSilent'
}

function notShown(): NightshiftError {
  return new NightshiftError('CHAIN_HISTORY_MISSING', 'the RPC server does not show the demand yet', {
    advice: 'nothing is lost: ask again later, or use a server that keeps the history of transactions',
  })
}

/** Rent of a verdict back to its reporter; false while the registration that was slashed goes on. */
export async function closeVerdict(
  parts: DisputeParts,
  signed: { receipt: Uint8Array; signature: Uint8Array },
  signal?: AbortSignal,
): Promise<boolean> {
  const found = locate(parts, signed)
  if (isRefusal(found) || (await parts.account(found.verdict, signal)) === null) return true
  const { chain, reporter } = parts
  const instruction = closingVerdict(chain.programId, reporter.publicKey, found.provider, found.receiptHash)
  try {
    await sendSteps(
      parts,
      found,
      [{ instructions: [instruction], units: COMPUTE_UNITS.closeVerdict }],
      signal,
    )
    return true
  } catch (error) {
    // Somebody else's verdict is not ours to close.
    if (codeOf(error) === 'ESCROW_WRONG_AUTHORITY') return true
    if (codeOf(error) === 'ESCROW_PROVIDER_STILL_REGISTERED') return false
    throw error
  }
}

/** What a provider's node needs to answer. */
export interface AnswerParts {
  chain: Chain
  connection: Pick<DisputeParts['connection'], 'getProgramAccounts'>
  /** Pays the fees, gets the demands' bonds. */
  node: Signer
  /** The node's provider account. */
  provider: PublicKey
  account(address: PublicKey, signal?: AbortSignal): Promise<RawAccount | null>
  fee: DisputeParts['fee']
}

/** All open demands against this provider. */
export async function readDemands(parts: AnswerParts, signal?: AbortSignal): Promise<Demand[]> {
  const { chain, connection, provider } = parts
  const { programId } = chain
  const accounts = await retrying(chain, signal, () =>
    connection.getProgramAccounts(programId, {
      filters: [
        { dataSize: DISPUTE_BYTES },
        { memcmp: { offset: 0, bytes: Buffer.of(KINDS.dispute).toString('base64'), encoding: 'base64' } },
        { memcmp: { offset: DISPUTE_OFFSETS.provider, bytes: provider.toBase58() } },
      ],
    }),
  )
  return accounts.flatMap(({ pubkey, account }) => {
    const state = decodeDispute(pubkey, account, programId)
    return state.demand === undefined ? [] : [describe(pubkey, state, state.demand)]
  })
}

function describe(
  address: PublicKey,
  { lease, seed, n, rounds, root, entry }: Dispute,
  { answerBy, bound }: NonNullable<Dispute['demand']>,
): Demand {
  const { round, row, column } = entry
  return {
    address: address.toBytes(),
    lease: lease.toBytes(),
    seed: Uint8Array.from(seed),
    params: { n, rounds },
    root: Uint8Array.from(root),
    entry: { round, row, column },
    answerBy,
    bound,
  }
}

/** One transaction, or two; one that was broken off between them begins anew. */
export async function answerDemand(
  parts: AnswerParts,
  demand: Demand,
  opening: Opening,
  signal?: AbortSignal,
): Promise<{ signature: string }> {
  const { chain, node, provider } = parts
  const dispute = new PublicKey(demand.address)
  const state = { provider, lease: new PublicKey(demand.lease) }
  const { programId } = chain
  let last = ''
  for (const part of answerOpening({ programId, node: node.publicKey, dispute, state, opening })) {
    const microLamports = await parts.fee([provider, dispute], signal)
    const fee = { computeUnits: COMPUTE_UNITS.answerOpening, microLamports }
    last = (await sendInstructions(chain, { instructions: [part], signers: [node], fee }, signal)).signature
  }
  return { signature: last }
}
