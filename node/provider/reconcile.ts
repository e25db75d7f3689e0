import { within } from '../../protocols/abort.js'
import { toHex } from '../../protocols/bytes.js'
import { codeOf, isRefusal, type Refusal } from '../../protocols/errors.js'
import type { Clock, Log } from '../../protocols/ports.js'
import type { Escrow, LeaseAccount } from '../escrow/port.js'
import type { LeaseRecord, Ledger } from './ledger.js'
import { nextStep, type Step, stopReason } from './plan.js'
import type { Turns } from './turns.js'
import type { StopReason } from './work.js'

/**
 * Level-triggered: compares every lease that this node has stored with the chain, and does what is due. It runs at
 * start, on a timer and when woken; messages only make it sooner, so none that is lost can cost money.
 */
export interface Reconciler {
  /** One pass over all leases; passes never overlap, and one that is asked for during another follows it. */
  run(): Promise<void>
  /** Pays out what every open lease's best voucher is worth now: for a node that stops. */
  settleAll(signal: AbortSignal): Promise<void>
}

interface Parts {
  escrow: Escrow
  ledger: Ledger
  turns: Turns
  clock: Clock
  log: Log
  confirm: (record: LeaseRecord, signal: AbortSignal) => Promise<LeaseRecord | Refusal>
  close: (lease: Uint8Array, signal: AbortSignal) => Promise<string | undefined>
  /** The job of the lease must stop, for this reason (a code). */
  onStop: (lease: Uint8Array, because: StopReason) => void
  /** The lease is over on the chain. */
  onClosed: (record: LeaseRecord) => void
}

const STEP_MS = 30_000
/** Closed leases are kept for people to look at, and forgotten after a week. */
const KEEP_MS = 7 * 24 * 3_600_000

export function createReconciler(parts: Parts): Reconciler {
  const { escrow, ledger, clock, log } = parts
  let running: Promise<void> | undefined
  let isAsked = false

  async function pass(): Promise<void> {
    const records = ledger.all()
    for (const { lease } of records.filter((record) => isOld(record, clock.now()))) await ledger.forget(lease)
    const live = records.filter(({ state }) => state !== 'closed')
    if (live.length === 0) return
    const chainNow = await within(clock, STEP_MS, undefined, (signal) => escrow.chainTime(signal))
    for (const record of live) {
      try {
        await within(clock, STEP_MS, undefined, (signal) => reconcile(parts, record.lease, chainNow, signal))
      } catch (error) {
        log.warn('a lease could not be reconciled; it is tried again', {
          lease: toHex(record.lease),
          code: codeOf(error),
          error: String(error),
        })
      }
    }
  }

  async function run(): Promise<void> {
    if (running !== undefined) {
      isAsked = true
      return running
    }
    running = (async () => {
      do {
        isAsked = false
        await pass().catch((error) => log.warn('the chain could not be asked', { error: String(error) }))
      } while (isAsked)
    })().finally(() => {
      running = undefined
    })
    return running
  }

  return {
    run,
    settleAll: async (signal) => {
      const owed = ledger
        .all()
        .filter(
          ({ state, best, paid }) =>
            state === 'open' && best !== undefined && (best.final || best.amount > paid),
        )
      const payOut = (record: LeaseRecord) =>
        record.best?.final === true ? parts.close(record.lease, signal) : settle(parts, record, signal)
      await Promise.allSettled(owed.map(payOut))
    },
  }
}

function isOld({ state, closedAtMs = 0 }: LeaseRecord, nowMs: number): boolean {
  return state === 'closed' && nowMs - closedAtMs > KEEP_MS
}

async function reconcile(
  parts: Parts,
  lease: Uint8Array,
  chainNow: number,
  signal: AbortSignal,
): Promise<void> {
  const { escrow, ledger, clock } = parts
  const account = await escrow.lease(lease, signal)
  const record = ledger.get(lease)
  if (record === undefined) return
  const because = record.state === 'open' ? stopReason(account, chainNow) : undefined
  if (because !== undefined) parts.onStop(lease, because)
  // The time of day was put back: its two minutes begin anew, instead of lasting until that hour comes again.
  if (record.state === 'signed' && record.signedAtMs > clock.now()) {
    await ledger.change(lease, (now) => ({ ...now, signedAtMs: clock.now() }))
  }
  const step = nextStep(record, { account, nowMs: clock.now(), chainNow })
  await STEPS[step](parts, record, account, signal)
}

type Act = (
  parts: Parts,
  record: LeaseRecord,
  account: LeaseAccount | undefined,
  signal: AbortSignal,
) => Promise<void>

const STEPS: Readonly<Record<Step, Act>> = {
  wait: ({ ledger }, record, account) => notePaid(ledger, record, account),
  open: async (parts, record, _account, signal) => {
    const opened = await parts.confirm(record, signal)
    if (!isRefusal(opened) || opened.refused !== 'LEASE_DIFFERS') return
    parts.log.error('a lease on the chain is not what this node signed; it is not worked for', {
      lease: toHex(record.lease),
      detail: opened.detail,
    })
    await finish(parts, record, 'LEASE_DIFFERS')
  },
  drop: async ({ ledger, log }, record) => {
    log.info('a signed lease was never opened', { lease: toHex(record.lease) })
    await ledger.forget(record.lease)
  },
  // Only with its end in hand: an account that one node of the chain does not see yet, or not any more, is no proof.
  finish: async (parts, record, _account, signal) => {
    const outcome = await parts.escrow.outcome(record.lease, signal)
    if (outcome === undefined) return
    const closing = outcome.transactions.at(-1)
    await finish(parts, { ...record, paid: outcome.paid, ...(closing && { closing }) }, 'CLOSED_ON_CHAIN')
  },
  close: async (parts, record, _account, signal) => {
    await parts.close(record.lease, signal)
  },
  settle: async (parts, record, _account, signal) => {
    await settle(parts, record, signal)
  },
  complete: async ({ escrow, log }, { lease, output }, _account, signal) => {
    if (output === undefined) return
    const { signature } = await escrow.complete(lease, output, signal)
    log.info('completion posted: the renter did not end the lease', {
      lease: toHex(lease),
      transaction: signature,
    })
  },
  expire: async (parts, record, _account, signal) => {
    await parts.escrow.expireLease(record.lease, signal)
    await finish(parts, record, 'EXPIRED')
  },
}

async function notePaid(
  ledger: Ledger,
  record: LeaseRecord,
  account: LeaseAccount | undefined,
): Promise<void> {
  if (account === undefined || record.state !== 'open') return
  const { paid, deadline } = account
  await ledger.change(record.lease, (now) =>
    now.paid === paid && now.deadline === deadline ? now : { ...now, paid, deadline },
  )
}

async function settle(parts: Parts, { lease }: LeaseRecord, signal: AbortSignal): Promise<void> {
  await parts.turns.take(toHex(lease), async () => {
    const record = parts.ledger.get(lease)
    const best = record?.best
    if (record?.state !== 'open' || best === undefined || best.amount <= record.paid) return
    const { signature } = await parts.escrow.settle(best, signal)
    await parts.ledger.change(lease, (now) => ({ ...now, paid: best.amount }))
    parts.log.info('voucher paid out', {
      lease: toHex(lease),
      amount: String(best.amount),
      transaction: signature,
    })
  })
}

async function finish(
  { ledger, clock, onClosed }: Parts,
  record: LeaseRecord,
  because: string,
): Promise<void> {
  const closed = await ledger.change(record.lease, (now) =>
    now.state === 'closed'
      ? now
      : {
          ...now,
          paid: record.paid,
          ...(record.closing === undefined ? {} : { closing: record.closing }),
          state: 'closed',
          occupies: false,
          closedAtMs: clock.now(),
          because,
        },
  )
  if (closed !== undefined) onClosed(closed)
}
