import type { JobPlan } from '../../config/manifest/plan.js'
import { phaseOf } from '../../protocols/auction/rules.js'
import type { Order } from '../../protocols/auction/wire.js'
import { equal, toHex } from '../../protocols/bytes.js'
import { NightshiftError } from '../../protocols/errors.js'
import type { Collection, Store } from '../store/port.js'
import type { DeploymentEvent } from './event.js'
import type { PreparedInputs } from './inputs.js'
import type { LeaseRecord } from './lease.js'

/** What a job needs to go on after a restart: stored before its first order goes out, forgotten when it has ended. */
export interface OngoingJob {
  plan: JobPlan
  /** What was read from the files of the plan: it is read again, and must be the same. */
  inputs: Array<{ name: string; sha256: Uint8Array; bytes: number }>
  /** Unix milliseconds: no further auction is held after it. */
  matchUntilMs: number
  /** The newest order, stored before it is published. Published again it is the same one: its bytes and its name are. */
  order?: Order
}

/** By the ids of the jobs. */
export type OngoingJobs = Collection<OngoingJob>

export function openOngoing(store: Store): OngoingJobs {
  return store.collection<OngoingJob>('ongoing')
}

export function describeInputs({ sources }: PreparedInputs): OngoingJob['inputs'] {
  return sources.map(({ name, sha256, bytes }) => ({ name, sha256, bytes }))
}

/** Throws INPUT_CHANGED: what a provider has half of, and what a result is checked by, is gone. */
export function requireSame(inputs: OngoingJob['inputs'], prepared: PreparedInputs): void {
  for (const { name, sha256 } of inputs) {
    const now = prepared.sources.find((source) => source.name === name)
    if (now !== undefined && equal(now.sha256, sha256)) continue
    throw new NightshiftError(
      'INPUT_CHANGED',
      `the input ${name} is not what it was when the job was posted`,
      {
        advice: 'leave the inputs of a job alone until it has ended; post the job again',
      },
    )
  }
}

/** With what a job goes on. */
export type Continuation =
  /** Its lease, as far as its provider has come. `fromEvent`: of the provider's log, the first that was not kept here. */
  | {
      kind: 'lease'
      lease: LeaseRecord
      /** When its order went out, Unix milliseconds, if the story does not tell yet that the lease is open. */
      orderedAtMs?: number
      isProved: boolean
      isDelivered: boolean
      fromEvent: number
    }
  /** An order that still takes commitments or bids. */
  | { kind: 'auction'; order: Order }
  /** Another auction. */
  | { kind: 'queue' }

export interface Recovered {
  continuation: Continuation
  /** Leases that failed before the restart, whose deposits are still to come back. */
  failed: LeaseRecord[]
  matchUntilMs: number
}

/** What to go on with, from what the store says: a lease that may be open before an order, an order before a new one. */
export function recover(
  { order, matchUntilMs }: OngoingJob,
  facts: { leases: readonly LeaseRecord[]; events: readonly DeploymentEvent[]; nowMs: number },
): Recovered {
  const { events, nowMs } = facts
  const left = facts.leases.filter(({ state }) => state !== 'closed' && state !== 'dropped')
  const lease = left
    .filter(({ state }) => state !== 'ending')
    .sort((a, b) => a.proposedAtMs - b.proposedAtMs)
    .at(-1)
  const failed = left.filter((each) => each !== lease)
  if (lease !== undefined) return { continuation: continueLease(lease, events), failed, matchUntilMs }
  const isOpen = order !== undefined && phaseOf(order, nowMs) !== 'closed'
  return { continuation: isOpen ? { kind: 'auction', order } : { kind: 'queue' }, failed, matchUntilMs }
}

function continueLease(lease: LeaseRecord, events: readonly DeploymentEvent[]): Continuation {
  const address = toHex(lease.address)
  const from = events.findIndex((event) => event.kind === 'leased' && event.lease === address)
  const since = from === -1 ? [] : events.slice(from)
  const isProved = since.some((event) => event.kind === 'challenged' && event.challenge.ok)
  const heard = since.map((event) =>
    event.kind === 'log' || event.kind === 'progress' ? (event.index ?? -1) : -1,
  )
  // The result was here and good before the final voucher was signed.
  const isDelivered = lease.voucher?.final === true
  const ordered = from === -1 ? events.findLast(({ kind }) => kind === 'ordered') : undefined
  return {
    kind: 'lease',
    lease,
    ...(ordered === undefined ? {} : { orderedAtMs: ordered.atMs }),
    isProved,
    isDelivered,
    fromEvent: heard.reduce((highest, index) => Math.max(highest, index), -1) + 1,
  }
}
