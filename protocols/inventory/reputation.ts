/**
 * How far a provider is to be relied upon, from what can be checked and nothing else. A Beta distribution over "the next
 * lease goes well": every piece of evidence is worth so many leases for it or against it, and loses half of its worth in
 * every half-life. With none left a provider stands where a newcomer does. Pure; all times Unix milliseconds.
 */
const DAY_MS = 86_400_000

export const REPUTATION = {
  /** The prior: a newcomer is believed as if two leases had gone well and two had not. */
  priorGood: 2,
  priorBad: 2,
  /** Who was good a month ago is half as good a sign now; hardware, hosts and owners change. */
  halfLifeMs: 30 * DAY_MS,
  /** A lie that was proven was a decision, not bad luck. */
  lieHalfLifeMs: 180 * DAY_MS,
  /** All leases of one renter together count for no more than so many, for and against each. */
  mostPerRenter: 2,
  /** All leases of all renters together count for no more than so many: names of renters cost nothing. */
  mostOfAllRenters: 16,
  /** A renter that ended a lease early may have been let down, or have changed its mind. */
  unfinishedShare: 0.25,
  /** A lease counts in full once so many units were paid in it, by logarithm below; a unit is a thousandth of the least stake. */
  fullUnits: 15,
  unitsPerStake: 1_000n,
  /** What verifiers say, in leases per least stake behind it, and at most. */
  perVerifierStake: 0.5,
  mostOfVerifiers: 2,
  /** A slash, or a lie that this node has proof of. */
  lieWeight: 20,
  /** It signed a proof and let the chain wait in vain for an opening: no lie is proven, and hardly another reason left. */
  silenceWeight: 5,
} as const

/**
 * How a lease that is closed has ended, as the chain tells it. `settled`: by agreement, or paid in full, or completed;
 * `failed`: a part of the bond was burned; `unfinished`: the renter ended it early.
 */
export type LeaseEnd = 'settled' | 'failed' | 'unfinished'

export interface PastLease {
  end: LeaseEnd
  /** Address of the wallet that paid. */
  renter: string
  /** Atomic units: what was paid in it; of a failed one, what had been deposited for it. */
  amount: bigint
  atMs: number
}

/** What this node itself has seen a provider do. */
export const EXPERIENCES = {
  completed: { good: 1, bad: 0 },
  'challenge-passed': { good: 0.25, bad: 0 },
  /** A job that broke off or came back wrong. */
  failed: { good: 0, bad: 2 },
  /** Its owner took the machine back without a word before, and had promised none; what was done was paid and handed on. */
  paused: { good: 0, bad: 0.25 },
  'challenge-failed': { good: 0, bad: 2 },
  /** It won and signed no lease. */
  unsigned: { good: 0, bad: 1 },
  /** It committed to a bid and never revealed it, while others did. */
  withheld: { good: 0, bad: 0.5 },
  lied: { good: 0, bad: REPUTATION.lieWeight },
} as const

export type ExperienceKind = keyof typeof EXPERIENCES

/** So often, so much of it left at `atMs`: enough to go on counting, however long the story. */
export interface Tally {
  count: number
  left: number
  atMs: number
}

export type Experience = Partial<Record<ExperienceKind, Tally>>

export interface ConductEvidence {
  /** Addresses behind the provider (node, owner, payout): a lease that it pays for itself says nothing. */
  own: readonly string[]
  leases: readonly PastLease[]
  /** When the chain slashed it. */
  slashedAtMs: readonly number[]
  /** When it let a demand of the chain for an opening lapse. */
  silentAtMs: readonly number[]
  /** Atomic units: stake of verifiers that found its claims true less that of the others (`weighAttestations`). */
  verifiersWeight: bigint
  verifiers: number
  experience: Experience
  /** Atomic units: the market's least stake, which says what is much money in it. */
  minimumStake: bigint
}

/** One source of evidence, in leases. */
export interface ConductPart {
  source: 'prior' | 'leases' | 'slashes' | 'silences' | 'verifiers' | 'experience'
  good: number
  bad: number
  /** How many facts stand behind it. */
  count: number
}

export interface Reliability {
  /** Expected share of leases that go well, between 0 and 1, both excluded. */
  reliability: number
  /** Settled leases on the chain that somebody else has paid for. */
  leases: number
  /** Since when its leases have gone well: the first that was paid after the last that failed. Missing: no such lease. */
  sinceMs?: number
  evidence: ConductPart[]
}

export function reliabilityOf(evidence: ConductEvidence, now: number): Reliability {
  const foreign = evidence.leases.filter(({ renter }) => !evidence.own.includes(renter))
  const parts: ConductPart[] = [
    { source: 'prior', good: REPUTATION.priorGood, bad: REPUTATION.priorBad, count: 0 },
    weighLeases(foreign, evidence.minimumStake, now),
    weighFaults('slashes', evidence.slashedAtMs, now),
    weighFaults('silences', evidence.silentAtMs, now),
    weighVerifiers(evidence),
    weighExperience(evidence.experience, now),
  ]
  const good = sum(parts.map((part) => part.good))
  const bad = sum(parts.map((part) => part.bad))
  const sinceMs = goodSince(foreign, evidence)
  return {
    reliability: good / (good + bad),
    leases: foreign.filter(({ end }) => end === 'settled').length,
    ...(sinceMs === undefined ? {} : { sinceMs }),
    evidence: parts,
  }
}

/** What is left of something after its age; what is dated ahead of our clock is as if it were now. */
function left(atMs: number, now: number, halfLifeMs: number): number {
  return 2 ** (-Math.max(0, now - atMs) / halfLifeMs)
}

/** The share of a lease that so much money makes, between 0 and 1. */
export function weightOf(amount: bigint, minimumStake: bigint): number {
  const unit = minimumStake / REPUTATION.unitsPerStake
  const units = Number(amount) / Number(unit > 0n ? unit : 1n)
  return Math.min(1, Math.log2(1 + units) / Math.log2(1 + REPUTATION.fullUnits))
}

function weighLeases(leases: readonly PastLease[], minimumStake: bigint, now: number): ConductPart {
  const byRenter = new Map<string, { good: number; bad: number }>()
  for (const { end, renter, amount, atMs } of leases) {
    const worth = weightOf(amount, minimumStake) * left(atMs, now, REPUTATION.halfLifeMs)
    const so = byRenter.get(renter) ?? { good: 0, bad: 0 }
    if (end === 'settled') so.good += worth
    else so.bad += end === 'failed' ? worth : worth * REPUTATION.unfinishedShare
    byRenter.set(renter, so)
  }
  const most = REPUTATION.mostPerRenter
  const renters = [...byRenter.values()]
  return {
    source: 'leases',
    good: Math.min(REPUTATION.mostOfAllRenters, sum(renters.map(({ good }) => Math.min(most, good)))),
    bad: sum(renters.map(({ bad }) => Math.min(most, bad))),
    count: leases.length,
  }
}

const FAULTS = {
  slashes: { weight: REPUTATION.lieWeight, halfLifeMs: REPUTATION.lieHalfLifeMs },
  silences: { weight: REPUTATION.silenceWeight, halfLifeMs: REPUTATION.halfLifeMs },
} as const

function weighFaults(source: keyof typeof FAULTS, times: readonly number[], now: number): ConductPart {
  const { weight, halfLifeMs } = FAULTS[source]
  const remaining = sum(times.map((atMs) => left(atMs, now, halfLifeMs)))
  return { source, good: 0, bad: weight * remaining, count: times.length }
}

function weighVerifiers({ verifiersWeight, verifiers, minimumStake }: ConductEvidence): ConductPart {
  const stakes = Number(verifiersWeight) / Number(minimumStake > 0n ? minimumStake : 1n)
  const worth = Math.min(REPUTATION.mostOfVerifiers, Math.abs(stakes) * REPUTATION.perVerifierStake)
  return {
    source: 'verifiers',
    good: stakes > 0 ? worth : 0,
    bad: stakes < 0 ? worth : 0,
    count: verifiers,
  }
}

function weighExperience(experience: Experience, now: number): ConductPart {
  const part: ConductPart = { source: 'experience', good: 0, bad: 0, count: 0 }
  for (const [kind, tally] of Object.entries(experience) as Array<[ExperienceKind, Tally]>) {
    const { good, bad } = EXPERIENCES[kind]
    const remaining = tally.left * left(tally.atMs, now, halfLifeOf(kind))
    part.good += good * remaining
    part.bad += bad * remaining
    part.count += tally.count
  }
  return part
}

/** Adds one more of a kind. */
export function tallyUp(before: Tally | undefined, kind: ExperienceKind, now: number): Tally {
  if (before === undefined) return { count: 1, left: 1, atMs: now }
  const { count, left: remaining, atMs } = before
  return {
    count: count + 1,
    left: remaining * left(atMs, now, halfLifeOf(kind)) + 1,
    atMs: Math.max(atMs, now),
  }
}

function halfLifeOf(kind: ExperienceKind): number {
  return kind === 'lied' ? REPUTATION.lieHalfLifeMs : REPUTATION.halfLifeMs
}

/** By the chain and by this node's own experience. An early end by the renter interrupts nothing: it is the renter's to make. */
function goodSince(leases: readonly PastLease[], evidence: ConductEvidence): number | undefined {
  const { slashedAtMs, silentAtMs, experience } = evidence
  const faults = [
    ...leases.filter(({ end }) => end === 'failed').map(({ atMs }) => atMs),
    ...slashedAtMs,
    ...silentAtMs,
    ...[experience.lied, experience.failed].flatMap((tally) => (tally === undefined ? [] : [tally.atMs])),
  ]
  const last = Math.max(Number.NEGATIVE_INFINITY, ...faults)
  const paid = leases.filter(({ end, amount, atMs }) => end === 'settled' && amount > 0n && atMs > last)
  return paid.length === 0 ? undefined : Math.min(...paid.map(({ atMs }) => atMs))
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0)
}
