/**
 * What a node thinks of a peer beside what gossip itself shows: part of the score by which neighbours are chosen, and
 * below which they are no longer listened to (`SCORE_THRESHOLDS` in node/net/gossip.ts: −20, −50, −100).
 */
export interface StandingFacts {
  /** Atomic units; 0 for a peer without one, or of which the chain was not asked. */
  stake: bigint
  minimumStake: bigint
  /** From 0 to 1, by what can be checked of its conduct; missing: nobody has asked. */
  reliability?: number | undefined
  /** Offences that were proved by its own signature, each counted from 1 down as it grows old (`offenceWeight`). */
  offences: number
}

const STAKE_SCORE = 5
const MOST_STAKE_SCORE = 10
const RELIABILITY_SCORE = 20
const OFFENCE_SCORE = -40
const HALF_LIFE_MS = 600_000

/**
 * From 5 (the least stake) to 10 (ten times as much) for a stake, which nobody has for nothing; up to 10 more or less
 * for reliability; 40 less for each fresh offence, so that four of them are enough to be sent away whatever the stake.
 * Below four invalid messages (−128), so that no stake buys the right to send rubbish.
 */
export function standingScore({ stake, minimumStake, reliability, offences }: StandingFacts): number {
  const conduct = reliability === undefined ? 0 : (reliability - 0.5) * RELIABILITY_SCORE
  return stakeScore(stake, minimumStake) + conduct + offences * OFFENCE_SCORE
}

function stakeScore(stake: bigint, minimumStake: bigint): number {
  if (stake <= 0n || stake < minimumStake) return 0
  if (minimumStake === 0n) return STAKE_SCORE
  const times = Number(stake) / Number(minimumStake)
  return Math.min(MOST_STAKE_SCORE, STAKE_SCORE * (1 + Math.log10(times)))
}

/** What an offence of `ageMs` ago still counts: half after ten minutes. */
export function offenceWeight(ageMs: number): number {
  return 2 ** (-ageMs / HALF_LIFE_MS)
}
