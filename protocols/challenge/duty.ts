import type { Rate } from '../limits.js'
import type { Random } from '../ports.js'
import type { ProofParams } from './params.js'

/**
 * When a device is challenged again, so that nobody can know the moment and nobody pays much for it. Proofs that are not
 * paid for take less than this share of a device's time: of its owner's when strangers ask, of a renter's when its own
 * lease is looked at again.
 */
export const DUTY_SHARE = 0.01
/** The budget must hold over every window of this length, or of two proofs where one takes longer than it allows. */
const WINDOW_MS = 3_600_000
/** Gaps are drawn for half of the budget: what chance puts close together stays within it then as a rule. */
const AIMED_SHARE = DUTY_SHARE / 2
/** Who was not challenged for longer than this is as likely as who never was. */
const FORGOTTEN_MS = 86_400_000
/** Past challenges that the expected cost of the next one is taken from. */
const REMEMBERED = 16
const MINUTE_MS = 60_000

/**
 * Device time that strangers may ask for, milliseconds: a share of each minute, saved up for half a minute of proofs at
 * most, so that a provider that was left alone can be looked at twice before an award.
 */
export const STRANGERS_RATE: Rate = { perMinute: DUTY_SHARE * MINUTE_MS, burst: 30_000 }

/** One challenge that was made; times by a clock that never goes back. */
export interface Challenged {
  readonly peer: string
  readonly atMs: number
  readonly tookMs: number
}

/** Whom one may challenge, and with what: `effort` is drawn from [0, 1). */
export interface Candidate {
  readonly peer: string
  params(effort: number): ProofParams
}

export interface Duty {
  readonly atMs: number
  readonly peer: string
  readonly params: ProofParams
}

/**
 * The next challenge: when, whom, with what parameters. Gaps are exponential, so that the time since the last challenge
 * says nothing about the next; those who were not challenged for long are likelier, but nobody is safe; the size is
 * drawn too. Undefined: nobody is there to be challenged.
 */
export function planDuty(
  facts: {
    now: number
    past: readonly Challenged[]
    candidates: readonly Candidate[]
    /** Mean gap at least, ms. */
    leastGapMs: number
    /** What a challenge is expected to cost as long as none was made, ms. */
    expectedMs: number
  },
  random: Random,
): Duty | undefined {
  const { now, past, candidates } = facts
  const chosen = choose(candidates, past, now, random)
  if (chosen === undefined) return undefined
  const costMs = expectCost(past, facts.expectedMs)
  const meanMs = Math.max(facts.leastGapMs, costMs / AIMED_SHARE)
  const wanted = now - meanMs * Math.log(1 - draw(random))
  return { atMs: postpone(wanted, past, costMs), peer: chosen.peer, params: chosen.params(draw(random)) }
}

/** The first moment from `wanted` on at which one more challenge keeps the window's budget. */
function postpone(wanted: number, past: readonly Challenged[], costMs: number): number {
  const windowMs = Math.max(WINDOW_MS, (2 * costMs) / DUTY_SHARE)
  const spentSince = (fromMs: number) =>
    past.filter(({ atMs }) => atMs > fromMs).reduce((sum, { tookMs }) => sum + tookMs, 0)
  const ends = past.map(({ atMs }) => atMs + windowMs).filter((atMs) => atMs > wanted)
  const moments = [wanted, ...ends.sort((a, b) => a - b)]
  return moments.find((atMs) => spentSince(atMs - windowMs) + costMs <= DUTY_SHARE * windowMs)!
}

function expectCost(past: readonly Challenged[], expectedMs: number): number {
  const last = [...past].sort((a, b) => b.atMs - a.atMs).slice(0, REMEMBERED)
  return last.length === 0 ? expectedMs : Math.max(1, ...last.map(({ tookMs }) => tookMs))
}

function choose(
  candidates: readonly Candidate[],
  past: readonly Challenged[],
  now: number,
  random: Random,
): Candidate | undefined {
  const weights = candidates.map(({ peer }) => {
    const last = past
      .filter((each) => each.peer === peer)
      .reduce((max, { atMs }) => Math.max(max, atMs), -Infinity)
    return Math.max(1, Math.min(FORGOTTEN_MS, now - last))
  })
  let left = draw(random) * weights.reduce((sum, weight) => sum + weight, 0)
  return candidates.find((_, at) => (left -= weights[at]!) < 0) ?? candidates.at(-1)
}

/** Uniform in [0, 1), from bytes that nobody can predict. */
function draw(random: Random): number {
  return random.below(2 ** 32) / 2 ** 32
}

/**
 * What a proof in the middle of a job takes is not charged as work, up to the budget: a renter that looks more often pays
 * for it. Both times since the job began, ms; the difference never falls while time passes.
 */
export function unchargedMs(provedMs: number, elapsedMs: number): number {
  return Math.min(provedMs, DUTY_SHARE * elapsedMs)
}
