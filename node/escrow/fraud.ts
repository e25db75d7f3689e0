import { type Connection, PublicKey, SystemProgram, type TransactionInstruction } from '@solana/web3.js'
import { disputeAddress, providerAddress, verdictAddress } from '../../chain/client/addresses.js'
import {
  closeDispute,
  computeEntry,
  openDispute,
  PAIRS_PER_TRANSACTION,
  postOpening,
  slashComputeUnits,
  slashFraud,
} from '../../chain/client/disputes.js'
import { type EscrowEvent, parseEvents } from '../../chain/client/events.js'
import { decodeDispute, decodeLease, decodeVerdict, type RawAccount } from '../../chain/client/layouts.js'
import { type Chain, retrying, sendInstructions } from '../../chain/client/sending.js'
import { createVerifier, type Signer } from '../../chain/client/signing.js'
import { buildTransaction, COMPUTE_UNITS } from '../../chain/client/transactions.js'
import { digest } from '../../protocols/bytes.js'
import { decodeReceipt, type Receipt } from '../../protocols/challenge/receipt.js'
import { codeOf, NightshiftError, type Refusal } from '../../protocols/errors.js'
import type { FraudEvidence, FraudRefusal, Slash } from './port.js'

/** Showing on the chain that a proof was false: what is sent, in how few transactions, and what came of it. */
export interface FraudParts {
  chain: Chain
  connection: Connection
  market: PublicKey
  /** Pays fees and the verdict's rent, gets the bounty. */
  reporter: Signer
  account(address: PublicKey, signal?: AbortSignal): Promise<RawAccount | null>
  mint(signal?: AbortSignal): Promise<PublicKey>
  /** The market's token account of a wallet. */
  tokenAccount(mint: PublicKey, owner: PublicKey): PublicKey
  /** Priority fee for transactions that write to these accounts, micro-lamports per compute unit. */
  fee(writable: PublicKey[], signal?: AbortSignal): Promise<number>
}

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

/** Accounts and facts of one report. */
interface Case {
  receipt: Receipt
  receiptHash: Uint8Array
  provider: PublicKey
  dispute: PublicKey
  verdict: PublicKey
}

/**
 * Takes up where an earlier call was broken off: the dispute's account says how far it came, and a verdict that it is done.
 * Throws CHAIN_… when the chain cannot be reached or does not show yet what happened.
 */
export async function reportFraud(
  parts: FraudParts,
  evidence: FraudEvidence,
  signal?: AbortSignal,
): Promise<Slash | Refusal<FraudRefusal>> {
  const receipt = decodeReceipt(evidence.receipt)
  // Simulations do not look at signatures: without this, a forged one would be waited for until it is too old.
  if (receipt === undefined || !createVerifier(receipt.provider)(evidence.receipt, evidence.signature)) {
    return { refused: 'EVIDENCE_FORGED', detail: 'the receipt is not one that its provider signed' }
  }
  const found = locate(parts, receipt, digest(evidence.receipt))
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

function locate({ chain, market, reporter }: FraudParts, receipt: Receipt, receiptHash: Uint8Array): Case {
  const { programId } = chain
  const provider = providerAddress(programId, market, new PublicKey(receipt.provider))
  return {
    receipt,
    receiptHash,
    provider,
    dispute: disputeAddress(programId, reporter.publicKey, receiptHash),
    verdict: verdictAddress(programId, provider, receiptHash),
  }
}

async function prosecute(
  parts: FraudParts,
  found: Case,
  evidence: FraudEvidence,
  signal?: AbortSignal,
): Promise<Slash> {
  const { chain, reporter } = parts
  const before = await parts.account(found.dispute, signal)
  const earlier = before === null ? [] : await sentBefore(parts, found.dispute, signal)
  const steps = await stepsOf(parts, found, evidence, before, signal)
  const transactions = earlier.map(({ signature }) => signature)
  let slashed: Slashed | undefined
  for (const { instructions, units } of pack(reporter.publicKey, steps)) {
    const microLamports = await parts.fee([found.provider, found.dispute], signal)
    const fee = { computeUnits: units, microLamports }
    const sent = await sendInstructions(chain, { instructions, signers: [reporter], fee }, signal)
    transactions.push(sent.signature)
    slashed = slashOf(sent.events) ?? slashed
  }
  return slashed === undefined
    ? readSlash(parts, found, signal)
    : { transactions, ...amountsOf(slashed), bounty: slashed.values.bounty }
}

/** Instructions that must stay together, and the compute units that they need. */
interface Step {
  instructions: TransactionInstruction[]
  units: number
}

/** What is left to do after `before`, the dispute's account as an earlier attempt left it. */
async function stepsOf(
  parts: FraudParts,
  { receipt, receiptHash, provider, dispute }: Case,
  { receipt: message, signature, opening }: FraudEvidence,
  before: RawAccount | null,
  signal?: AbortSignal,
): Promise<Step[]> {
  const { programId } = parts.chain
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
  const { n } = receipt.params
  const computed = isShown ? Math.floor(state.pairs / PAIRS_PER_TRANSACTION) : 0
  for (const [index, instruction] of [...computeEntry(programId, dispute, n).entries()].slice(computed)) {
    // Each asks for one unit more: equal bytes with an equal blockhash would be one transaction, executed once.
    steps.push({ instructions: [instruction], units: COMPUTE_UNITS.computeEntry + index })
  }
  steps.push({
    instructions: [await slashing(parts, { receipt, receiptHash, provider, dispute }, signal)],
    units: slashComputeUnits(n),
  })
  return steps
}

async function slashing(
  parts: FraudParts,
  { receipt, receiptHash, provider, dispute }: Omit<Case, 'verdict'>,
  signal?: AbortSignal,
): Promise<TransactionInstruction> {
  const { programId } = parts.chain
  const reporter = parts.reporter.publicKey
  const lease = new PublicKey(receipt.lease)
  const mint = await parts.mint(signal)
  return slashFraud({
    programId,
    dispute,
    state: { market: parts.market, provider, lease, reporter, receiptHash },
    mint,
    bounty: parts.tokenAccount(mint, reporter),
    refund: parts.tokenAccount(mint, (await renterOf(parts, lease, signal)) ?? reporter),
  })
}

/** Whose lease the receipt names, if it names one of this program that is open. */
async function renterOf(
  parts: FraudParts,
  lease: PublicKey,
  signal?: AbortSignal,
): Promise<PublicKey | undefined> {
  if (lease.equals(SystemProgram.programId)) return undefined
  const { programId } = parts.chain
  const raw = await parts.account(lease, signal)
  return raw?.owner.equals(programId) ? decodeLease(lease, raw, programId).renter : undefined
}

/** Largest transaction that the network carries (IPv6 minimum MTU less headers). */
const MAX_TRANSACTION_BYTES = 1232
/** Of one transaction, less what setting limit and price costs. */
const MAX_UNITS = 1_400_000 - 300

/** Neighbours in one transaction as long as they fit: a report of a small product takes two or three. */
function pack(payer: PublicKey, steps: readonly Step[]): Step[] {
  const packed: Step[] = []
  for (const step of steps) {
    const last = packed.at(-1)
    const joined = last && {
      instructions: [...last.instructions, ...step.instructions],
      units: last.units + step.units,
    }
    if (joined !== undefined && fits(payer, joined)) packed[packed.length - 1] = joined
    else packed.push(step)
  }
  return packed
}

function fits(payer: PublicKey, { instructions, units }: Step): boolean {
  if (units > MAX_UNITS) return false
  const lifetime = { blockhash: PublicKey.default.toBase58() }
  try {
    const transaction = buildTransaction(
      payer,
      instructions,
      { computeUnits: units, microLamports: 0 },
      lifetime,
    )
    return transaction.serialize().length <= MAX_TRANSACTION_BYTES
  } catch (error) {
    // The library writes messages into a buffer of a packet's size.
    if (error instanceof RangeError) return false
    throw error
  }
}

/** A dispute that leads nowhere is closed, so that its rent comes back. */
async function giveUp(parts: FraudParts, { dispute }: Case, signal?: AbortSignal): Promise<void> {
  if ((await parts.account(dispute, signal)) === null) return
  const { chain, reporter } = parts
  const fee = {
    computeUnits: COMPUTE_UNITS.closeDispute,
    microLamports: await parts.fee([dispute], signal),
  }
  const instructions = [closeDispute(chain.programId, reporter.publicKey, dispute)]
  await sendInstructions(chain, { instructions, signers: [reporter], fee }, signal)
}

/** What a verdict that stands on the chain has cost the provider, read back from the transaction that made it. */
async function readSlash(parts: FraudParts, found: Case, signal?: AbortSignal): Promise<Slash> {
  const { programId } = parts.chain
  const raw = await parts.account(found.verdict, signal)
  const steps = await history(parts, found.verdict, signal)
  const slashed = steps.map(({ events }) => slashOf(events)).find((event) => event !== undefined)
  if (raw === null || slashed === undefined) {
    throw new NightshiftError('CHAIN_HISTORY_MISSING', 'the RPC server does not show the slash yet', {
      advice: 'nothing is lost: ask again later, or use a server that keeps the history of transactions',
    })
  }
  const { reporter } = decodeVerdict(found.verdict, raw, programId)
  if (!reporter.equals(parts.reporter.publicKey)) {
    return { transactions: [], ...amountsOf(slashed), bounty: 0n }
  }
  const sent = await sentBefore(parts, found.dispute, signal)
  const transactions = sent.map(({ signature }) => signature)
  return { transactions, ...amountsOf(slashed), bounty: slashed.values.bounty }
}

interface SentBefore {
  signature: string
  payer: PublicKey | undefined
  events: EscrowEvent[]
}

/** Anybody may name the dispute's address in a transaction: only what the reporter paid for counts. */
async function sentBefore(
  parts: FraudParts,
  dispute: PublicKey,
  signal?: AbortSignal,
): Promise<SentBefore[]> {
  const steps = await history(parts, dispute, signal)
  return steps.filter(({ payer }) => payer?.equals(parts.reporter.publicKey))
}

/** Successful transactions that touched an address, oldest first. */
async function history(
  { chain, connection }: FraudParts,
  address: PublicKey,
  signal?: AbortSignal,
): Promise<SentBefore[]> {
  const entries = await retrying(chain, signal, () => connection.getSignaturesForAddress(address))
  const signatures = entries.filter(({ err }) => err === null).map(({ signature }) => signature)
  return Promise.all(
    signatures.reverse().map(async (signature) => {
      const found = await retrying(chain, signal, () =>
        connection.getTransaction(signature, { maxSupportedTransactionVersion: 0 }),
      )
      return {
        signature,
        payer: found?.transaction.message.staticAccountKeys[0],
        events: parseEvents(chain.programId, found?.meta?.logMessages ?? []),
      }
    }),
  )
}

type Slashed = Extract<EscrowEvent, { name: 'ProviderSlashed' }>

function slashOf(events: readonly EscrowEvent[]): Slashed | undefined {
  return events.find((event): event is Slashed => event.name === 'ProviderSlashed')
}

function amountsOf({ values }: Slashed): { slashed: bigint; compensation: bigint } {
  return { slashed: values.penalty, compensation: values.compensation }
}
