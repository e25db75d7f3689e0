import type { JobPlan } from '../../config/manifest/plan.js'
import { NightshiftError } from '../../protocols/errors.js'
import { hasEnded } from '../../protocols/job/rules.js'
import type { JobState } from '../../protocols/job/wire.js'
import type { Clock, Log, Random } from '../../protocols/ports.js'
import type { Content } from '../content/port.js'
import type { ConsentSource, Escrow } from '../escrow/port.js'
import type { Files } from '../files/port.js'
import type { Network } from '../net/ports.js'
import type { Auction, Auctioneer } from './auction.js'
import type { DeploymentEvent, DeploymentReport } from './event.js'
import type { Prosecutor } from './fraud.js'
import type { PreparedInputs } from './inputs.js'
import type { Inventory } from './inventory.js'
import type { LeaseBook } from './lease.js'
import type { OngoingJob } from './ongoing.js'
import type { Judge } from './result.js'
import type { Settler } from './settlement.js'
import type { Standing } from './standing.js'
import type { AttestFailure } from './trial.js'

/** What every deployment of a renter shares. */
export interface DeploymentParts {
  network: Network
  escrow: Escrow
  auctioneer: Auctioneer
  inventory: Inventory
  standing: Standing
  settler: Settler
  prosecutor: Prosecutor
  book: LeaseBook
  files: Files
  content: Content
  judge: Judge
  clock: Clock
  random: Random
  log: Log
  market: Uint8Array
  /** 32 bytes: the account that pays deposits. */
  wallet: Uint8Array
  consent?: ConsentSource
  sliceMs: number
  challengeTimeoutMs: number
  attest: AttestFailure
  /** Ends what goes on in the background (refunds) when the node stops; it is taken up again at the next start. */
  closing: AbortSignal
  /** Keeps what the job would need to go on after a restart; called before it is acted upon. */
  remember(id: string, change: Pick<OngoingJob, 'order' | 'matchUntilMs'>): Promise<void>
  /** Keeps the report; called before the step that it tells of is relied upon. */
  save(report: DeploymentReport): Promise<void>
}

export type Tell = (event: EventBody) => void
type EventBody = DeploymentEvent extends infer Event
  ? Event extends DeploymentEvent
    ? Omit<Event, 'atMs'>
    : never
  : never

export interface Ahead {
  /** Set while it waits, runs, or has been held. */
  auction?: Promise<Auction>
  hold?: (endsAtMs: number) => Promise<Auction>
  /** It is needed at once: the provider is gone before it said. */
  hurry?: () => void
}

/** One deployment under way: what its steps, from the order to the refund, hand on to one another. */
export interface Attempt {
  parts: DeploymentParts
  plan: JobPlan
  inputs: PreparedInputs
  spec: { bytes: Uint8Array; hash: Uint8Array }
  report: DeploymentReport
  tell: Tell
  /** Refunds under way: the story ends when they have ended. */
  reclaims: Array<Promise<void>>
  /** Who had won and said that the job itself is not valid, once for each time: over all its auctions. */
  objections: string[]
  /** The next auction, held while a provider that has said that it leaves still works. */
  ahead: Ahead
  /** By the clock's `elapsed`: no further auction is held after it. */
  matchUntilMs: number
  signal: AbortSignal
  /** Aborts when its renter has had enough of a service: it is then ended in order. */
  ending: AbortSignal
}

/** A job without an end of its own: what it exposes is used for as long as its renter likes, or its lease is long. */
export function isService({ runtime, spec }: Pick<JobPlan, 'runtime' | 'spec'>): boolean {
  return runtime === 'container' && spec.expose !== undefined
}

/** How many providers the job is for. */
export function countOf({ plan }: Attempt): number {
  return plan.count ?? 1
}

export async function moveTo(attempt: Attempt, state: JobState, reason = '', detail = ''): Promise<void> {
  const { parts, report, tell } = attempt
  if (hasEnded(report.state)) {
    throw new NightshiftError('JOB_HAS_ENDED', `the job is ${report.state} and stays so`, {
      advice: 'post it again',
    })
  }
  tell({ kind: 'state', state, ...(reason && { reason }), ...(detail && { detail }) })
  await parts.save(report)
}

export async function loseStanding(
  { parts, tell }: Attempt,
  peer: string,
  reason: string,
  proven: boolean,
): Promise<void> {
  await parts.standing.lose(peer, reason, proven)
  tell({ kind: 'standing-lost', peer, reason })
}

/** Failures that are ours or the chain's: another provider would meet them too. */
const OURS = [
  'INPUT_CHANGED',
  'INPUT_UNREADABLE',
  'DISK_FULL',
  'FILE_CHANGED',
  'FILE_WRITE_FAILED',
  'STORE_WRITE_FAILED',
  'RESULT_NOT_CHECKED',
  'WALLET_MISSING',
  'NETWORK_STOPPED',
]

export function isOurs(code: string): boolean {
  return OURS.includes(code) || code.startsWith('CHAIN_')
}
