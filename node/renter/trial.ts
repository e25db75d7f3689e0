import { isAttestable } from '../../protocols/challenge/attestation.js'
import { type Challenged, planDuty } from '../../protocols/challenge/duty.js'
import type { ProofParams } from '../../protocols/challenge/params.js'
import type { ChallengeFailure } from '../../protocols/challenge/rules.js'
import { NightshiftError } from '../../protocols/errors.js'
import type { Clock, Log, Random } from '../../protocols/ports.js'
import type { Network } from '../net/ports.js'
import { type ChallengeResult, challengeProvider } from './challenge.js'
import type { ChallengeOutcome } from './event.js'
import type { FraudRecord, Prosecutor } from './fraud.js'
import type { LeaseRecord } from './lease.js'

interface Parts {
  network: Network
  prosecutor: Pick<Prosecutor, 'keep'>
  clock: Clock
  random: Random
  log: Log
  market: Uint8Array
  challengeTimeoutMs: number
  /** Tells others of a failure, where this node's word weighs anything. */
  attest: AttestFailure
}

/** Never rejects for what became of the word: that nobody hears it changes nothing about the failure. */
export type AttestFailure = (
  peer: string,
  params: ProofParams,
  result: ChallengeResult,
  signal: AbortSignal,
) => Promise<void>

interface Terms {
  n: number
  rounds: number
  openings: number
}

export interface TrialFailure {
  reason: ChallengeFailure
  detail: string
  /** Why the provider would not prove, in its own word. */
  declined?: string
  /** What can be brought before the chain, a lie or an opening that is owed; stored already. */
  fraud?: FraudRecord
}

/** Mean time between two proofs of one job at least: a short job is seldom looked at twice. */
const LEAST_GAP_MS = 10_000

/** All devices of a lease prove once, at the same time. What can be brought before the chain is stored before it is told. */
export async function tryLease(
  parts: Parts,
  { peer, address, deployment, terms: { devices } }: LeaseRecord,
  { n, rounds, openings }: Terms,
  tell: (challenge: ChallengeOutcome) => void,
  signal: AbortSignal,
): Promise<TrialFailure | undefined> {
  const { market, challengeTimeoutMs: timeoutMs } = parts
  const terms = { market, lease: address, n, rounds, openings, devices, timeoutMs }
  const verdict = await challengeProvider(parts, peer, terms, signal)
  const { ok, reason, detail = '', declined, provingMs, checkingMs, evidence = verdict.unopened } = verdict
  const fraud = evidence && (await parts.prosecutor.keep({ peer, deployment, lease: address, evidence }))
  tell({ peer, ok, ...(reason && { reason }), provingMs, checkingMs })
  if (reason === undefined) return undefined
  parts.log.info('challenge failed', { peer, reason, detail })
  // Its last words may still be on the way while it has given the devices back.
  if (isAttestable(verdict) && declined !== 'UNKNOWN_LEASE') {
    await parts.attest(peer, { n, rounds }, verdict, signal)
  }
  return { reason, detail, ...(declined && { declined }), ...(fraud && { fraud }) }
}

interface Job {
  tell(challenge: ChallengeOutcome): void
  /** What the provider has charged for so far. */
  workedMs(): number
}

/**
 * Asks for proofs again while the job runs, where its plan says so, at moments and in sizes that nobody can foresee, within
 * a hundredth of the time. The job stands still between two batches meanwhile, and the provider does not charge for it.
 * Resolves to the failure that ends the lease, or to nothing when the signal says that the job is over.
 */
export async function keepTrying(
  parts: Parts,
  lease: LeaseRecord,
  terms: Terms & { random?: boolean },
  job: Job,
  signal: AbortSignal,
): Promise<Error | undefined> {
  if (terms.random !== true) return undefined
  try {
    return await tryAgain(parts, lease, terms, job, signal)
  } catch (error) {
    return signal.aborted ? undefined : (error as Error)
  }
}

async function tryAgain(
  parts: Parts,
  lease: LeaseRecord,
  terms: Terms,
  job: Job,
  signal: AbortSignal,
): Promise<Error> {
  const { clock, random } = parts
  const params = (effort: number) => ({ n: terms.n, rounds: 1 + Math.floor(effort * terms.rounds) })
  const candidates = [{ peer: lease.peer, params }]
  const past: Challenged[] = []
  let excusedAt: number | undefined
  for (;;) {
    const now = clock.elapsed()
    const duty = planDuty({ now, past, candidates, leastGapMs: LEAST_GAP_MS, expectedMs: 1 }, random)!
    await clock.sleep(duty.atMs - now, signal)
    const atMs = clock.elapsed()
    const failure = await tryLease(parts, lease, { ...terms, ...duty.params }, job.tell, signal)
    past.push({ peer: lease.peer, atMs, tookMs: clock.elapsed() - atMs })
    if (failure !== undefined && !isExcused(failure, excusedAt, job.workedMs())) {
      return describe(lease.peer, failure)
    }
    excusedAt = failure && job.workedMs()
  }
}

/**
 * A line may break, and a job may have ended while its last words are on the way. Who then goes on to charge for work, and
 * cannot be challenged the next time either, has no such excuse.
 */
function isExcused(
  { reason, declined }: TrialFailure,
  before: number | undefined,
  workedMs: number,
): boolean {
  const mayHappen = reason === 'UNREACHABLE' || declined === 'UNKNOWN_LEASE'
  return mayHappen && (before === undefined || before === workedMs)
}

function describe(peer: string, { reason, detail, fraud }: TrialFailure): NightshiftError {
  return new NightshiftError(reason, `a proof in the middle of the job failed: ${detail}`, {
    advice: 'the job goes on with the next provider; what no voucher pays for comes back',
    context: { peer, fraud },
  })
}

/** Of an error with which a job ended: what can be brought before the chain. */
export function fraudIn(error: unknown): FraudRecord | undefined {
  return error instanceof NightshiftError ? (error.context.fraud as FraudRecord | undefined) : undefined
}
