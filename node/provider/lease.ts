import { within } from '../../protocols/abort.js'
import { equal, toHex } from '../../protocols/bytes.js'
import { isRefusal, type Refusal } from '../../protocols/errors.js'
import { leaseProtocol } from '../../protocols/lease/protocol.js'
import { judgeProposal, type ProposalRefusal, termsHashOf } from '../../protocols/lease/rules.js'
import type { LeaseRequest, LeaseResponse, Opened, Proposal, Terms } from '../../protocols/lease/wire.js'
import { depositFor } from '../../protocols/money.js'
import { solanaKeyOf } from '../../protocols/peer.js'
import type { Clock, Log } from '../../protocols/ports.js'
import type { Escrow, LeaseAccount } from '../escrow/port.js'
import { openAnnouncement, orderOf, resultOf } from '../market/announcements.js'
import type { Network } from '../net/ports.js'
import type { Session } from '../net/session.js'
import type { Bids } from './bids.js'
import type { Capacity } from './capacity.js'
import type { LeaseRecord, Ledger } from './ledger.js'
import type { Turns } from './turns.js'

export type OpenedRefusal = 'UNKNOWN_LEASE' | 'NOT_ON_CHAIN' | 'LEASE_DIFFERS'

export interface LeaseService {
  stop(): Promise<void>
  /** Reads a signed lease from the chain; the record is `open` when it is there and right. */
  confirm(record: LeaseRecord, signal?: AbortSignal): Promise<LeaseRecord | Refusal<OpenedRefusal>>
}

interface Parts {
  network: Pick<Network, 'peer' | 'publicKey' | 'engine'>
  escrow: Escrow
  ledger: Ledger
  bids: Bids
  capacity: Capacity
  turns: Turns
  clock: Clock
  log: Log
  /** Why no lease is taken now, or undefined. */
  pausedBecause: () => string | undefined
}

/** Signing asks the chain for a few accounts. */
const SIGNING_MS = 20_000
/** The renter's node may see the lease before ours does. */
const CONFIRMING_MS = 10_000
const LOOK_AGAIN_MS = 250

export async function serveLeases(parts: Parts): Promise<LeaseService> {
  const { network } = parts
  await network.engine.handle(leaseProtocol, async (session: Session<LeaseResponse, LeaseRequest>) => {
    for await (const { proposal, opened } of session) {
      await session.send(await answer(parts, session, proposal, opened))
    }
  })
  return {
    stop: () => network.engine.unhandle(leaseProtocol),
    confirm: (record, signal) => confirm(parts, record, signal),
  }
}

async function answer(
  parts: Parts,
  session: Session<LeaseResponse, LeaseRequest>,
  proposal: Proposal | undefined,
  opened: Opened | undefined,
): Promise<LeaseResponse> {
  if (proposal !== undefined) {
    const signed = await take(parts, session, proposal)
    return isRefusal(signed) ? refusal(signed) : { refused: '', detail: '', signature: signed.signature }
  }
  const record = opened === undefined ? undefined : parts.ledger.get(opened.lease)
  if (record === undefined || record.renter !== session.peer) {
    return refusal({ refused: 'UNKNOWN_LEASE', detail: 'this node has signed no such lease of this renter' })
  }
  const confirmed = await confirmSoon(parts, record, session.signal)
  return isRefusal(confirmed) ? refusal(confirmed) : { refused: '', detail: '', signature: new Uint8Array() }
}

/** Looks again for a while: the node that answers us may not have seen the renter's transaction yet. */
async function confirmSoon(
  parts: Parts,
  record: LeaseRecord,
  signal: AbortSignal,
): Promise<LeaseRecord | Refusal<OpenedRefusal>> {
  let found: LeaseRecord | Refusal<OpenedRefusal> = { refused: 'NOT_ON_CHAIN', detail: 'the chain is silent' }
  try {
    await within(parts.clock, CONFIRMING_MS, signal, async (limited) => {
      while (isRefusal((found = await confirm(parts, record, limited))) && found.refused === 'NOT_ON_CHAIN') {
        await parts.clock.sleep(LOOK_AGAIN_MS, limited)
      }
    })
  } catch (error) {
    // Not lost: the lease is looked for again by the node itself (see settlement).
    signal.throwIfAborted()
    parts.log.warn('lease not confirmed yet', { lease: toHex(record.lease), error: String(error) })
  }
  return found
}

function refusal({ refused, detail }: Refusal): LeaseResponse {
  return { refused, detail, signature: new Uint8Array() }
}

/** Everything is checked, then the record is stored, and only then the signature goes out. */
async function take(
  parts: Parts,
  session: Session<LeaseResponse, LeaseRequest>,
  proposal: Proposal,
): Promise<{ signature: Uint8Array } | Refusal<ProposalRefusal>> {
  const { bids, pausedBecause, turns } = parts
  const order = await openOrder(proposal, session.peer)
  if (isRefusal(order)) return order
  const opened = await openAnnouncement(proposal.result)
  const result = isRefusal(opened) ? undefined : resultOf(opened, order)
  if (result === undefined) {
    return {
      refused: 'NOT_THE_WINNER',
      detail: 'the result is not of this order, or not signed by its author',
    }
  }
  const bid = await bids.get(order.orderId)
  if (bid === undefined || bid.renter !== session.peer) {
    return { refused: 'UNKNOWN_ORDER', detail: 'this node made no bid for that order' }
  }
  const { terms } = proposal
  if (terms === undefined) return { refused: 'TERMS_DIFFER', detail: 'the terms are missing' }
  const because = pausedBecause()
  if (because !== undefined) return { refused: 'PAUSED', detail: because }
  const wrong = judgeProposal(terms, {
    order: order.order,
    orderId: order.orderId,
    result,
    self: parts.network.peer,
    renter: session.peer,
    devices: bid.devices,
    bidPricePerHour: bid.pricePerHour,
  })
  if (wrong !== undefined) return wrong
  return turns.take(toHex(order.orderId), () => sign(parts, session, terms, proposal.transaction))
}

async function openOrder(proposal: Proposal, renter: string) {
  const opened = await openAnnouncement(proposal.order)
  const order = isRefusal(opened) ? undefined : orderOf(opened, proposal.order)
  return order !== undefined && order.peer === renter
    ? order
    : ({ refused: 'UNKNOWN_ORDER', detail: 'no order that is signed by this renter' } as const)
}

async function sign(
  parts: Parts,
  session: Session<LeaseResponse, LeaseRequest>,
  terms: Terms,
  transaction: Uint8Array,
): Promise<{ signature: Uint8Array } | Refusal<ProposalRefusal>> {
  const { network, escrow, ledger, capacity, clock, log } = parts
  const id = toHex(terms.orderId)
  const before = ledger.all().find((record) => equal(record.orderId, terms.orderId))
  if (before !== undefined && before.state !== 'signed') {
    return { refused: 'NO_CAPACITY', detail: 'this order has its lease already' }
  }
  if (!capacity.reserve(id, terms.devices, clock.now() + 2 * SIGNING_MS)) {
    return { refused: 'NO_CAPACITY', detail: 'the devices are taken' }
  }
  const termsHash = termsHashOf(terms)
  const proposal = {
    provider: network.publicKey,
    wallet: terms.wallet,
    sessionKey: solanaKeyOf(terms.renter),
    orderId: terms.orderId,
    termsHash,
    pricePerHour: terms.pricePerHour,
    durationS: terms.durationS,
  }
  const signed = await within(clock, SIGNING_MS, session.signal, (signal) =>
    escrow.signLease(transaction, proposal, signal),
  )
  if (isRefusal(signed)) {
    if (before === undefined) capacity.release(id)
    return signed
  }
  // Asked again after a lost answer: fine, as long as it is the one lease that is promised already.
  if (before !== undefined && !equal(before.lease, signed.lease)) {
    return { refused: 'NO_CAPACITY', detail: 'another lease of this order is signed already' }
  }
  await ledger.add({
    lease: signed.lease,
    orderId: terms.orderId,
    terms,
    termsHash,
    renter: session.peer,
    state: 'signed',
    signedAtMs: clock.now(),
    serial: 0n,
    deposit: depositFor(terms.pricePerHour, terms.durationS),
    paid: 0n,
    deadline: 0,
    occupies: true,
  })
  capacity.release(id)
  log.info('lease signed', { lease: toHex(signed.lease), renter: session.peer })
  return { signature: signed.signature }
}

async function confirm(
  { escrow, ledger, log }: Parts,
  record: LeaseRecord,
  signal?: AbortSignal,
): Promise<LeaseRecord | Refusal<OpenedRefusal>> {
  if (record.state === 'open') return record
  if (record.state === 'closed') return { refused: 'UNKNOWN_LEASE', detail: 'that lease is closed' }
  const account = await escrow.lease(record.lease, signal)
  if (account === undefined) return { refused: 'NOT_ON_CHAIN', detail: 'the chain has no such lease yet' }
  const differs = findDifference(record, account)
  if (differs !== undefined) {
    return { refused: 'LEASE_DIFFERS', detail: `${differs} is not as it was signed` }
  }
  const opened = await ledger.change(record.lease, (now) => openWith(now, account))
  if (opened?.state !== 'open') return { refused: 'UNKNOWN_LEASE', detail: 'that lease was dropped' }
  log.info('lease open', { lease: toHex(record.lease), deposit: String(account.deposit) })
  return opened
}

/**
 * Which field of the lease on the chain is not what this node signed, or undefined. That it is a lease of this provider
 * at all follows from its address, which was derived from the provider's account when the node signed.
 */
export function findDifference(record: LeaseRecord, account: LeaseAccount): string | undefined {
  const { terms } = record
  const [, name] =
    [
      [equal(account.wallet, terms.wallet), 'wallet'] as const,
      [equal(account.sessionKey, solanaKeyOf(terms.renter)), 'session key'] as const,
      [equal(account.termsHash, record.termsHash), 'hash of the terms'] as const,
      [account.pricePerHour === terms.pricePerHour, 'price'] as const,
      [account.deposit >= depositFor(terms.pricePerHour, terms.durationS), 'deposit'] as const,
    ].find(([same]) => !same) ?? []
  return name
}

export function openWith(record: LeaseRecord, account: LeaseAccount): LeaseRecord {
  if (record.state !== 'signed') return record
  const { serial, deposit, paid, deadline } = account
  return { ...record, state: 'open', serial, deposit, paid, deadline }
}
