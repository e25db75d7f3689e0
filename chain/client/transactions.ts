import { TOKEN_PROGRAM_ID } from '@solana/spl-token'
import {
  ComputeBudgetProgram,
  Message,
  PublicKey,
  SystemProgram,
  type TransactionInstruction,
  TransactionMessage,
  VersionedTransaction,
} from '@solana/web3.js'
import { NightshiftError } from '../../protocols/errors.js'
import { depositFor } from '../../protocols/money.js'
import { leaseAddress, providerAddress, vaultAddress } from './addresses.js'
import { bondFor } from './amounts.js'
import { type InstructionName, TAGS } from './encoding.js'
import { type OpenLease, openLease } from './instructions.js'
import type { Signer } from './signing.js'

/**
 * Compute units to ask for, per instruction: the most that the tests measured (`cu.*` in chain/README.md), rounded up, plus room
 * for unlucky addresses: each further try to find a bump costs 1,500. Asking for little makes a transaction cheap to schedule.
 */
export const COMPUTE_UNITS: Record<InstructionName, number> = {
  initMarket: 30_000,
  registerProvider: 40_000,
  addStake: 5_000,
  openLease: 40_000,
  settle: 8_000,
  closeLease: 15_000,
  cancelLease: 3_000,
  expireLease: 12_000,
  complete: 3_000,
  requestUnstake: 3_000,
  withdrawStake: 6_000,
  setPayout: 3_000,
  closeProvider: 6_000,
  updateMarket: 3_000,
  extendLease: 8_000,
  openDispute: 25_000,
  postOpening: 12_000,
  postPath: 10_000,
  computeEntry: 800_000,
  /** The most; `slashComputeUnits` in disputes.ts says it for an n. */
  slashFraud: 800_000,
  closeDispute: 3_000,
  closeVerdict: 3_000,
  demandOpening: 8_000,
  answerOpening: 12_000,
  slashSilent: 8_000,
}

/** What the two compute budget instructions themselves cost. */
const BUDGET_UNITS = 300

export interface Fee {
  /** Compute units that the transaction may use. */
  computeUnits: number
  /** Priority fee, in micro-lamports per compute unit. */
  microLamports: number
}

/** A block's hash and the height up to which a transaction that names it can be executed. */
export interface Lifetime {
  blockhash: string
  lastValidBlockHeight: number
}

/** An unsigned transaction: compute limit and priority fee first, then the instructions. */
export function buildTransaction(
  feePayer: PublicKey,
  instructions: TransactionInstruction[],
  fee: Fee,
  lifetime: Pick<Lifetime, 'blockhash'>,
): VersionedTransaction {
  const message = new TransactionMessage({
    payerKey: feePayer,
    recentBlockhash: lifetime.blockhash,
    instructions: [
      ComputeBudgetProgram.setComputeUnitLimit({ units: fee.computeUnits + BUDGET_UNITS }),
      ComputeBudgetProgram.setComputeUnitPrice({ microLamports: fee.microLamports }),
      ...instructions,
    ],
  })
  return new VersionedTransaction(message.compileToLegacyMessage())
}

/** Adds a signature. The signer must be one that the transaction asks for. */
export async function signTransaction(transaction: VersionedTransaction, signer: Signer): Promise<void> {
  const signature = await signer.sign(transaction.message.serialize())
  transaction.addSignature(signer.publicKey, signature)
}

/** The renter's half of an opening: built, not yet signed by anybody. The provider gets its bytes (`serialize()`). */
export function buildOpening(
  args: OpenLease,
  microLamports: number,
  lifetime: Pick<Lifetime, 'blockhash'>,
): VersionedTransaction {
  const fee = { computeUnits: COMPUTE_UNITS.openLease, microLamports }
  return buildTransaction(args.renter, [openLease(args)], fee, lifetime)
}

/** Everything that an opening does, read back from the bytes that the provider is asked to sign. */
export interface Opening {
  transaction: VersionedTransaction
  node: PublicKey
  renter: PublicKey
  market: PublicKey
  provider: PublicKey
  lease: PublicKey
  mint: PublicKey
  source: PublicKey
  termsHash: Uint8Array
  session: PublicKey
  pricePerHour: bigint
  durationSeconds: number
  deposit: bigint
  bond: bigint
  disputeWindowSeconds: number
  feeBps: number
  computeUnits: number
  microLamports: number
  blockhash: string
}

/** Largest transaction that the network carries (IPv6 minimum MTU less headers). */
const MAX_TRANSACTION_BYTES = 1232
const DATA_BYTES = 1 + 32 + 32 + 5 * 8 + 2
const MAX_U64 = 2n ** 64n - 1n

/**
 * Reads an opening strictly, so that a node signs nothing else: a legacy message with exactly the compute limit, the priority fee
 * and one `open_lease`; two signers, of which the renter pays the fees; all accounts where the seeds put them; amounts that
 * follow from price and duration. Throws OPENING_REFUSED otherwise. What it cannot know (is this my key, are these the agreed terms)
 * is the caller's to compare.
 */
export function decodeOpening(bytes: Uint8Array, programId: PublicKey): Opening {
  if (bytes.length > MAX_TRANSACTION_BYTES) throw refused(`it has ${bytes.length} bytes`)
  const transaction = parse(bytes)
  const { message } = transaction
  if (!(message instanceof Message)) throw refused('it is no legacy transaction')
  const [limit, price, open] = message.compiledInstructions
  if (
    limit === undefined ||
    price === undefined ||
    open === undefined ||
    message.compiledInstructions.length !== 3
  ) {
    throw refused('it does not consist of compute limit, priority fee and open_lease')
  }
  const keys = message.accountKeys
  const budget = [limit, price].map((entry) => {
    const isBudget = keys[entry.programIdIndex]?.equals(ComputeBudgetProgram.programId)
    if (isBudget !== true || entry.accountKeyIndexes.length > 0)
      throw refused('its first two instructions are others')
    return Buffer.from(entry.data)
  })
  if (budget[0]!.length !== 5 || budget[0]![0] !== 2)
    throw refused('its first instruction is not the compute limit')
  if (budget[1]!.length !== 9 || budget[1]![0] !== 3)
    throw refused('its second instruction is not the priority fee')
  if (keys[open.programIdIndex]?.equals(programId) !== true) throw refused('it calls another program')
  const opening = readOpening(transaction, message, open, programId)
  const microLamports = budget[1]!.readBigUInt64LE(1)
  if (microLamports > BigInt(Number.MAX_SAFE_INTEGER)) throw refused('its priority fee is absurd')
  return { ...opening, computeUnits: budget[0]!.readUInt32LE(1), microLamports: Number(microLamports) }
}

function parse(bytes: Uint8Array): VersionedTransaction {
  let transaction: VersionedTransaction
  try {
    transaction = VersionedTransaction.deserialize(bytes)
  } catch (cause) {
    throw refused('its bytes cannot be read', cause)
  }
  // Reading and writing must agree, or signer and chain could see two different things in the same bytes.
  if (!Buffer.from(transaction.serialize()).equals(Buffer.from(bytes)))
    throw refused('its encoding is not canonical')
  return transaction
}

type Open = Omit<Opening, 'computeUnits' | 'microLamports'>

function readOpening(
  transaction: VersionedTransaction,
  message: Message,
  open: { accountKeyIndexes: number[]; data: Uint8Array },
  programId: PublicKey,
): Open {
  const data = Buffer.from(open.data)
  if (data.length !== DATA_BYTES || data[0] !== TAGS.openLease)
    throw refused('its instruction is not open_lease')
  const accounts = open.accountKeyIndexes.map((index) => message.accountKeys[index])
  const [renter, node, market, provider, lease, vault, mint, source, token, system] = accounts
  const complete =
    accounts.length === 10 && accounts.every((account): account is PublicKey => account !== undefined)
  if (!complete) throw refused('its instruction names other accounts')
  const parties = { node: node!, renter: renter!, market: market!, mint: mint!, source: source! }
  const { header } = message
  const signers = message.accountKeys.slice(0, header.numRequiredSignatures)
  if (signers.length !== 2 || !signers[0]!.equals(renter!) || !signers[1]!.equals(node!)) {
    throw refused('it asks for other signatures than those of the renter, who pays, and of the node')
  }
  if (header.numReadonlySignedAccounts !== 1) throw refused("it could spend the node's SOL")
  const termsHash = new Uint8Array(data.subarray(1, 33))
  const word = (index: number) => data.readBigUInt64LE(65 + 8 * index)
  const [pricePerHour, duration, deposit, bond, window] = [word(0), word(1), word(2), word(3), word(4)]
  const seconds = (value: bigint) => {
    if (value > 2n ** 32n) throw refused('a duration is absurd')
    return Number(value)
  }
  const durationSeconds = seconds(duration)
  const expectedProvider = providerAddress(programId, market!, node!)
  const expectedLease = leaseAddress(programId, { provider: expectedProvider, renter: renter!, termsHash })
  const places: [PublicKey, PublicKey][] = [
    [provider!, expectedProvider],
    [lease!, expectedLease],
    [vault!, vaultAddress(programId, expectedLease)],
    [token!, TOKEN_PROGRAM_ID],
    [system!, SystemProgram.programId],
  ]
  if (places.some(([got, wanted]) => !got.equals(wanted)))
    throw refused('an account is not where its seeds put it')
  if (deposit !== depositFor(pricePerHour, durationSeconds) || deposit > MAX_U64) {
    throw refused('its deposit is not price times duration')
  }
  return {
    transaction,
    ...parties,
    provider: expectedProvider,
    lease: expectedLease,
    termsHash,
    session: new PublicKey(data.subarray(33, 65)),
    pricePerHour,
    durationSeconds,
    deposit,
    bond,
    disputeWindowSeconds: seconds(window),
    feeBps: data.readUInt16LE(105),
    blockhash: message.recentBlockhash,
  }
}

/** What the market's terms in force make of an opening; `undefined` when they agree. */
export function disagreement(
  opening: Pick<Opening, 'deposit' | 'bond' | 'disputeWindowSeconds' | 'feeBps'>,
  terms: { bondBps: number; disputeWindowSeconds: number; feeBps: number },
): 'bond' | 'disputeWindowSeconds' | 'feeBps' | undefined {
  if (opening.bond !== bondFor(opening.deposit, terms.bondBps)) return 'bond'
  if (opening.disputeWindowSeconds !== terms.disputeWindowSeconds) return 'disputeWindowSeconds'
  if (opening.feeBps !== terms.feeBps) return 'feeBps'
  return undefined
}

function refused(why: string, cause?: unknown): NightshiftError {
  return new NightshiftError('OPENING_REFUSED', `this is no opening of a lease: ${why}`, {
    advice: 'Do not sign it; ask the renter to build it with buildOpening.',
    context: { why },
    cause,
  })
}
