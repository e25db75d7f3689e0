import { codeOf, NightshiftError } from '../../protocols/errors.js'
import type { Clock, Log } from '../../protocols/ports.js'
import { settlementProtocol } from '../../protocols/settlement/protocol.js'
import { due, type Meter } from '../../protocols/settlement/rules.js'
import { encodeVoucher } from '../../protocols/settlement/voucher.js'
import type { VoucherRequest } from '../../protocols/settlement/wire.js'
import type { Escrow, LeaseOutcome } from '../escrow/port.js'
import type { Network } from '../net/ports.js'
import { keyOf, type LeaseBook, type LeaseRecord } from './lease.js'

export interface Settler {
  /**
   * Signs and sends a voucher for `workedMs` of work when a slice more than before is due, or when the last one may not
   * have arrived. Throws VOUCHER_REFUSED; a voucher that cannot be delivered now goes out at the next call.
   */
  pay(lease: LeaseRecord, workedMs: number, signal: AbortSignal): Promise<Paid | undefined>
  /** The last voucher of an earlier process may not have arrived: the next one goes out at once. */
  doubt(lease: LeaseRecord): void
  /** The last voucher, for the whole work; waits until the lease is closed. Throws LEASE_NOT_CLOSED. */
  finish(lease: LeaseRecord, workedMs: number, signal: AbortSignal): Promise<LeaseOutcome>
  /** Ends a lease whose provider failed: everything that no voucher pays for comes back. */
  reclaim(lease: LeaseRecord, signal: AbortSignal): Promise<LeaseOutcome | undefined>
  /**
   * Ends every lease that is not in use and not closed, as the chain has it; for start and timer. `onClosed` is called
   * for each as it closes. One that cannot be ended now keeps none of the others from it.
   */
  reconcile(
    inUse: (lease: LeaseRecord) => boolean,
    onClosed: (lease: LeaseRecord) => Promise<void>,
    signal: AbortSignal,
  ): Promise<void>
}

export interface Paid {
  amount: bigint
  sequence: bigint
}

/** A transaction's blockhash is dead after about a minute; a proposal that the chain has not seen by then is void. */
const PROPOSAL_LIFE_MS = 120_000
/** Longest wait for a provider to answer a voucher of a running job; the next one says the same and more. */
const DELIVERY_MS = 10_000
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

  /** Leases whose last voucher may not have arrived: the provider may be waiting for it. */
  const undelivered = new Set<string>()
  /** Leases that `reconcile` is at: ending one takes a dispute window, and the timer does not wait for it. */
  const ending = new Set<string>()

  /** Signs the next voucher, never lower than one that was signed before, and stores it before it goes out. */
  const sendVoucher = async (lease: LeaseRecord, amount: bigint, final: boolean, signal: AbortSignal) => {
    const { serial, voucher: before } = lease
    if (serial === undefined) {
      throw new NightshiftError('LEASE_NOT_OPEN', 'a lease that is not open yet is not paid for', {
        advice: 'wait until the chain has confirmed it',
      })
    }
    const voucher =
      before?.final === true
        ? // A final one is said again as it was, if its answer was lost: nothing comes after it.
          { lease: lease.address, serial, ...before }
        : {
            lease: lease.address,
            serial,
            amount: before !== undefined && before.amount > amount ? before.amount : amount,
            sequence: (before?.sequence ?? 0n) + 1n,
            final,
          }
    lease.voucher = { amount: voucher.amount, sequence: voucher.sequence, final: voucher.final }
    await book.put(keyOf(lease.address), lease)
    const bytes = encodeVoucher(voucher)
    const signature = await network.privateKey.sign(bytes)
    undelivered.add(keyOf(lease.address))
    const refused = await deliver(
      lease.peer,
      { voucher: bytes, signature },
      final ? CLOSING_MS : DELIVERY_MS,
      signal,
    )
    undelivered.delete(keyOf(lease.address))
    if (refused !== '') {
      throw new NightshiftError('VOUCHER_REFUSED', `the provider refuses a voucher: ${refused}`, {
        advice: 'the lease is ended and what is not paid for comes back by itself',
        context: { peer: lease.peer },
      })
    }
    return voucher
  }

  /** Resolves to the provider's reason against it, empty when it took it. Throws VOUCHER_UNDELIVERED. */
  const deliver = async (peer: string, request: VoucherRequest, waitMs: number, signal: AbortSignal) => {
    const late = new AbortController()
    const stop = clock.after(waitMs, () => late.abort(new Error(`no answer in ${waitMs} ms`)))
    try {
      const limit = AbortSignal.any([signal, late.signal])
      const { refused } = await network.engine.request(settlementProtocol, peer, request, { signal: limit })
      return refused
    } catch (cause) {
      signal.throwIfAborted()
      throw new NightshiftError('VOUCHER_UNDELIVERED', 'a voucher may not have arrived', {
        advice: 'nothing to do: the next one says the same and more',
        context: { peer },
        cause,
      })
    } finally {
      stop()
    }
  }

  const close = async (lease: LeaseRecord, outcome: LeaseOutcome): Promise<LeaseOutcome> => {
    undelivered.delete(keyOf(lease.address))
    lease.state = 'closed'
    delete lease.key
    lease.outcome = outcome
    await book.put(keyOf(lease.address), lease)
    return outcome
  }

  /** How the lease ended when its account is gone; undefined when it is still there after `waitMs`. */
  const awaitClosed = async (lease: LeaseRecord, waitMs: number, signal: AbortSignal) => {
    const until = clock.elapsed() + waitMs
    while (clock.elapsed() < until) {
      if ((await escrow.lease(lease.address, signal)) === undefined) {
        const outcome = await escrow.outcome(lease.address, signal)
        if (outcome !== undefined) return close(lease, outcome)
      }
      await clock.sleep(POLL_MS, signal)
    }
    return undefined
  }

  /** The other side may have ended the lease in the same moment: then what we wanted has come about. */
  const unlessGone = async (lease: LeaseRecord, signal: AbortSignal, act: () => Promise<unknown>) => {
    try {
      await act()
    } catch (error) {
      signal.throwIfAborted()
      if ((await escrow.lease(lease.address, signal)) !== undefined) throw error
      log.debug('the lease was ended by the other side', { peer: lease.peer, error: String(error) })
    }
  }

  /** A slash may have brought the deadline forward since we looked: then the next look sees it. */
  const cancel = async (lease: LeaseRecord, signal: AbortSignal) => {
    try {
      await escrow.cancelLease(lease.address, signal)
    } catch (error) {
      if (!['ESCROW_LEASE_ENDED', 'ESCROW_ALREADY_CANCELLED'].includes(codeOf(error) ?? '')) throw error
      await clock.sleep(POLL_MS, signal)
    }
  }

  /** Cancels, waits for the dispute window in which the provider may still settle, and takes the rest back. */
  const reclaim = async (lease: LeaseRecord, signal: AbortSignal): Promise<LeaseOutcome | undefined> => {
    let account = await escrow.lease(lease.address, signal)
    if (account === undefined) {
      const outcome = await escrow.outcome(lease.address, signal)
      return outcome === undefined ? undefined : close(lease, outcome)
    }
    lease.state = 'ending'
    await book.put(keyOf(lease.address), lease)
    while (account !== undefined) {
      const leftS: number = account.deadline - (await escrow.chainTime(signal))
      if (leftS <= 0) {
        await unlessGone(lease, signal, () => escrow.expireLease(lease.address, signal))
        break
      }
      // Not after the deadline: there is nothing to bring forward any more.
      if (!account.cancelled) await unlessGone(lease, signal, () => cancel(lease, signal))
      else await clock.sleep(Math.max(POLL_MS, leftS * 500), signal)
      account = await escrow.lease(lease.address, signal)
    }
    return awaitClosed(lease, CLOSING_MS, signal)
  }

  /** Ends a lease of an earlier job; true when it is closed now. */
  const settleOld = async (lease: LeaseRecord, signal: AbortSignal): Promise<boolean> => {
    if ((await reclaim(lease, signal)) !== undefined) return true
    if (lease.state === 'proposed' && clock.now() - lease.proposedAtMs > PROPOSAL_LIFE_MS) {
      lease.state = 'dropped'
      await book.put(keyOf(lease.address), lease)
    }
    return false
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
      const isDue = amount > paid && amount - paid >= due(meter, meter.sliceMs)
      if (!isDue && !undelivered.has(keyOf(lease.address))) return undefined
      try {
        const voucher = await sendVoucher(lease, amount, false, signal)
        return { amount: voucher.amount, sequence: voucher.sequence }
      } catch (error) {
        if (codeOf(error) !== 'VOUCHER_UNDELIVERED') throw error
        log.warn('a voucher may not have arrived', { peer: lease.peer, error: String(error) })
        return undefined
      }
    },

    doubt: (lease) => {
      if (lease.voucher !== undefined) undelivered.add(keyOf(lease.address))
    },

    finish: async (lease, workedMs, signal) => {
      let outcome: LeaseOutcome | undefined
      try {
        await sendVoucher(lease, due(meterOf(lease), workedMs), true, signal)
        outcome = await awaitClosed(lease, CLOSING_MS, signal)
      } catch (error) {
        signal.throwIfAborted()
        if (!codeOf(error)?.startsWith('VOUCHER_')) throw error
        // If it has arrived all the same, the provider can still close with it within the dispute window.
        log.warn('the final voucher did not arrive', { peer: lease.peer, error: String(error) })
      }
      outcome ??= await reclaim(lease, signal)
      if (outcome !== undefined) return outcome
      throw new NightshiftError('LEASE_NOT_CLOSED', 'the lease is not closed yet', {
        advice: 'nothing is lost: this node goes on trying, and ends it by itself after the deadline',
        context: { lease: keyOf(lease.address) },
      })
    },

    reclaim,

    reconcile: async (inUse, onClosed, signal) => {
      const left = (await book.list()).filter(
        ({ key, value }) => !['closed', 'dropped'].includes(value.state) && !inUse(value) && !ending.has(key),
      )
      await Promise.all(
        left.map(async ({ key, value: lease }) => {
          ending.add(key)
          try {
            if (await settleOld(lease, signal)) await onClosed(lease)
          } catch (error) {
            log.warn('a lease is ended later', { lease: key, peer: lease.peer, error: String(error) })
          } finally {
            ending.delete(key)
          }
        }),
      )
    },
  }
}
