import { toHex } from '../../protocols/bytes.js'
import { NightshiftError, type Refusal } from '../../protocols/errors.js'
import { leaseProtocol } from '../../protocols/lease/protocol.js'
import { termsHashOf } from '../../protocols/lease/rules.js'
import type { LeaseRequest, LeaseResponse, Terms } from '../../protocols/lease/wire.js'
import { depositFor } from '../../protocols/money.js'
import { solanaKeyOf } from '../../protocols/peer.js'
import type { Clock } from '../../protocols/ports.js'
import type { Claim } from '../../protocols/settlement/rules.js'
import type { Escrow, LeaseOutcome } from '../escrow/port.js'
import type { Network } from '../net/ports.js'
import type { Collection, Store } from '../store/port.js'
import type { Auction, ReceivedBid } from './auction.js'

/**
 * What the renter remembers of a lease, from before the transaction is sent until the chain has paid and refunded:
 * `proposed` → `open` → `ending` → `closed`, or `proposed` → `dropped` when the chain never saw it.
 */
export interface LeaseRecord {
  address: Uint8Array
  peer: string
  deployment: string
  terms: Terms
  deposit: bigint
  state: 'proposed' | 'open' | 'ending' | 'closed' | 'dropped'
  proposedAtMs: number
  /** What was shown to the provider, as it was sealed: until the lease is open it may have to be shown again. */
  proposal?: { order: Uint8Array; result: Uint8Array }
  /** As the chain numbers it; known once it is open. */
  serial?: bigint
  /** Made for this job with this provider; it seals what the job leaves on the provider's disk. Gone with the lease. */
  key?: Uint8Array
  /** Seconds from the provider's word that it leaves until it does, as its bid promised; missing: none. */
  noticeS?: number
  /** When it said so, Unix milliseconds. */
  leavingToldAtMs?: number
  /** When the provider first said that it runs, Unix milliseconds: never more than has passed since is paid for. */
  begunAtMs?: number
  /** The highest voucher that was ever signed: the next one is never lower, whatever crashes in between. */
  voucher?: Claim & { final: boolean }
  outcome?: LeaseOutcome
}

export type LeaseBook = Collection<LeaseRecord>

export function openLeaseBook(store: Store): LeaseBook {
  return store.collection<LeaseRecord>('leases')
}

export function keyOf(lease: Uint8Array): string {
  return toHex(lease)
}

/** Longest wait for a provider to read a proposal, ask the chain about it and sign. */
const SIGNING_MS = 10_000
const REASON = /^[A-Z][A-Z0-9_]{0,63}$/

/** A lease that its provider has signed: nobody is bound until this renter signs too. */
export interface SignedLease {
  peer: string
  record: LeaseRecord
  transaction: Uint8Array
  signature: Uint8Array
  /** By the clock's `elapsed`. */
  signedAt: number
}

export interface OpenedLease {
  record: LeaseRecord
  transaction: string
}

interface Parts {
  network: Network
  escrow: Escrow
  book: LeaseBook
  clock: Clock
}

/** Proposes the lease to a winner and takes its signature. Throws PROVIDER_SILENT. */
export async function signLease(
  parts: Parts & { market: Uint8Array },
  award: {
    auction: Auction
    winner: ReceivedBid
    pricePerHour: bigint
    result: Uint8Array
    devices: number
    deployment: string
  },
  signal: AbortSignal,
): Promise<SignedLease | Refusal> {
  const { network, clock, market } = parts
  const { order, orderId, envelope } = award.auction
  const { peer } = award.winner
  const terms: Terms = {
    market,
    orderId,
    provider: peer,
    renter: network.peer,
    wallet: order.wallet,
    pricePerHour: award.pricePerHour * BigInt(award.devices),
    durationS: order.durationS,
    sliceMs: order.sliceMs,
    jobHash: order.jobHash,
    devices: award.devices,
  }
  const proposed: Omit<LeaseRecord, 'address'> = {
    peer,
    deployment: award.deployment,
    terms,
    deposit: depositFor(terms.pricePerHour, terms.durationS),
    state: 'proposed',
    proposedAtMs: clock.now(),
    ...(award.winner.noticeS === undefined ? {} : { noticeS: award.winner.noticeS }),
  }
  return propose(parts, proposed, { order: envelope, result: award.result }, signal)
}

/**
 * Shows a lease to its provider, for the first time or again: its address follows from its terms, so however often it is
 * proposed, it is opened once. The record is stored before, since a provider that has signed keeps its devices for it.
 */
export async function propose(
  parts: Parts,
  proposed: Omit<LeaseRecord, 'address'>,
  proposal: { order: Uint8Array; result: Uint8Array },
  signal: AbortSignal,
): Promise<SignedLease | Refusal> {
  const { network, escrow, book, clock } = parts
  const { peer, terms } = proposed
  const { transaction, lease } = await escrow.proposeLease(
    {
      provider: solanaKeyOf(peer),
      wallet: terms.wallet,
      sessionKey: network.publicKey,
      orderId: terms.orderId,
      termsHash: termsHashOf(terms),
      pricePerHour: terms.pricePerHour,
      durationS: terms.durationS,
    },
    signal,
  )
  const record: LeaseRecord = { ...proposed, address: lease, proposal }
  await book.put(keyOf(lease), record)
  let response: LeaseResponse
  try {
    response = await ask(parts, peer, { proposal: { ...proposal, terms, transaction } }, signal)
  } catch (error) {
    await dropLease(book, record)
    throw error
  }
  const { refused, detail, signature } = response
  if (refused === '') return { peer, record, transaction, signature, signedAt: clock.elapsed() }
  await dropLease(book, record)
  return { refused: reasonOf(refused), detail }
}

/** A lease that this renter has not signed and will not sign: nobody can open it. */
export async function dropLease(book: LeaseBook, record: LeaseRecord): Promise<void> {
  const { proposal: _, ...rest } = record
  await book.put(keyOf(record.address), { ...rest, state: 'dropped' })
}

/**
 * Adds our own signature and sends: the order in which nobody is bound before both have signed. Throws LEASE_NOT_FOUND, LEASE_NOT_TAKEN, and what the chain says.
 */
export async function openLease(
  parts: Parts,
  { record, peer, transaction, signature }: SignedLease,
  signal: AbortSignal,
): Promise<OpenedLease> {
  const { escrow, book } = parts
  const { address } = record
  const sent = await escrow.openLease(transaction, signature, signal)
  const account = await escrow.lease(address, signal)
  if (account === undefined) {
    throw new NightshiftError('LEASE_NOT_FOUND', 'the chain took the transaction but has no such lease', {
      advice: 'check that the RPC server is of the cluster that the market is on',
      context: { peer },
    })
  }
  record.serial = account.serial
  record.state = 'open'
  delete record.proposal
  await book.put(keyOf(address), record)
  await tellOpened(parts, peer, address, sent.signature, signal)
  return { record, transaction: sent.signature }
}

/** A peer's word for why not, as far as it is one: it goes into reports, and into the result that everybody sees. */
function reasonOf(refused: string): string {
  return REASON.test(refused) ? refused : 'REFUSED'
}

async function ask(
  { network, clock }: { network: Network; clock: Clock },
  peer: string,
  request: LeaseRequest,
  signal: AbortSignal,
): Promise<LeaseResponse> {
  const late = new AbortController()
  const stop = clock.after(SIGNING_MS, () => late.abort())
  try {
    const limit = AbortSignal.any([signal, late.signal])
    return await network.engine.request(leaseProtocol, peer, request, { signal: limit })
  } catch (cause) {
    signal.throwIfAborted()
    if (!late.signal.aborted) throw cause
    throw new NightshiftError('PROVIDER_SILENT', `the provider did not answer in ${SIGNING_MS / 1000} s`, {
      advice: 'the job goes to the next bid; nothing was deposited, or it comes back by itself',
      context: { peer },
      cause,
    })
  } finally {
    stop()
  }
}

/** A provider that does not take the lease now will not do the job; it could still find the lease by itself. */
export async function tellOpened(
  parts: { network: Network; clock: Clock },
  peer: string,
  lease: Uint8Array,
  signature: string,
  signal: AbortSignal,
): Promise<void> {
  const response = await ask(parts, peer, { opened: { lease, signature } }, signal)
  if (response.refused === '') return
  throw new NightshiftError('LEASE_NOT_TAKEN', `the provider does not take the lease: ${response.detail}`, {
    advice: 'the deposit comes back by itself after the dispute window',
    context: { peer, reason: reasonOf(response.refused) },
  })
}
