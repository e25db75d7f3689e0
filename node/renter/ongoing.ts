import type { JobPlan, PlannedInput } from '../../config/manifest/plan.js'
import { phaseOf } from '../../protocols/auction/rules.js'
import type { Order } from '../../protocols/auction/wire.js'
import { digest, equal, fromHex, toHex } from '../../protocols/bytes.js'
import { NightshiftError } from '../../protocols/errors.js'
import type { Collection, Store } from '../store/port.js'
import type { DeploymentEvent } from './event.js'
import type { PreparedInputs } from './inputs.js'
import type { LeaseRecord } from './lease.js'

/** What a job needs to go on after a restart: stored before its first order goes out, forgotten when it has ended. */
export interface OngoingJob {
  plan: JobPlan
  /** What was read from the files of the plan: it is read again, and must be the same. */
  inputs: KeptInput[]
  /** Unix milliseconds: no further auction is held after it. */
  matchUntilMs: number
  /** The newest order, stored before a lease is proposed. Published again it is the same one: its bytes and its name are. */
  order?: Order
}

interface KeptInput {
  name: string
  sha256: Uint8Array
  bytes: number
  /** Absent in jobs of earlier versions. */
  path?: string
  /** Of the rows that were held back. */
  heldBackSha256?: Uint8Array
}

/** By the ids of the jobs. */
export type OngoingJobs = Collection<OngoingJob>

export function openOngoing(store: Store): OngoingJobs {
  return store.collection<OngoingJob>('ongoing')
}

export function describeInputs(
  { sources, heldBack }: PreparedInputs,
  planned: readonly PlannedInput[],
): OngoingJob['inputs'] {
  return sources.map(({ name, sha256, bytes }) => {
    const path = planned.find((input) => input.name === name)?.path
    const held = heldBack.get(name)
    return {
      name,
      sha256,
      bytes,
      ...(path === undefined ? {} : { path }),
      ...(held === undefined ? {} : { heldBackSha256: digest(held) }),
    }
  })
}

/** Throws INPUT_CHANGED with the file's name: what a provider has half of, and what a result is checked by, is gone. */
export function requireSame(inputs: OngoingJob['inputs'], prepared: PreparedInputs): void {
  for (const { name, sha256, bytes, path, heldBackSha256 } of inputs) {
    const now = prepared.sources.find((source) => source.name === name)
    const held = prepared.heldBack.get(name)
    const isSame = now !== undefined && equal(now.sha256, sha256)
    const isHeldSame =
      heldBackSha256 === undefined || (held !== undefined && equal(digest(held), heldBackSha256))
    if (isSame && isHeldSame) continue
    const file = path === undefined ? '' : ` (${path})`
    const size =
      now === undefined || now.bytes === bytes ? '' : `: it had ${bytes} bytes and has ${now.bytes}`
    throw new NightshiftError(
      'INPUT_CHANGED',
      `the input ${name}${file} is not what it was when the job was posted${size}`,
      {
        advice:
          'leave the inputs of a job alone until it has ended; put the file back, or post the job again',
        context: { name, path, bytes: now?.bytes, wasBytes: bytes },
      },
    )
  }
}

/** How far an earlier process of this renter had come with a lease. */
export interface Progress {
  /** The provider has proved its device. */
  isProved: boolean
  /** Of the provider's log of the job, the first event that was not kept here. */
  fromEvent: number
}

/** A lease that an earlier process had. */
export interface LeftLease extends Progress {
  lease: LeaseRecord
  /** When its order went out, Unix milliseconds, if the story does not tell yet that the lease is open. */
  orderedAtMs?: number
  /** The result was here and good before the final voucher was signed. */
  isDelivered: boolean
}

/** With what a job goes on after a restart. */
export interface Recovered {
  /** Leases to go on with; none: an auction. */
  leases: LeftLease[]
  /** Hashes of what providers left that have done the job, by their peer ids: of several that work for one order. */
  done: Map<string, Uint8Array>
  /** An order that still takes commitments or bids. */
  order?: Order
  /** Leases that failed before the restart, or cannot go on: their deposits come back. */
  failed: LeaseRecord[]
  /** Unix milliseconds. */
  matchUntilMs: number
}

/**
 * What to go on with, from what the store says: leases that may be open before an order, an order before a new one. All of
 * the places that the order asked for, or none: with fewer it is ordered again.
 */
export function recover(
  { plan, order, matchUntilMs }: OngoingJob,
  facts: {
    leases: readonly LeaseRecord[]
    events: readonly DeploymentEvent[]
    nowMs: number
    /** Whether a result of the order went out: held again, it would get another one. */
    isDecided: (order: Order) => boolean
  },
): Recovered {
  const { events, nowMs, isDecided } = facts
  const { count = 1 } = plan
  const left = facts.leases.filter(({ state }) => state !== 'closed' && state !== 'dropped')
  // Closed because the work was done: all that was missing is the word that the job is.
  const paid = facts.leases.filter((lease) => lease.state === 'closed' && isDelivered(lease))
  const newest = [...left, ...paid]
    .filter((lease) => lease.state !== 'ending' || isDelivered(lease))
    .sort((a, b) => b.proposedAtMs - a.proposedAtMs)
    .slice(0, count)
  const done = count > 1 ? doneIn(events) : new Map<string, Uint8Array>()
  const working = newest.filter(({ peer }) => !done.has(peer))
  const isWhole = working.length > 0 && working.length + done.size === count
  const going = isWhole ? working : []
  const isOpen =
    order !== undefined && going.length === 0 && phaseOf(order, nowMs) !== 'closed' && !isDecided(order)
  return {
    leases: going.map((lease) => progressOf(lease, events)),
    done: isWhole ? done : new Map(),
    ...(isOpen ? { order } : {}),
    failed: left.filter((lease) => !going.includes(lease)),
    matchUntilMs,
  }
}

function isDelivered({ voucher }: LeaseRecord): boolean {
  return voucher?.final === true
}

/** Of the newest order. */
function doneIn(events: readonly DeploymentEvent[]): Map<string, Uint8Array> {
  const since = events.slice(events.findLastIndex(({ kind }) => kind === 'ordered') + 1)
  const copies = since.flatMap((event) => (event.kind === 'copy' ? event.copy : []))
  const done = copies.filter(({ state, hash }) => state === 'done' && hash !== undefined)
  return new Map(done.map(({ peer, hash = '' }) => [peer, fromHex(hash)]))
}

function progressOf(lease: LeaseRecord, events: readonly DeploymentEvent[]): LeftLease {
  const address = toHex(lease.address)
  const from = events.findIndex((event) => event.kind === 'leased' && event.lease === address)
  const since = from === -1 ? [] : events.slice(from).filter((event) => isOf(event, lease.peer))
  const ordered = from === -1 ? events.findLast(({ kind }) => kind === 'ordered') : undefined
  const heard = since.map((event) =>
    event.kind === 'log' || event.kind === 'progress' || event.kind === 'service' ? (event.index ?? -1) : -1,
  )
  return {
    lease,
    ...(ordered === undefined ? {} : { orderedAtMs: ordered.atMs }),
    isProved: since.some((event) => event.kind === 'challenged' && event.challenge.ok),
    isDelivered: isDelivered(lease),
    fromEvent: heard.reduce((highest, index) => Math.max(highest, index), -1) + 1,
  }
}

/** Whether an event is of this provider; where only one works for the job, events need not say who. */
function isOf(event: DeploymentEvent, peer: string): boolean {
  if (event.kind === 'challenged') return event.challenge.peer === peer
  const by = 'peer' in event ? event.peer : undefined
  return by === undefined || by === peer
}
