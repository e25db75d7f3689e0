import { isRefusal } from '../../protocols/errors.js'
import type { Clock, Log } from '../../protocols/ports.js'
import type { Escrow } from '../escrow/port.js'
import type { Network } from '../net/ports.js'
import { keyOf, type LeaseBook, type LeaseRecord, openLease, propose, tellOpened } from './lease.js'

/** A transaction that was sent before a crash is on the chain after a few seconds, or most likely never. */
const APPEARING_MS = 5_000
const LOOK_AGAIN_MS = 400

/**
 * Goes on with a lease that an earlier process proposed: `open` when the chain has it, and its provider knows; `ended`
 * when it is over, or about to be; `unopened` when the chain never saw it and its provider does not sign it again.
 */
export async function reopenLease(
  parts: { network: Network; escrow: Escrow; book: LeaseBook; clock: Clock; log: Log },
  record: LeaseRecord,
  signal: AbortSignal,
): Promise<'open' | 'ended' | 'unopened'> {
  const { book } = parts
  const account = await appear(parts, record, signal)
  if (account === 'ended' || account?.cancelled === true) return 'ended'
  if (account === undefined) return openAgain(parts, record, signal)
  record.serial = account.serial
  record.state = 'open'
  delete record.proposal
  await book.put(keyOf(record.address), record)
  await tellOpened(parts, record.peer, record.address, '', signal)
  return 'open'
}

async function appear(
  { escrow, clock }: { escrow: Escrow; clock: Clock },
  { address }: LeaseRecord,
  signal: AbortSignal,
) {
  const until = clock.elapsed() + APPEARING_MS
  for (;;) {
    const account = await escrow.lease(address, signal)
    if (account !== undefined) return account
    if ((await escrow.outcome(address, signal)) !== undefined) return 'ended'
    if (clock.elapsed() >= until) return undefined
    await clock.sleep(LOOK_AGAIN_MS, signal)
  }
}

/** The provider may have signed it already, and keeps its devices for it: it signs the same lease again, and no other. */
async function openAgain(
  parts: { network: Network; escrow: Escrow; book: LeaseBook; clock: Clock; log: Log },
  record: LeaseRecord,
  signal: AbortSignal,
): Promise<'open' | 'unopened'> {
  const { proposal, peer } = record
  if (record.state !== 'proposed' || proposal === undefined) return 'unopened'
  const signed = await propose(parts, record, proposal, signal)
  if (isRefusal(signed)) {
    parts.log.info('a lease is not signed again', { peer, reason: signed.refused, detail: signed.detail })
    return 'unopened'
  }
  const opened = await openLease(parts, signed, signal)
  Object.assign(record, opened.record)
  delete record.proposal
  return 'open'
}
