import type { JobPlan } from '../../config/manifest/plan.js'
import type { PlannedPart, PlannedStep, WorkflowPlan } from '../../config/manifest/workflow.js'
import { PricingRule } from '../../protocols/auction/wire.js'
import { makeRequirements } from './messages.js'

const JOB: JobPlan = {
  name: 'step',
  runtime: 'container',
  requirements: makeRequirements(),
  ceilingPricePerHour: 1n,
  durationS: 60,
  queueMs: 60_000,
  auction: { pricing: PricingRule.FIRST_PRICE, commitMs: 300, revealMs: 300 },
  spec: { image: `a@sha256:${'0'.repeat(64)}`, entrypoint: ['true'] },
  inputs: [],
  verify: { challenge: { n: 64, rounds: 1, openings: 1 } },
  expect: {},
}

export function makePart(name: string, part: Partial<PlannedPart> = {}): PlannedPart {
  return { name, values: {}, plan: JOB, references: [], deposit: 10n, ...part }
}

export function makeStep(name: string, step: Partial<PlannedStep> = {}): PlannedStep {
  return {
    name,
    isMatrix: (step.parts?.length ?? 1) > 1,
    dependsOn: [],
    parts: [makePart('all')],
    maxParallel: 1_024,
    failFast: true,
    retries: 0,
    ...step,
  }
}

export function makeWorkflow(steps: PlannedStep[], budget?: bigint): WorkflowPlan {
  return { name: 'workflow', steps, ...(budget === undefined ? {} : { budget }) }
}
