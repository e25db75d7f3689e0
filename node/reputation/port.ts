import type { ExperienceKind, Reliability } from '../../protocols/inventory/reputation.js'

export type { Reliability } from '../../protocols/inventory/reputation.js'

/** How far other nodes are to be relied upon, by what this node can check. */
export interface Reputation {
  /**
   * Answers at once with what is known now, a newcomer's value when that is nothing; what is old, or was never read, is
   * read from the chain in the background. A chain that does not answer leaves the last that was known.
   */
  reliabilityOf(peer: string, signal?: AbortSignal): Promise<Reliability>
  /**
   * For lists and for neighbours, of whom there are many: the same at once, and in the background only the chain is read.
   * To look for what verifiers say costs others hundreds of messages, so it counts as it was last read.
   */
  known(peer: string): Reliability
  /** The same after the chain and the provider were asked anew, for those who can wait. */
  evidenceOf(peer: string, signal?: AbortSignal): Promise<PeerEvidence>
}

/** All that stands behind a provider's reliability. */
export interface PeerEvidence extends Reliability {
  peer: string
  /** Unix milliseconds of the last reading of the chain; missing: it has never answered. */
  readAtMs?: number
  /** Why the last reading failed. */
  problem?: string
  leaseEnds: { settled: number; failed: number; unfinished: number; renters: number; selfPaid: number }
  /** Atomic units paid by others in the settled leases. */
  paid: bigint
  slashes: number
  silences: number
  verifiers: { count: number; favourable: number; weight: bigint }
  experience: Partial<Record<ExperienceKind, number>>
}

/** This node's own memory of what other nodes did. Never rejects: a lost note must not end a job. */
export interface ExperienceLog {
  note(peer: string, what: ExperienceKind): Promise<void>
}
