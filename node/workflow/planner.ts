import type {
  PlannedPart,
  PlannedReference,
  PlannedStep,
  WorkflowPlan,
} from '../../config/manifest/workflow.js'
import { hasEnded } from '../../protocols/job/rules.js'
import { JobState } from '../../protocols/job/wire.js'
import type { BestPart, PartOutput, PartReport, PartState, WorkflowReport } from './event.js'

/**
 * What is to be done next, and what follows from what has happened: pure functions of (plan, report, fact). The runner
 * does the moves, and stores what they say before it does them.
 */
export type Fact =
  | { kind: 'posted'; step: string; part: string; job: string }
  | { kind: 'running'; step: string; part: string; job: string; provider?: string }
  /** `paid` by this job so far, atomic units. */
  | { kind: 'paid'; step: string; part: string; job: string; paid: bigint }
  | {
      kind: 'ended'
      step: string
      part: string
      job: string
      state: 'COMPLETED' | 'FAILED' | 'STOPPED'
      reason?: string
      detail?: string
      provider?: string
      paid: bigint
      metrics: Record<string, number>
      outputs: PartOutput[]
    }
  | { kind: 'stop'; detail: string }
  /** Nothing has happened: an earlier process may have ended between two steps. */
  | { kind: 'resumed' }

export type Move =
  | { kind: 'post'; step: PlannedStep; part: PlannedPart }
  | { kind: 'stop'; step: string; part: string; job: string }

/**
 * Jobs that look for a provider at the same time. Where there are fewer providers than parts, more of them would only outbid
 * one another, and run out of time; orders of one author are limited, too (market/announcements.ts).
 */
export const MOST_MATCHING = 4
/** Jobs under way at the same time: each holds inputs, a stream and a lease. */
export const MOST_AT_ONCE = 64
/** So often a part may be crowded out before that counts as a failure: every workflow has an end. */
const MOST_CROWDINGS = 100

const ENDS: readonly PartState[] = ['COMPLETED', 'FAILED', 'STOPPED', 'SKIPPED']

export function isOver({ state }: Pick<PartReport, 'state'>): boolean {
  return ENDS.includes(state)
}

export function isUnderWay({ state }: Pick<PartReport, 'state'>): boolean {
  return state === 'POSTED' || state === 'RUNNING'
}

export function beginWorkflow(
  plan: WorkflowPlan,
  known: Pick<WorkflowReport, 'id' | 'createdAtMs' | 'decimals'>,
): WorkflowReport {
  const parts = plan.steps.flatMap((step) =>
    step.parts.map(
      (part): PartReport => ({
        step: step.name,
        part: part.name,
        values: part.values,
        state: 'WAITING',
        jobs: [],
        failures: 0,
        crowdings: 0,
        metrics: {},
        outputs: [],
      }),
    ),
  )
  const { name, budget } = plan
  const start = { ...known, name, state: JobState.QUEUED, ...(budget === undefined ? {} : { budget }) }
  return settle(plan, { ...start, paid: 0n, atRisk: 0n, best: [], parts })
}

/** The report after a fact. A fact of a job that is not the part's newest, or that has ended, changes nothing but payments. */
export function advance(plan: WorkflowPlan, report: WorkflowReport, fact: Fact): WorkflowReport {
  if (hasEnded(report.state) && fact.kind !== 'paid') return report
  switch (fact.kind) {
    case 'resumed':
      return settle(plan, report)
    case 'stop': {
      const stopped = report.parts.map((part) =>
        part.state === 'WAITING' ? skip(part, 'WORKFLOW_STOPPED', fact.detail) : part,
      )
      return settle(plan, { ...report, reason: 'STOPPED', detail: fact.detail, parts: stopped })
    }
    case 'posted':
      return change(plan, report, fact, (part) =>
        part.state !== 'WAITING'
          ? part
          : { ...part, state: 'POSTED', jobs: [...part.jobs, { id: fact.job, paid: 0n }] },
      )
    case 'running': {
      const { provider } = fact
      return change(plan, report, fact, (part) =>
        isUnderWay(part) && isNewest(part, fact.job)
          ? { ...part, state: 'RUNNING', ...(provider === undefined ? {} : { provider }) }
          : part,
      )
    }
    case 'paid':
      return change(plan, report, fact, (part) => payFor(part, fact))
    case 'ended': {
      const after = change(plan, report, fact, (part, step) =>
        isUnderWay(part) && isNewest(part, fact.job) ? endPart(report, step, part, fact) : part,
      )
      const freed = after.parts.map((part) =>
        part.isCrowded && (part.step !== fact.step || part.part !== fact.part) ? uncrowd(part) : part,
      )
      return settle(plan, { ...after, parts: freed })
    }
  }
}

/** What is to be done now. Moves that were begun are no moves any more: a part that is posted is not WAITING. */
export function movesOf(plan: WorkflowPlan, report: WorkflowReport): Move[] {
  if (hasEnded(report.state)) return []
  return [...stopsOf(plan, report), ...postsOf(plan, report)]
}

function postsOf(plan: WorkflowPlan, report: WorkflowReport): Move[] {
  if (isStopping(report)) return []
  const under = report.parts.filter(isUnderWay)
  const inStep = new Map<string, number>()
  for (const { step } of under) inStep.set(step, (inStep.get(step) ?? 0) + 1)
  let matching = under.filter(({ state }) => state === 'POSTED').length
  let all = under.length
  let committed = report.paid + report.atRisk
  const moves: Move[] = []
  for (const { step, part, report: of } of readyParts(plan, report)) {
    if (matching >= MOST_MATCHING || all >= MOST_AT_ONCE) break
    const here = inStep.get(step.name) ?? 0
    if (of.isCrowded || here >= step.maxParallel || !fits(plan, committed, part)) continue
    moves.push({ kind: 'post', step, part })
    inStep.set(step.name, here + 1)
    committed += part.deposit
    matching++
    all++
  }
  return moves
}

function stopsOf(plan: WorkflowPlan, report: WorkflowReport): Move[] {
  return report.parts.flatMap((part): Move[] => {
    const job = part.jobs.at(-1)
    if (!isUnderWay(part) || job === undefined) return []
    const isGivenUp = isStopping(report) || hasFailedFast(stepOf(plan, part.step), report)
    return isGivenUp ? [{ kind: 'stop', step: part.step, part: part.part, job: job.id }] : []
  })
}

function isStopping({ state, reason }: WorkflowReport): boolean {
  return reason === 'STOPPED' && !hasEnded(state)
}

function fits({ budget }: WorkflowPlan, committed: bigint, { deposit }: PlannedPart): boolean {
  return budget === undefined || committed + deposit <= budget
}

interface Ready {
  step: PlannedStep
  part: PlannedPart
  report: PartReport
}

/** Parts that wait for nothing but their turn. */
function readyParts(plan: WorkflowPlan, report: WorkflowReport): Ready[] {
  const found = new Map(report.parts.map((part) => [keyOf(part.step, part.part), part]))
  return plan.steps.flatMap((step) => {
    if (hasFailedFast(step, report)) return []
    const waiting = step.parts.flatMap((part) => {
      const of = found.get(keyOf(step.name, part.name))
      return of?.state === 'WAITING' ? [{ step, part, report: of }] : []
    })
    return waiting.filter(({ part }) => judge(plan, report, step, part) === 'ready')
  })
}

type Verdict = 'ready' | 'waits' | { reason: string; detail: string }

/** Whether what a part depends on is there, is still to come, or will never be. */
function judge(plan: WorkflowPlan, report: WorkflowReport, step: PlannedStep, part: PlannedPart): Verdict {
  const names = new Set([...step.dependsOn, ...part.references.map((reference) => reference.step)])
  const verdicts = [...names].map((name) => judgeStep(plan, report, name, step, part))
  return (
    verdicts.find((each) => typeof each === 'object') ?? verdicts.find((each) => each === 'waits') ?? 'ready'
  )
}

function judgeStep(
  plan: WorkflowPlan,
  report: WorkflowReport,
  name: string,
  step: PlannedStep,
  part: PlannedPart,
): Verdict {
  const all = report.parts.filter((each) => each.step === name)
  const references = part.references.filter((reference) => reference.step === name)
  const named = references.flatMap(({ part: of }) => (typeof of === 'object' ? [of.name] : []))
  const isForNamed = !step.dependsOn.includes(name) && named.length === references.length
  const needed = isForNamed ? all.filter((each) => named.includes(each.part)) : all
  const isForBest = !step.dependsOn.includes(name) && references.every(({ part: of }) => of !== undefined)
  if (!needed.every(isOver)) return 'waits'
  const missing = needed.find(({ state }) => state !== 'COMPLETED')
  // Of a search that goes on without the parts that failed, the best of the others will do.
  const isEnough =
    isForBest && !isForNamed && !stepOf(plan, name).failFast && named.every((of) => isDone(all, of))
  if (missing !== undefined && !isEnough) {
    return { reason: 'DEPENDENCY_FAILED', detail: `${nameOf(missing)} is ${missing.state}` }
  }
  const wantsBest = references.some(({ part: of }) => of === 'best')
  if (wantsBest && findBest(stepOf(plan, name), report) === undefined) {
    const metric = stepOf(plan, name).best?.metric ?? ''
    return { reason: 'METRIC_MISSING', detail: `no part of ${name} told its ${metric}` }
  }
  return 'ready'
}

function isDone(parts: readonly PartReport[], name: string): boolean {
  return parts.some(({ part, state }) => part === name && state === 'COMPLETED')
}

/** The best part of a step by its metric; the first of equals. Undefined: none has told it, or none is asked for. */
export function findBest({ name, best }: PlannedStep, { parts }: WorkflowReport): BestPart | undefined {
  if (best === undefined) return undefined
  const { metric, goal } = best
  let found: BestPart | undefined
  for (const { step, part, state, metrics } of parts) {
    const value = Object.hasOwn(metrics, metric) ? (metrics[metric] ?? Number.NaN) : Number.NaN
    if (step !== name || state !== 'COMPLETED' || !Number.isFinite(value)) continue
    const isBetter = found === undefined || (goal === 'max' ? value > found.value : value < found.value)
    if (isBetter) found = { step, part, metric, value }
  }
  return found
}

/** The parts whose output a reference means: one, or all of them. */
export function partsMeant(
  plan: WorkflowPlan,
  report: WorkflowReport,
  reference: PlannedReference,
): PartReport[] {
  const all = report.parts.filter(({ step }) => step === reference.step)
  if (reference.part === undefined) return all
  const best =
    reference.part === 'best' ? findBest(stepOf(plan, reference.step), report)?.part : reference.part.name
  return all.filter(({ part }) => part === best)
}

export function stepOf({ steps }: WorkflowPlan, name: string): PlannedStep {
  const found = steps.find((step) => step.name === name)
  if (found === undefined) throw new Error(`a plan without the step ${name}`)
  return found
}

function change(
  plan: WorkflowPlan,
  report: WorkflowReport,
  of: { step: string; part: string },
  act: (part: PartReport, step: PlannedStep) => PartReport,
): WorkflowReport {
  const parts = report.parts.map((part) =>
    part.step === of.step && part.part === of.part ? act(part, stepOf(plan, of.step)) : part,
  )
  return settle(plan, { ...report, parts })
}

function isNewest({ jobs }: PartReport, job: string): boolean {
  return jobs.at(-1)?.id === job
}

function payFor(part: PartReport, { job, paid }: { job: string; paid: bigint }): PartReport {
  return { ...part, jobs: part.jobs.map((each) => (each.id === job ? { ...each, paid } : each)) }
}

function endPart(
  report: WorkflowReport,
  step: PlannedStep,
  part: PartReport,
  fact: Extract<Fact, { kind: 'ended' }>,
): PartReport {
  const { state, reason, detail, provider, metrics, outputs } = fact
  const paid = payFor(part, fact)
  const why = { ...(reason === undefined ? {} : { reason }), ...(detail === undefined ? {} : { detail }) }
  if (state === 'COMPLETED') {
    const { reason: _, detail: __, ...rest } = paid
    return { ...rest, state, metrics, outputs, ...(provider === undefined ? {} : { provider }) }
  }
  if (isStopping(report)) return { ...paid, ...why, state: 'STOPPED', metrics }
  if (hasFailedFast(step, report))
    return skip({ ...paid, metrics }, 'FAIL_FAST', `another part of ${step.name} failed`)
  if (state === 'STOPPED') return { ...paid, ...why, state, metrics }
  const others = report.parts.some((each) => each.state === 'RUNNING' && each !== part)
  if (reason === 'NO_PROVIDER' && others && part.crowdings < MOST_CROWDINGS) {
    return { ...paid, ...why, state: 'WAITING', isCrowded: true, crowdings: part.crowdings + 1 }
  }
  const failures = part.failures + 1
  return { ...paid, ...why, failures, metrics, state: failures > step.retries ? 'FAILED' : 'WAITING' }
}

function uncrowd({ isCrowded: _, ...part }: PartReport): PartReport {
  return part
}

function skip(part: PartReport, reason: string, detail: string): PartReport {
  return { ...uncrowd(part), state: 'SKIPPED', reason, detail }
}

function hasFailedFast(step: PlannedStep, { parts }: WorkflowReport): boolean {
  return step.failFast && parts.some((part) => part.step === step.name && hasLost(part))
}

function hasLost({ state }: PartReport): boolean {
  return state === 'FAILED' || state === 'STOPPED'
}

/** What follows from the parts' states by itself: who is skipped, what is at risk, what is best, and the end. */
function settle(plan: WorkflowPlan, before: WorkflowReport): WorkflowReport {
  let report = before
  // In the order of the steps, so that what is skipped here is seen by those that depend on it.
  for (const step of plan.steps) {
    const isGivenUp = hasFailedFast(step, report)
    for (const planned of step.parts) {
      const part = report.parts.find((each) => each.step === step.name && each.part === planned.name)
      if (part?.state !== 'WAITING') continue
      const verdict = isGivenUp
        ? { reason: 'FAIL_FAST', detail: `another part of ${step.name} failed` }
        : judge(plan, report, step, planned)
      if (typeof verdict === 'string') continue
      report = replace(report, part, skip(part, verdict.reason, verdict.detail))
    }
  }
  report = measure(plan, report)
  if (!report.parts.some(isUnderWay)) report = giveUpUnaffordable(plan, report)
  return conclude(report)
}

function replace(report: WorkflowReport, before: PartReport, after: PartReport): WorkflowReport {
  return { ...report, parts: report.parts.map((part) => (part === before ? after : part)) }
}

function measure(plan: WorkflowPlan, report: WorkflowReport): WorkflowReport {
  const deposits = new Map(
    plan.steps.flatMap((step) => step.parts.map((part) => [keyOf(step.name, part.name), part.deposit])),
  )
  const best = plan.steps.flatMap((step) => findBest(step, report) ?? [])
  return {
    ...report,
    best,
    paid: sum(report.parts.flatMap(({ jobs }) => jobs.map(({ paid }) => paid))),
    atRisk: sum(
      report.parts.filter(isUnderWay).map(({ step, part }) => deposits.get(keyOf(step, part)) ?? 0n),
    ),
  }
}

/** Nothing is under way that could give money back, and nothing that is ready can be paid for: it goes no further. */
function giveUpUnaffordable(plan: WorkflowPlan, report: WorkflowReport): WorkflowReport {
  const freed = { ...report, parts: report.parts.map((part) => (part.isCrowded ? uncrowd(part) : part)) }
  const ready = isStopping(report) ? [] : readyParts(plan, freed)
  if (ready.length === 0 || ready.some(({ part }) => fits(plan, report.paid, part))) return freed
  const detail = 'the budget (pricing.max_total) does not cover the deposit of any part that is left'
  const parts = freed.parts.map((part) =>
    part.state === 'WAITING' ? skip(part, 'BUDGET_EXHAUSTED', detail) : part,
  )
  return { ...freed, parts }
}

function conclude(report: WorkflowReport): WorkflowReport {
  const { parts, state } = report
  if (hasEnded(state)) return report
  if (!parts.every(isOver)) {
    return parts.every(({ jobs }) => jobs.length === 0) ? report : { ...report, state: JobState.RUNNING }
  }
  if (isStopping(report)) return { ...report, state: JobState.STOPPED }
  const lost = parts.filter(({ state: end }) => end !== 'COMPLETED')
  if (lost.length === 0) return { ...report, state: JobState.COMPLETED }
  const unpaid = lost.find(({ reason }) => reason === 'BUDGET_EXHAUSTED')
  const first = unpaid ?? lost.find(hasLost) ?? lost[0]!
  const counted = `${lost.length} of ${parts.length} parts did not complete; the first: ${nameOf(first)}`
  const why = [first.reason, first.detail].filter((each) => each !== undefined).join(', ')
  const reason = unpaid === undefined ? 'PART_FAILED' : 'BUDGET_EXHAUSTED'
  return { ...report, state: JobState.FAILED, reason, detail: `${counted}: ${why}` }
}

function sum(amounts: readonly bigint[]): bigint {
  return amounts.reduce((total, amount) => total + amount, 0n)
}

export function keyOf(step: string, part: string): string {
  return `${step}/${part}`
}

function nameOf({ step, part }: PartReport): string {
  return keyOf(step, part)
}
