import { NightshiftError } from '../../protocols/errors.js'
import type { Clock, Log } from '../../protocols/ports.js'
import { settlementProtocol } from '../../protocols/settlement/protocol.js'
import { due, type Meter } from '../../protocols/settlement/rules.js'
import { encodeVoucher } from '../../protocols/settlement/voucher.js'
import type { Escrow, LeaseOutcome } from '../escrow/port.js'
import type { Network } from '../net/ports.js'
import { keyOf, type LeaseBook, type LeaseRecord } from './lease.js'

export interface Settler {
  /** Signs and sends a voucher for `workedMs` of work when a slice more than before is due. */
  pay(lease: LeaseRecord, workedMs: number, signal: AbortSignal): Promise<Paid | undefined>
  /** The last voucher, for the whole work; waits until the provider has closed the lease with it. */
  finish(lease: LeaseRecord, workedMs: number, signal: AbortSignal): Promise<LeaseOutcome>
  /** Ends a lease whose provider failed: everything that no voucher pays for comes back. */
  reclaim(lease: LeaseRecord, signal: AbortSignal): Promise<LeaseOutcome | undefined>
  /** Ends every lease that is not in use and not closed, as the chain has it; for start and timer. Those that closed. */
  reconcile(inUse: (lease: LeaseRecord) => boolean, signal: AbortSignal): Promise<LeaseRecord[]>
}

export interface Paid {
  amount: bigint
  sequence: bigint
}

/** A transaction's blockhash is dead after about a minute; a proposal that the chain has not seen by then is void. */
const PROPOSAL_LIFE_MS = 120_000
/** How long a provider may take to close a lease with a final voucher before we end it ourselves. */
const CLOSING_MS = 30_000
const POLL_MS = 400

export function createSettler(parts: {
  network: Network
  escrow: Escrow
  book: LeaseBook
  clock: Clock
  log: Log
}): Settler {
  const { network, escrow, book, clock, log } = parts

  /** Signs the next voucher, never lower than one that was signed before, and stores it before it goes out. */
  const sendVoucher = async (lease: LeaseRecord, amount: bigint, final: boolean, signal: AbortSignal) => {
    const { serial, voucher: before } = lease
    if (serial === undefined) {
      throw new NightshiftError('LEASE_NOT_OPEN', 'a lease that is not open yet is not paid for', {
        advice: 'wait until the chain has confirmed it',
      })
    }
    const voucher = {
      lease: lease.address,
      serial,
      amount: before !== undefined && before.amount > amount ? before.amount : amount,
      sequence: (before?.sequence ?? 0n) + 1n,
      final,
    }
    lease.voucher = { amount: voucher.amount, sequence: voucher.sequence, final }
    await book.put(keyOf(lease.address), lease)
    const bytes = encodeVoucher(voucher)
    const signature = await network.privateKey.sign(bytes)
    const response = await network.engine.request(
      settlementProtocol,
      lease.peer,
      { voucher: bytes, signature },
      { signal },
    )
    if (response.refused !== '') {
      throw new NightshiftError('VOUCHER_REFUSED', `the provider refuses a voucher: ${response.detail}`, {
        advice: 'the lease is ended and what is not paid for comes back by itself',
        context: { peer: lease.peer, reason: response.refused },
      })
    }
    return voucher
  }

  const close = async (lease: LeaseRecord, outcome: LeaseOutcome): Promise<LeaseOutcome> => {
    lease.state = 'closed'
    lease.outcome = outcome
    await book.put(keyOf(lease.address), lease)
    return outcome
  }

  /** Resolves when the lease account is gone; undefined when it is still there after `waitMs`. */
  const awaitClosed = async (lease: LeaseRecord, waitMs: number, signal: AbortSignal) => {
    const until = clock.elapsed() + waitMs
    while (clock.elapsed() < until) {
      const outcome = await escrow.outcome(lease.address, signal)
      if (outcome !== undefined) return close(lease, outcome)
      await clock.sleep(POLL_MS, signal)
    }
    return undefined
  }

  /** Cancels, waits for the dispute window in which the provider may still settle, and takes the rest back. */
  const reclaim = async (lease: LeaseRecord, signal: AbortSignal): Promise<LeaseOutcome | undefined> => {
    let account = await escrow.lease(lease.address, signal)
    if (account === undefined) {
      const outcome = await escrow.outcome(lease.address, signal)
      if (outcome !== undefined) return close(lease, outcome)
      return undefined
    }
    lease.state = 'ending'
    await book.put(keyOf(lease.address), lease)
    if (!account.cancelled) {
      await escrow.cancelLease(lease.address, signal)
      account = await escrow.lease(lease.address, signal)
    }
    while (account !== undefined) {
      const leftS = account.deadline - (await escrow.chainTime(signal))
      if (leftS < 0) {
        await escrow.expireLease(lease.address, signal)
        break
      }
      await clock.sleep(Math.max(POLL_MS, leftS * 500), signal)
      account = await escrow.lease(lease.address, signal)
    }
    return awaitClosed(lease, CLOSING_MS, signal)
  }

  const meterOf = (lease: LeaseRecord): Meter => ({
    pricePerHour: lease.terms.pricePerHour,
    deposit: lease.deposit,
    sliceMs: lease.terms.sliceMs,
  })

  return {
    pay: async (lease, workedMs, signal) => {
      const meter = meterOf(lease)
      const amount = due(meter, workedMs)
      const paid = lease.voucher?.amount ?? 0n
      if (amount - paid < due(meter, meter.sliceMs)) return undefined
      const voucher = await sendVoucher(lease, amount, false, signal)
      return { amount: voucher.amount, sequence: voucher.sequence }
    },

    finish: async (lease, workedMs, signal) => {
      try {
        await sendVoucher(lease, due(meterOf(lease), workedMs), true, signal)
      } catch (error) {
        signal.throwIfAborted()
        log.warn('the final voucher did not arrive', { peer: lease.peer, error: String(error) })
      }
      const outcome = (await awaitClosed(lease, CLOSING_MS, signal)) ?? (await reclaim(lease, signal))
      if (outcome !== undefined) return outcome
      throw new NightshiftError('LEASE_NOT_CLOSED', 'the lease is not closed yet', {
        advice: 'nothing is lost: this node goes on trying, and ends it by itself after the deadline',
        context: { lease: keyOf(lease.address) },
      })
    },

    reclaim,

    reconcile: async (inUse, signal) => {
      const closed: LeaseRecord[] = []
      for (const { value: lease } of await book.list()) {
        if (lease.state === 'closed' || lease.state === 'dropped' || inUse(lease)) continue
        const outcome = await reclaim(lease, signal)
        if (outcome !== undefined) closed.push(lease)
        const isVoid = outcome === undefined && clock.now() - lease.proposedAtMs > PROPOSAL_LIFE_MS
        if (isVoid && lease.state === 'proposed') {
          lease.state = 'dropped'
          await book.put(keyOf(lease.address), lease)
        }
      }
      return closed
    },
  }
}
