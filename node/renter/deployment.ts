import type { JobPlan } from '../../config/manifest/plan.js'
import { codeOf, NightshiftError } from '../../protocols/errors.js'
import { hasEnded } from '../../protocols/job/rules.js'
import { encodeJobSpec } from '../../protocols/job/spec.js'
import { JobState } from '../../protocols/job/wire.js'
import { type Attempt, type DeploymentParts, moveTo, type Tell } from './attempt.js'
import { removeCheckpoints } from './checkpoints.js'
import type { DeploymentEvent, DeploymentReport } from './event.js'
import type { PreparedInputs } from './inputs.js'
import { matchAndRun } from './matching.js'
import type { Recovered } from './ongoing.js'
import { note } from './report.js'

/**
 * One job from its order to its end: auction (matching.ts), leases (award.ts), challenge, work, check and settlement
 * (run.ts). A provider that fails at any step loses its place to the next best bid, and what no voucher pays for comes
 * back from its lease (refund.ts). With `before` it goes on with what an earlier process left (resume.ts).
 */
export async function deploy(
  parts: DeploymentParts,
  plan: JobPlan,
  inputs: PreparedInputs,
  report: DeploymentReport,
  emit: (event: DeploymentEvent) => void,
  signal: AbortSignal,
  ending: AbortSignal,
  before?: Recovered,
): Promise<DeploymentReport> {
  const tell: Tell = (event) => {
    const stamped = { atMs: parts.clock.now(), ...event } as DeploymentEvent
    note(report, stamped)
    emit(stamped)
  }
  const reclaims: Array<Promise<void>> = []
  const spec = encodeJobSpec({ runtime: plan.runtime, job: plan.spec })
  const attempt: Attempt = {
    parts,
    plan,
    inputs,
    spec,
    report,
    tell,
    reclaims,
    objections: [],
    ahead: {},
    matchUntilMs: 0,
    signal,
    ending,
  }
  try {
    const done = await matchAndRun(attempt, before)
    if (!done) {
      await moveTo(attempt, JobState.FAILED, 'NO_PROVIDER', 'no provider that qualifies did the job in time')
    }
  } catch (error) {
    if (hasEnded(report.state)) throw error
    const stopped = signal.aborted || ending.aborted
    const state = stopped ? JobState.STOPPED : JobState.FAILED
    await moveTo(attempt, state, codeOf(error) ?? (stopped ? 'STOPPED' : 'UNEXPECTED'), explain(error))
  }
  await removeCheckpoints(attempt)
  await Promise.allSettled(reclaims)
  await parts.save(report)
  return report
}

/** For people: what went wrong, and what they can do. */
function explain(error: unknown): string {
  if (error instanceof NightshiftError) return `${error.message}; ${error.advice}`
  return error instanceof Error ? error.message : String(error)
}
