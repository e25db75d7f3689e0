import type { Comparison } from '../../protocols/job/copies.js'
import type { JobState } from '../../protocols/job/wire.js'

/**
 * The story of one deployment, step by step, as the renter tells it: to the SDK, to `job post`, to the demo, to the
 * log of the job that stays in the store. `atMs` is Unix time, peers are base58 peer ids, amounts atomic units.
 */
export type DeploymentEvent = { atMs: number } & (
  | { kind: 'state'; state: JobState; reason?: string; detail?: string }
  | {
      kind: 'ordered'
      orderId: string
      ceilingPricePerHour: bigint
      commitUntilMs: number
      revealUntilMs: number
    }
  // Why others do not pass the order on, as far as this node sees what they see.
  | { kind: 'doubted'; reason: string; detail: string }
  | { kind: 'committed'; peer: string }
  | { kind: 'bid'; bid: BidOutcome }
  | { kind: 'awarded'; peer: string; pricePerHour: bigint; round: number }
  | {
      kind: 'leased'
      peer: string
      lease: string
      transaction: string
      deposit: bigint
      orderToLeaseMs: number
    }
  | { kind: 'challenged'; challenge: ChallengeOutcome }
  | { kind: 'standing-lost'; peer: string; reason: string }
  // What a provider says is wrong with the job itself.
  | { kind: 'objected'; peer: string; detail: string }
  // `index` is the event's place in the provider's log of the job: whoever comes back goes on after it.
  // `dropped`: the line stands for so many older ones, which are not kept.
  | { kind: 'log'; line: string; peer?: string; index?: number; dropped?: number }
  | {
      kind: 'progress'
      step: number
      steps: number
      metrics: Record<string, number>
      peer?: string
      index?: number
    }
  // How a service stands; only what is HEALTHY is charged.
  | { kind: 'service'; status: string; detail: string; restarts: number; peer?: string; index?: number }
  | { kind: 'voucher'; peer: string; amount: bigint; sequence: bigint }
  | { kind: 'checkpoint'; checkpoint: CheckpointFile }
  // Once a second, and not of what takes less; `up` to the provider, `down` from it.
  | ({ kind: 'transfer' } & TransferOutcome)
  // The provider, or the way to it, was gone for a while.
  | { kind: 'returned'; peer: string; goneMs: number }
  // The provider will end the work at `endsAtMs`, of its own will; another is looked for meanwhile.
  | { kind: 'leaving'; peer: string; endsAtMs: number; reason: string }
  // The provider begins where another has stopped.
  | { kind: 'continued'; peer: string; step: number }
  | ({ kind: 'output' } & OutputFile)
  | { kind: 'copy'; copy: CopyOutcome }
  | ({ kind: 'compared' } & Comparison)
  | { kind: 'checked'; accuracy: number; expected: number; rows: number; ok: boolean }
  | { kind: 'settled'; settlement: Settlement }
  | ({ kind: 'slashed' } & SlashOutcome)
)

/** What became of one provider's part in the auction; those that never bid are listed with the reason that kept them. */
export interface BidOutcome {
  peer: string
  pricePerHour: bigint
  outcome: 'won' | 'lost' | 'failed' | 'refused' | 'unqualified'
  reason?: string
}

export interface OutputFile {
  name: string
  path: string
  bytes: number
  /** Who left it, where several providers did the job. */
  peer?: string
}

/** How a transfer of an input, a checkpoint or an output goes. */
export interface TransferOutcome {
  name: string
  direction: 'up' | 'down'
  bytes: number
  totalBytes: number
  bytesPerSecond: number
  secondsLeft?: number
  /** With whom, where several providers do the job. */
  peer?: string
}

/** A state of the job from which another provider can go on; it is on the disk, and has its digest. */
export interface CheckpointFile {
  /** Who told it. */
  peer: string
  step: number
  /** Hex. */
  sha256: string
  bytes: number
  /** Under the renter's files; there as long as the job has not ended. */
  file: string
}

/** What became of one of several providers that do the same job. */
export interface CopyOutcome {
  peer: string
  state: 'signed' | 'running' | 'done' | 'failed'
  reason?: string
  /** Hex of the hash of all that it left (protocols/job/copies.ts); equal for equal outputs. */
  hash?: string
}

export interface ChallengeOutcome {
  peer: string
  ok: boolean
  reason?: string
  provingMs: number
  checkingMs: number
}

/** The end of one lease on the chain. `transactions` are its signatures, from the opening to the closing. */
export interface Settlement {
  peer: string
  lease: string
  transactions: string[]
  deposited: bigint
  paid: bigint
  refunded: bigint
}

/** What a false proof has cost a provider on the chain. What is neither compensation nor bounty was burned. */
export interface SlashOutcome {
  peer: string
  /** The lease in which it lied. */
  lease: string
  /** Taken from its stake. */
  amount: bigint
  /** The part that gave this renter back what it had paid in the lease. */
  compensation: bigint
  /** The part that this renter got for reporting it. */
  bounty: bigint
  /** This renter's transactions; none when somebody else was faster. */
  transactions: string[]
}

export interface DeploymentReport {
  id: string
  name: string
  state: JobState
  reason?: string
  detail?: string
  createdAtMs: number
  /** Of the mint in which its amounts are; absent in reports of earlier versions. */
  decimals?: number
  orderToLeaseMs?: number
  winner?: string
  bids: BidOutcome[]
  challenges: ChallengeOutcome[]
  settlements: Settlement[]
  slashes: SlashOutcome[]
  accuracy?: number
  outputs: OutputFile[]
  /** Of a service: how it stands, by its provider. */
  service?: { status: string; detail: string; restarts: number }
  /** The last two, the newest last. */
  checkpoints?: CheckpointFile[]
  /** Of a job for several providers: what each has done so far. */
  copies?: CopyOutcome[]
  /** Present when all of several providers have done the job. */
  comparison?: Comparison
}
