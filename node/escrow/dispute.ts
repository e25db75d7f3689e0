import { type Connection, PublicKey, SystemProgram, type TransactionInstruction } from '@solana/web3.js'
import { disputeAddress, providerAddress, verdictAddress } from '../../chain/client/addresses.js'
import {
  closeDispute,
  computeEntry,
  PAIRS_PER_TRANSACTION,
  slashComputeUnits,
  slashFraud,
} from '../../chain/client/disputes.js'
import { type EscrowEvent, parseEvents } from '../../chain/client/events.js'
import { decodeLease, decodeVerdict, type RawAccount } from '../../chain/client/layouts.js'
import { type Chain, retrying, type Receipt as Sent, sendInstructions } from '../../chain/client/sending.js'
import { createVerifier, type Signer } from '../../chain/client/signing.js'
import { buildTransaction, COMPUTE_UNITS } from '../../chain/client/transactions.js'
import { digest } from '../../protocols/bytes.js'
import { decodeReceipt, type Receipt } from '../../protocols/challenge/receipt.js'
import { NightshiftError, type Refusal } from '../../protocols/errors.js'
import type { Slash } from './port.js'

/** What a reporter has to do with disputes on the chain: about proofs that are false, and about openings that are withheld. */
export interface DisputeParts {
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

/** Accounts and facts of one dispute. */
export interface Case {
  receipt: Receipt
  receiptHash: Uint8Array
  provider: PublicKey
  dispute: PublicKey
  verdict: PublicKey
}

/** Where the dispute about a receipt stands; a refusal when its provider did not sign it. */
export function locate(
  { chain, market, reporter }: DisputeParts,
  { receipt: message, signature }: { receipt: Uint8Array; signature: Uint8Array },
): Case | Refusal<'EVIDENCE_FORGED'> {
  const receipt = decodeReceipt(message)
  // Simulations do not look at signatures: without this, a forged one would be waited for until it is too old.
  if (receipt === undefined || !createVerifier(receipt.provider)(message, signature)) {
    return { refused: 'EVIDENCE_FORGED', detail: 'the receipt is not one that its provider signed' }
  }
  const { programId } = chain
  const receiptHash = digest(message)
  const provider = providerAddress(programId, market, new PublicKey(receipt.provider))
  return {
    receipt,
    receiptHash,
    provider,
    dispute: disputeAddress(programId, reporter.publicKey, receiptHash),
    verdict: verdictAddress(programId, provider, receiptHash),
  }
}

/** Instructions that must stay together, and the compute units that they need. */
export interface Step {
  instructions: TransactionInstruction[]
  units: number
}

/** Sends steps in as few transactions as they fit into, one after the other. */
export async function sendSteps(
  parts: DisputeParts,
  found: Pick<Case, 'provider' | 'dispute'>,
  steps: readonly Step[],
  signal?: AbortSignal,
): Promise<Sent[]> {
  const { chain, reporter } = parts
  const sent: Sent[] = []
  for (const { instructions, units } of pack(reporter.publicKey, steps)) {
    const microLamports = await parts.fee([found.provider, found.dispute], signal)
    const fee = { computeUnits: units, microLamports }
    sent.push(await sendInstructions(chain, { instructions, signers: [reporter], fee }, signal))
  }
  return sent
}

/** The computations that are left after `pairs`, and the slash: for an entry that is shown. */
export async function judging(
  parts: DisputeParts,
  found: Case,
  pairs: number,
  signal?: AbortSignal,
): Promise<Step[]> {
  const { n } = found.receipt.params
  const computed = Math.floor(pairs / PAIRS_PER_TRANSACTION)
  const computing = computeEntry(parts.chain.programId, found.dispute, n)
  // Each asks for one unit more: equal bytes with an equal blockhash would be one transaction, executed once.
  const steps = [...computing.entries()].map(([index, instruction]) => ({
    instructions: [instruction],
    units: COMPUTE_UNITS.computeEntry + index,
  }))
  const slash = { instructions: [await slashing(parts, found, signal)], units: slashComputeUnits(n) }
  return [...steps.slice(computed), slash]
}

async function slashing(
  parts: DisputeParts,
  { receipt, receiptHash, provider, dispute }: Case,
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
  parts: DisputeParts,
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
export async function giveUp(parts: DisputeParts, { dispute }: Case, signal?: AbortSignal): Promise<void> {
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
export async function readSlash(parts: DisputeParts, found: Case, signal?: AbortSignal): Promise<Slash> {
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

export interface SentBefore {
  signature: string
  payer: PublicKey | undefined
  events: EscrowEvent[]
}

/** Anybody may name the dispute's address in a transaction: only what the reporter paid for counts. */
export async function sentBefore(
  parts: DisputeParts,
  dispute: PublicKey,
  signal?: AbortSignal,
): Promise<SentBefore[]> {
  const steps = await history(parts, dispute, signal)
  return steps.filter(({ payer }) => payer?.equals(parts.reporter.publicKey))
}

/** Successful transactions that touched an address, oldest first. */
export async function history(
  { chain, connection }: DisputeParts,
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

export type Slashed = Extract<EscrowEvent, { name: 'ProviderSlashed' }>

export function slashOf(events: readonly EscrowEvent[]): Slashed | undefined {
  return events.find((event): event is Slashed => event.name === 'ProviderSlashed')
}

export function amountsOf({ values }: Slashed): { slashed: bigint; compensation: bigint } {
  return { slashed: values.penalty, compensation: values.compensation }
}
