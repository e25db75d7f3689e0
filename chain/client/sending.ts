import {
  type Connection,
  type PublicKey,
  SendTransactionError,
  SolanaJSONRPCError,
  type TransactionInstruction,
  type VersionedTransaction,
} from '@solana/web3.js'
import bs58 from 'bs58'
import { codeOf, NightshiftError } from '../../protocols/errors.js'
import type { Clock } from '../../protocols/ports.js'
import type { Confirmations, Watch } from './confirmations.js'
import { explainFailure } from './errors.js'
import { type EscrowEvent, parseEvents } from './events.js'
import type { Signer } from './signing.js'
import { buildTransaction, type Fee, type Lifetime, signTransaction } from './transactions.js'

/** The part of web3.js's Connection that sending needs. */
export type ChainRpc = Pick<
  Connection,
  | 'getLatestBlockhash'
  | 'getBlockHeight'
  | 'getSignatureStatuses'
  | 'getTransaction'
  | 'getRecentPrioritizationFees'
  | 'sendRawTransaction'
  | 'simulateTransaction'
>

/** What sending needs to know of its surroundings. */
export interface Chain {
  rpc: ChainRpc
  clock: Clock
  programId: PublicKey
  /** Tells when a transaction may have been executed; without it, and when it is dead, the node is asked again and again. */
  confirmations?: Confirmations
  /** How long an RPC node may be out of reach before sending gives up. Default 60 s. */
  outageMs?: number
}

export interface Receipt {
  signature: string
  slot: number
  events: EscrowEvent[]
}

/** Between two looks at the status; a slot takes about 400 ms. */
const POLL_MS = 400
/** The same while news of it would be heard. */
const LISTENING_POLL_MS = 2_000
/** Between two sendings of the same bytes: leaders drop what they cannot take. */
const RESEND_MS = 2_000
const FIRST_RETRY_MS = 250
const LONGEST_RETRY_MS = 8_000
const OUTAGE_MS = 60_000
/** How often a transaction is signed anew with a fresh blockhash, each time after the last one is certainly dead. */
const MAX_SIGNINGS = 4

export interface Request {
  instructions: TransactionInstruction[]
  /** The first pays the fees; all must be able to sign again when a blockhash dies. */
  signers: [Signer, ...Signer[]]
  fee: Fee
}

/**
 * Sends instructions and returns once they are confirmed. The same signed bytes are sent again until they are executed or their
 * blockhash is dead on the finalized chain; only then is a new transaction signed, so nothing is executed twice.
 */
export async function sendInstructions(
  chain: Chain,
  request: Request,
  signal?: AbortSignal,
): Promise<Receipt> {
  for (let signing = 1; ; signing++) {
    const lifetime = await latestLifetime(chain, signal)
    const transaction = buildTransaction(
      request.signers[0].publicKey,
      request.instructions,
      request.fee,
      lifetime,
    )
    for (const signer of request.signers) await signTransaction(transaction, signer)
    try {
      return await sendTransaction(chain, transaction, lifetime, signal)
    } catch (error) {
      if (codeOf(error) !== 'CHAIN_BLOCKHASH_EXPIRED' || signing === MAX_SIGNINGS) throw error
    }
  }
}

export async function latestLifetime(chain: Chain, signal?: AbortSignal): Promise<Lifetime> {
  return retrying(chain, signal, () => chain.rpc.getLatestBlockhash('confirmed'))
}

/**
 * Sends one fully signed transaction until it is confirmed. Throws CHAIN_BLOCKHASH_EXPIRED when it was not executed and never
 * will be; a named error when it was refused; CHAIN_UNREACHABLE when no RPC node answers. After an abort or CHAIN_UNREACHABLE the
 * transaction may still be executed until its blockhash dies: look at its lease, not at this error.
 */
export async function sendTransaction(
  chain: Chain,
  transaction: VersionedTransaction,
  lifetime: Lifetime,
  signal?: AbortSignal,
): Promise<Receipt> {
  const bytes = transaction.serialize()
  const signature = bs58.encode(transaction.signatures[0]!)
  await rehearse(chain, transaction, signature, signal)
  const news = listen(chain, signature)
  try {
    return await insist(chain, { bytes, signature, lifetime, news }, signal)
  } finally {
    news.end()
  }
}

interface Offered {
  bytes: Uint8Array
  signature: string
  lifetime: Lifetime
  news: News
}

/** The same bytes again and again, until they are executed or never will be. */
async function insist(
  chain: Chain,
  { bytes, signature, lifetime, news }: Offered,
  signal: AbortSignal | undefined,
): Promise<Receipt> {
  let sentAt = Number.NEGATIVE_INFINITY
  for (;;) {
    if (chain.clock.elapsed() - sentAt >= RESEND_MS) {
      sentAt = chain.clock.elapsed()
      await offer(chain, bytes, signal)
    }
    const landed = await statusOf(chain, signature, false, signal)
    if (landed !== undefined) return conclude(chain, signature, landed, signal)
    const height = await retrying(chain, signal, () => chain.rpc.getBlockHeight('finalized'))
    if (height > lifetime.lastValidBlockHeight) {
      const late = await statusOf(chain, signature, true, signal)
      if (late !== undefined) return conclude(chain, signature, late, signal)
      throw new NightshiftError(
        'CHAIN_BLOCKHASH_EXPIRED',
        `transaction ${signature} was not executed in time`,
        {
          advice:
            'Nothing happened on the chain: sign again with a new blockhash, perhaps with a higher priority fee.',
          context: { signature },
        },
      )
    }
    await news.wait(signal)
  }
}

interface News {
  /** Until there is news of the transaction, or it is time to ask. */
  wait(signal: AbortSignal | undefined): Promise<void>
  end(): void
}

function listen({ clock, confirmations }: Chain, signature: string): News {
  let watch: Watch | undefined
  let wake = () => {}
  return {
    wait: async (signal) => {
      watch ??= confirmations?.watch(signature, () => wake())
      if (watch?.isLive() !== true) return clock.sleep(POLL_MS, signal)
      const early = new AbortController()
      wake = () => early.abort()
      const limit = signal === undefined ? early.signal : AbortSignal.any([early.signal, signal])
      await clock.sleep(LISTENING_POLL_MS, limit).catch(() => signal?.throwIfAborted())
    },
    end: () => watch?.end(),
  }
}

/** Simulates before sending: a refusal then costs nothing and comes with its logs. */
async function rehearse(
  chain: Chain,
  transaction: VersionedTransaction,
  signature: string,
  signal: AbortSignal | undefined,
): Promise<void> {
  const { value } = await retrying(chain, signal, () =>
    chain.rpc.simulateTransaction(transaction, { commitment: 'confirmed', sigVerify: false }),
  )
  if (value.err === null || mayStillLand(value.err)) return
  const landed = await statusOf(chain, signature, false, signal)
  if (landed !== undefined) return
  throw explainFailure(chain.programId, { error: value.err, logs: value.logs ?? [] })
}

/** Errors that speak of the node's view and not of the transaction: sending and waiting decides them. */
function mayStillLand(error: unknown): boolean {
  return error === 'BlockhashNotFound' || error === 'AlreadyProcessed'
}

async function offer(chain: Chain, bytes: Uint8Array, signal: AbortSignal | undefined): Promise<void> {
  await retrying(chain, signal, async () => {
    try {
      await chain.rpc.sendRawTransaction(bytes, { skipPreflight: true, maxRetries: 0 })
    } catch (error) {
      // A node that refuses the bytes has not executed them, and another node may: the status decides.
      if (!isAnswer(error)) throw error
    }
  })
}

interface Landed {
  slot: number
  error: unknown
}

async function statusOf(
  chain: Chain,
  signature: string,
  searchTransactionHistory: boolean,
  signal: AbortSignal | undefined,
): Promise<Landed | undefined> {
  const { value } = await retrying(chain, signal, () =>
    chain.rpc.getSignatureStatuses([signature], { searchTransactionHistory }),
  )
  const status = value[0]
  if (status === null || status === undefined) return undefined
  if (status.confirmationStatus === 'processed') return undefined
  return { slot: status.slot, error: status.err }
}

async function conclude(
  chain: Chain,
  signature: string,
  landed: Landed,
  signal: AbortSignal | undefined,
): Promise<Receipt> {
  const found = await retrying(chain, signal, () =>
    chain.rpc.getTransaction(signature, { commitment: 'confirmed', maxSupportedTransactionVersion: 0 }),
  )
  const logs = found?.meta?.logMessages ?? []
  if (landed.error !== null) throw explainFailure(chain.programId, { error: landed.error, logs })
  return { signature, slot: landed.slot, events: parseEvents(chain.programId, logs) }
}

/**
 * A priority fee that three quarters of the recent transactions on these accounts did not exceed, at most `maxMicroLamports` per
 * compute unit.
 */
export async function priorityFee(
  chain: Chain,
  writableAccounts: PublicKey[],
  maxMicroLamports: number,
  signal?: AbortSignal,
): Promise<number> {
  const recent = await retrying(chain, signal, () =>
    chain.rpc.getRecentPrioritizationFees({ lockedWritableAccounts: writableAccounts }),
  )
  const fees = recent.map((entry) => entry.prioritizationFee).sort((left, right) => left - right)
  return Math.min(fees[Math.floor(fees.length * 0.75)] ?? 0, maxMicroLamports)
}

/** Calls again, ever more slowly, while no node answers; an answer that says no is passed on at once. */
export async function retrying<T>(
  chain: Pick<Chain, 'clock' | 'outageMs'>,
  signal: AbortSignal | undefined,
  call: () => Promise<T>,
): Promise<T> {
  const startedAt = chain.clock.elapsed()
  const outageMs = chain.outageMs ?? OUTAGE_MS
  for (let waitMs = FIRST_RETRY_MS; ; waitMs = Math.min(2 * waitMs, LONGEST_RETRY_MS)) {
    signal?.throwIfAborted()
    try {
      return await call()
    } catch (cause) {
      if (isAnswer(cause)) throw refusedCall(cause)
      if (chain.clock.elapsed() - startedAt + waitMs > outageMs) throw unreachable(cause, outageMs)
    }
    await chain.clock.sleep(waitMs, signal)
  }
}

/** JSON-RPC codes with which a node says that it is behind or not ready, not that the request is wrong. */
const NOT_READY = new Set([-32004, -32005, -32014, -32016])

/** Whether a node has answered, as opposed to a broken connection, a time-out or an overloaded gateway. */
function isAnswer(error: unknown): boolean {
  if (error instanceof SendTransactionError) return true
  return error instanceof SolanaJSONRPCError && !NOT_READY.has(Number(error.code))
}

function refusedCall(cause: unknown): NightshiftError {
  const message = cause instanceof Error ? cause.message : String(cause)
  return new NightshiftError('CHAIN_RPC_REFUSED', `the RPC node refused a request: ${message}`, {
    advice: 'Check the URL of the RPC node and what it supports.',
    cause,
  })
}

function unreachable(cause: unknown, outageMs: number): NightshiftError {
  return new NightshiftError(
    'CHAIN_UNREACHABLE',
    `no RPC node answered for ${Math.round(outageMs / 1000)} s`,
    {
      advice:
        'Check the URL of the RPC node and the network; nothing is lost, the same request can be made again.',
      context: { outageMs },
      cause,
    },
  )
}
