import { getAssociatedTokenAddressSync } from '@solana/spl-token'
import {
  Connection,
  PublicKey,
  SYSVAR_CLOCK_PUBKEY,
  type TransactionInstruction,
  VersionedTransaction,
} from '@solana/web3.js'
import { leaseAddress, providerAddress } from '../../chain/client/addresses.js'
import { createConfirmations, websocketUrlOf } from '../../chain/client/confirmations.js'
import { type EscrowEvent, parseEvents } from '../../chain/client/events.js'
import {
  cancelLease,
  closeLease,
  complete,
  expireLease,
  type InstructionName,
  type OpenLease,
  settle,
} from '../../chain/client/instructions.js'
import {
  decodeLease,
  decodeMarket,
  decodeProvider,
  freeStake,
  type Lease,
  type Provider,
  type RawAccount,
  termsAt,
} from '../../chain/client/layouts.js'
import {
  type Chain,
  latestLifetime,
  priorityFee,
  retrying,
  sendInstructions,
  sendTransaction,
} from '../../chain/client/sending.js'
import { createVerifier, type Signer } from '../../chain/client/signing.js'
import {
  buildOpening,
  COMPUTE_UNITS,
  decodeOpening,
  disagreement,
  type Lifetime,
  type Opening,
  signTransaction,
} from '../../chain/client/transactions.js'
import { abortable } from '../../protocols/abort.js'
import { equal } from '../../protocols/bytes.js'
import { decodeReceipt } from '../../protocols/challenge/receipt.js'
import { codeOf, NightshiftError } from '../../protocols/errors.js'
import type { Clock } from '../../protocols/ports.js'
import { createProviderAccounts } from './accounts.js'
import {
  type AnswerParts,
  answerDemand,
  closeVerdict,
  type DemandParts,
  demandOpening,
  readDemands,
} from './demand.js'
import { reportFraud } from './fraud.js'
import type { Escrow, LeaseAccount, LeaseOutcome, LeaseProposal, SignedVoucher } from './port.js'
import { createTimedFetch } from './rpc.js'
import { decodeChainTime } from './time.js'
import { decodeTokenAmount } from './token.js'

export interface SolanaEscrowOptions {
  rpcUrl: string
  wsUrl?: string
  commitment: 'processed' | 'confirmed' | 'finalized'
  programId: PublicKey
  market: PublicKey
  /** The node's own key: a provider signs and pays with it. */
  node: Signer
  /** The renter's wallet: pays deposits and fees. Absent on a node that only provides. */
  wallet?: Signer
  clock: Clock
  /** Ceiling of the priority fee, micro-lamports per compute unit. */
  maxMicroLamports?: number
  /** How long no RPC server may answer before a call gives up. */
  outageMs?: number
}

/** Terms change a day after they were announced at the earliest, but a node runs for months. */
const MARKET_CACHE_MS = 60_000
/** For the choice between terms in force and terms announced; deadlines are judged by a fresh reading. */
const CHAIN_TIME_CACHE_MS = 5_000
const DEFAULT_MAX_MICRO_LAMPORTS = 50_000
/** Blockhashes of our own proposals that are still alive; each lives for about a minute. */
const MAX_LIFETIMES = 256

/** The escrow program on a Solana cluster, as the services see it. */
export function createSolanaEscrow(options: SolanaEscrowOptions): Escrow {
  const { programId, market, node, wallet, clock } = options
  const connection = new Connection(options.rpcUrl, {
    commitment: options.commitment,
    disableRetryOnRateLimit: true,
    fetch: createTimedFetch(clock),
  })
  const wsUrl = options.wsUrl ?? websocketUrlOf(options.rpcUrl)
  const chain: Chain = {
    rpc: connection,
    clock,
    programId,
    ...(wsUrl && { confirmations: createConfirmations({ wsUrl, commitment: 'confirmed', clock }) }),
    ...(options.outageMs === undefined ? {} : { outageMs: options.outageMs }),
  }
  const payer = wallet ?? node
  const providers = createProviderAccounts({
    programId,
    market,
    clock,
    read: (addresses) => retrying(chain, undefined, () => connection.getMultipleAccountsInfo(addresses)),
  })
  const lifetimes = new Map<string, Lifetime>()

  const account = async (address: PublicKey, signal?: AbortSignal): Promise<RawAccount | null> =>
    abortable(
      retrying(chain, signal, () => connection.getAccountInfo(address)),
      signal,
    )

  const readMarket = cached(clock, MARKET_CACHE_MS, async (signal) =>
    decodeMarket(market, await account(market, signal), programId),
  )

  const readProvider = async (address: PublicKey, signal?: AbortSignal): Promise<Provider | undefined> => {
    const raw = await account(address, signal)
    return raw === null ? undefined : decodeProvider(address, raw, programId)
  }

  const readLease = async (address: PublicKey, signal?: AbortSignal): Promise<Lease | undefined> => {
    const raw = await account(address, signal)
    return raw === null ? undefined : decodeLease(address, raw, programId)
  }

  const requireLease = async (address: PublicKey, signal?: AbortSignal): Promise<Lease> => {
    const lease = await readLease(address, signal)
    if (lease !== undefined) return lease
    throw new NightshiftError('LEASE_GONE', `there is no lease at ${address.toBase58()}`, {
      advice: 'it was closed already; its outcome is on the chain',
      context: { lease: address.toBase58() },
    })
  }

  const tokenAccount = (mint: PublicKey, owner: PublicKey) => getAssociatedTokenAddressSync(mint, owner, true)

  const chainTime = async (signal?: AbortSignal): Promise<number> =>
    decodeChainTime(await account(SYSVAR_CLOCK_PUBKEY, signal))

  const recentChainTime = cached(clock, CHAIN_TIME_CACHE_MS, chainTime)

  /** The market, and its terms that are in force. */
  const marketNow = async (signal?: AbortSignal) => {
    const [read, time] = await Promise.all([readMarket(signal), recentChainTime(signal)])
    return { read, terms: termsAt(read, time) }
  }

  const fee = async (writable: PublicKey[], signal?: AbortSignal) =>
    priorityFee(chain, writable, options.maxMicroLamports ?? DEFAULT_MAX_MICRO_LAMPORTS, signal)

  const send = async (
    name: InstructionName,
    lease: PublicKey,
    instructions: TransactionInstruction[],
    signers: [Signer, ...Signer[]],
    signal?: AbortSignal,
  ) => {
    const microLamports = await fee([lease], signal)
    const request = { instructions, signers, fee: { computeUnits: COMPUTE_UNITS[name], microLamports } }
    const { signature } = await sendInstructions(chain, request, signal)
    return { signature }
  }

  const feeAccountOf = async (lease: Lease, signal?: AbortSignal) => {
    if (lease.feeBps === 0) return {}
    const { terms } = await marketNow(signal)
    return { feeAccount: terms.feeAccount }
  }

  const openingOf = async (proposal: LeaseProposal, signal?: AbortSignal): Promise<OpenLease> => {
    const { read, terms } = await marketNow(signal)
    const { bondBps, disputeWindowSeconds, feeBps } = terms
    const renter = new PublicKey(proposal.wallet)
    return {
      programId,
      market,
      mint: read.mint,
      node: new PublicKey(proposal.provider),
      renter,
      source: tokenAccount(read.mint, renter),
      termsHash: proposal.termsHash,
      session: new PublicKey(proposal.sessionKey),
      pricePerHour: proposal.pricePerHour,
      durationSeconds: proposal.durationS,
      bondBps,
      disputeWindowSeconds,
      feeBps,
    }
  }

  /** What is due about a provider's receipt; what was read of that provider before may not hold any more. */
  const asReporter = async <T>(receipt: Uint8Array, act: (parts: DemandParts) => Promise<T>): Promise<T> => {
    if (wallet === undefined) {
      throw new NightshiftError('WALLET_MISSING', 'this node holds no wallet that could report a fraud', {
        advice: 'name the wallet’s key file in the configuration',
      })
    }
    const mint = async (signal?: AbortSignal) => (await readMarket(signal)).mint
    const parts = { chain, connection, market, reporter: wallet, account, mint, tokenAccount, fee, chainTime }
    try {
      return await act(parts)
    } finally {
      const key = decodeReceipt(receipt)?.provider
      if (key !== undefined) {
        providers.forget(key)
      }
    }
  }

  const provider = providerAddress(programId, market, node.publicKey)
  const answering: AnswerParts = { chain, connection, node, provider, account, fee }

  return {
    market: async (signal) => {
      const { mint, decimals, terms } = await readMarket(signal)
      return {
        address: market.toBytes(),
        mint: mint.toBytes(),
        decimals,
        minimumStake: terms.minimumStake,
        disputeWindowS: terms.disputeWindowSeconds,
      }
    },

    provider: providers.one,
    providers: providers.many,

    funds: async (wallet, signal) => {
      const { mint } = await readMarket(signal)
      const raw = await account(tokenAccount(mint, new PublicKey(wallet)), signal)
      return raw === null ? 0n : decodeTokenAmount(raw)
    },

    proposeLease: async (proposal, signal) => {
      const [opening, lifetime, microLamports] = await Promise.all([
        openingOf(proposal, signal),
        latestLifetime(chain, signal),
        fee([market], signal),
      ])
      lifetimes.set(lifetime.blockhash, lifetime)
      if (lifetimes.size > MAX_LIFETIMES) lifetimes.delete(lifetimes.keys().next().value as string)
      const transaction = buildOpening(opening, microLamports, lifetime)
      const provider = providerAddress(programId, market, opening.node)
      const { renter, termsHash } = opening
      const lease = leaseAddress(programId, { provider, renter, termsHash })
      return { transaction: transaction.serialize(), lease: lease.toBytes() }
    },

    signLease: async (bytes, proposal, signal) => {
      let opening: Opening
      try {
        opening = decodeOpening(bytes, programId)
      } catch (error) {
        if (codeOf(error) !== 'OPENING_REFUSED') throw error
        return { refused: 'BAD_TRANSACTION', detail: (error as Error).message }
      }
      const { read, terms } = await marketNow(signal)
      const differs = findDifference(opening, proposal, { market, mint: read.mint, node: node.publicKey })
      const disagrees = differs ?? disagreement(opening, terms)
      if (disagrees !== undefined) {
        return { refused: 'BAD_TRANSACTION', detail: `its ${disagrees} is not as agreed` }
      }
      const provider = await readProvider(opening.provider, signal)
      const free = provider === undefined ? 0n : freeStake(provider)
      if (free < opening.bond) {
        return { refused: 'STAKE_TOO_SMALL', detail: `${free} free, ${opening.bond} needed for the bond` }
      }
      const signature = await node.sign(opening.transaction.message.serialize())
      return { signature, lease: opening.lease.toBytes() }
    },

    openLease: async (bytes, providerSignature, signal) => {
      const transaction = VersionedTransaction.deserialize(bytes)
      const opening = decodeOpening(bytes, programId)
      if (wallet === undefined || !opening.renter.equals(wallet.publicKey)) {
        throw new NightshiftError(
          'WALLET_MISSING',
          'this node does not hold the wallet that pays the deposit',
          { advice: 'name the wallet’s key file in the configuration' },
        )
      }
      const lifetime = lifetimes.get(opening.blockhash)
      if (lifetime === undefined) {
        throw new NightshiftError('PROPOSAL_EXPIRED', 'the proposal is too old to be sent', {
          advice: 'hold the auction again',
        })
      }
      // Simulations do not look at signatures: without this, a made-up one would be waited for until it is too old.
      const isSigned = createVerifier(opening.node.toBytes())
      if (!isSigned(transaction.message.serialize(), providerSignature)) {
        throw new NightshiftError(
          'PROVIDER_SIGNATURE_INVALID',
          'the provider did not sign what it was shown',
          {
            advice: 'nothing was sent; the job goes to the next bid',
            context: { provider: opening.node.toBase58() },
          },
        )
      }
      transaction.addSignature(opening.node, providerSignature)
      await signTransaction(transaction, wallet)
      const { signature } = await sendTransaction(chain, transaction, lifetime, signal)
      return { signature }
    },

    lease: async (address, signal) => {
      const key = new PublicKey(address)
      const lease = await readLease(key, signal)
      return lease && describe(key, lease)
    },

    settle: async (voucher, signal) => {
      const lease = new PublicKey(voucher.lease)
      const parties = await requireLease(lease, signal)
      const instructions = settle({
        programId,
        lease,
        parties,
        voucher: signedOf(voucher),
        ...(await feeAccountOf(parties, signal)),
      })
      return send('settle', lease, instructions, [payer], signal)
    },

    closeLease: async (address, voucher, signal) => {
      const lease = new PublicKey(address)
      const [parties, { mint }] = await Promise.all([requireLease(lease, signal), readMarket(signal)])
      const instructions = closeLease({
        programId,
        lease,
        parties,
        node: node.publicKey,
        refund: tokenAccount(mint, parties.renter),
        agreement: { voucher: signedOf(voucher) },
        ...(await feeAccountOf(parties, signal)),
      })
      return send('closeLease', lease, instructions, [node], signal)
    },

    cancelLease: async (address, signal) => {
      const lease = new PublicKey(address)
      const instruction = cancelLease({ programId, lease, signer: payer.publicKey })
      return send('cancelLease', lease, [instruction], [payer], signal)
    },

    expireLease: async (address, signal) => {
      const lease = new PublicKey(address)
      const [parties, { mint }] = await Promise.all([requireLease(lease, signal), readMarket(signal)])
      const refund = tokenAccount(mint, parties.renter)
      const instruction = expireLease({ programId, lease, parties, mint, refund })
      return send('expireLease', lease, [instruction], [payer], signal)
    },

    outcome: async (address, signal) => {
      const key = new PublicKey(address)
      const entries = await retrying(chain, signal, () => connection.getSignaturesForAddress(key))
      const signatures = entries
        .filter(({ err }) => err === null)
        .map(({ signature }) => signature)
        .reverse()
      const steps = await Promise.all(
        signatures.map(async (signature) => {
          const found = await retrying(chain, signal, () =>
            connection.getTransaction(signature, { maxSupportedTransactionVersion: 0 }),
          )
          const events = parseEvents(programId, found?.meta?.logMessages ?? [])
          return { signature, events: events.filter(({ subject }) => subject.equals(key)) }
        }),
      )
      // Anybody may name the lease in a transaction of another kind: that is no part of its story.
      return readOutcome(steps.filter(({ events }) => events.length > 0))
    },

    complete: async (address, output, signal) => {
      const lease = new PublicKey(address)
      const instruction = complete({ programId, node: node.publicKey, provider, lease, output })
      return send('complete', lease, [instruction], [node], signal)
    },

    reportFraud: (evidence, signal) =>
      asReporter(evidence.receipt, (parts) => reportFraud(parts, evidence, signal)),
    demandOpening: (demand, signal) =>
      asReporter(demand.receipt, (parts) => demandOpening(parts, demand, signal)),
    closeVerdict: (signed, signal) =>
      asReporter(signed.receipt, (parts) => closeVerdict(parts, signed, signal)),

    demands: (signal) => readDemands(answering, signal),
    answerDemand: (demand, opening, signal) => answerDemand(answering, demand, opening, signal),

    chainTime,
  }
}

/** The first field of an opening that is not as the two agreed. */
function findDifference(
  opening: Opening,
  proposal: LeaseProposal,
  facts: { market: PublicKey; mint: PublicKey; node: PublicKey },
): string | undefined {
  const same: Array<[boolean, string]> = [
    [opening.market.equals(facts.market), 'market'],
    [opening.mint.equals(facts.mint), 'mint'],
    [opening.node.equals(facts.node) && equal(opening.node.toBytes(), proposal.provider), 'provider'],
    [equal(opening.renter.toBytes(), proposal.wallet), 'wallet'],
    [equal(opening.session.toBytes(), proposal.sessionKey), 'session key'],
    [equal(opening.termsHash, proposal.termsHash), 'terms hash'],
    [opening.pricePerHour === proposal.pricePerHour, 'price'],
    [opening.durationSeconds === proposal.durationS, 'duration'],
  ]
  return same.find(([holds]) => !holds)?.[1]
}

function describe(address: PublicKey, lease: Lease): LeaseAccount {
  return {
    address: address.toBytes(),
    serial: lease.serial,
    wallet: lease.renter.toBytes(),
    sessionKey: lease.session.toBytes(),
    termsHash: Uint8Array.from(lease.termsHash),
    pricePerHour: lease.pricePerHour,
    deposit: lease.deposit,
    paid: lease.paid,
    bond: lease.bond,
    openedAt: lease.startedAt,
    deadline: lease.deadline,
    cancelled: lease.cancelled,
    completed: lease.completed,
  }
}

function signedOf(voucher: SignedVoucher): { message: Uint8Array; signature: Uint8Array } {
  return { message: voucher.bytes, signature: voucher.signature }
}

function readOutcome(steps: Array<{ signature: string; events: EscrowEvent[] }>): LeaseOutcome | undefined {
  const transactions = steps.map(({ signature }) => signature)
  let deposited = 0n
  for (const event of steps.flatMap(({ events }) => events)) {
    if (event.name === 'LeaseOpened') deposited = event.values.deposit
    if (event.name === 'LeaseClosed' || event.name === 'LeaseExpired') {
      return { transactions, deposited, paid: event.values.paid, refunded: event.values.refunded }
    }
  }
  return undefined
}

/** Reads once for all who ask within `maxAgeMs`; a reading that failed is forgotten. */
function cached<T>(
  clock: Clock,
  maxAgeMs: number,
  read: (signal?: AbortSignal) => Promise<T>,
): (signal?: AbortSignal) => Promise<T> {
  let last: { value: Promise<T>; readAt: number } | undefined
  return (signal) => {
    if (last === undefined || clock.elapsed() - last.readAt >= maxAgeMs) {
      // Without the caller's signal: others wait for the same answer.
      const reading = { value: read(), readAt: clock.elapsed() }
      last = reading
      reading.value.catch(() => {
        if (last === reading) last = undefined
      })
    }
    return abortable(last.value, signal)
  }
}
