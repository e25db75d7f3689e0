import { depositFor } from '../../protocols/money.js'
import { type Finding, type Path, showValue } from '../finding.js'
import { findingAt } from '../source.js'
import { listOf } from './device.js'
import { type MatrixValues, matches, namesOf, substitute } from './matrix.js'
import { type ParsedManifest, refuse } from './parse.js'
import { convert, type JobPlan, type PlanOptions, planJob } from './plan.js'
import { isInputPath, type Service } from './schema.js'
import { dependenciesOf, partsOf, referencesOf } from './steps.js'

/** All services of a manifest as steps, those without dependencies first. */
export interface WorkflowPlan {
  name: string
  steps: PlannedStep[]
  /** Atomic units: what was paid and what is deposited, together, at any moment. */
  budget?: bigint
}

export interface PlannedStep {
  name: string
  isMatrix: boolean
  /** Steps of which all parts must have ended well. */
  dependsOn: string[]
  parts: PlannedPart[]
  /** Parts that are posted at the same time. */
  maxParallel: number
  /** Whether one part that failed ends the others. */
  failFast: boolean
  /** How often a part that failed is posted again. */
  retries: number
  best?: { metric: string; goal: 'max' | 'min' }
}

export interface PlannedPart {
  /** A folder's name; `all` where the step has no matrix. */
  name: string
  values: MatrixValues
  /** Without the inputs that other steps leave. */
  plan: JobPlan
  references: PlannedReference[]
  /** The most that one attempt deposits at a time, atomic units. */
  deposit: bigint
}

/** An output of an earlier step that is an input. */
export interface PlannedReference {
  input: string
  step: string
  output: string
  /** The name of a part, the best one, or undefined: of all parts, as one tar where the step has a matrix. */
  part?: { name: string } | 'best'
  /** As of a file (PlannedInput). */
  shared?: boolean
  keep?: boolean
}

/** The name of the only part of a step without a matrix. */
export const ONLY_PART = 'all'

/**
 * Plans all services together. Throws MANIFEST_INVALID as `planJob` does, and for values of a matrix that make an input's
 * path or a part's name wrong.
 */
export function planWorkflow(
  parsed: ParsedManifest,
  name: string,
  options: Omit<PlanOptions, 'service'>,
): WorkflowPlan {
  const { manifest, source } = parsed
  const findings: Finding[] = []
  const fail = (path: Path, message: string, expected: string) => {
    findings.push(findingAt(source, path, { severity: 'error', code: 'WRONG_VALUE', message, expected }))
  }
  const total = manifest.pricing?.max_total
  const budget =
    total === undefined
      ? undefined
      : convert({ text: total, unit: 'tokens', path: ['pricing', 'max_total'] }, options.decimals, fail)
  const names = new Map(
    Object.entries(manifest.services).map(([step, service]) => [
      step,
      service.matrix === undefined ? [ONLY_PART] : namesOf(partsOf(service)),
    ]),
  )
  const planPart = (step: string, service: Service, values: MatrixValues, index: number): PlannedPart => {
    const own = {
      ...service,
      job: substitute(service.job, values),
      inputs: substitute(service.inputs, values),
    }
    const at: Path = ['services', step, 'inputs']
    for (const [input, written] of Object.entries(own.inputs)) {
      const path = typeof written === 'string' ? written : written.path
      if (path === undefined || isInputPath(path)) continue
      fail([...at, input], `read ${showValue(path)}`, 'a path relative to the manifest, with its values too')
    }
    const references = referencesOf(own).map(([input, { from, output = '', part, shared, keep }]) => {
      const whose = { ...(shared === undefined ? {} : { shared }), ...(keep === undefined ? {} : { keep }) }
      const reference: PlannedReference = { input, step: from, output, ...whose }
      if (part === undefined || part === 'best') return { ...reference, ...(part && { part }) }
      const found = partsOf(manifest.services[from]!).flatMap((each, index) =>
        matches(each, part) ? index : [],
      )
      if (found.length !== 1) {
        fail([...at, input, 'part'], `not one part of ${from} has these values`, 'one part')
      }
      return { ...reference, part: { name: names.get(from)?.[found[0] ?? 0] ?? '' } }
    })
    const variant = { ...parsed, manifest: { ...manifest, services: { ...manifest.services, [step]: own } } }
    const plan = planJob(variant, { ...options, service: step })
    return { name: names.get(step)?.[index] ?? '', values, plan, references, deposit: depositOf(plan) }
  }
  const steps = orderOf(manifest.services).map((step): PlannedStep => {
    const service = manifest.services[step]!
    const parts = partsOf(service).map((values, index) => planPart(step, service, values, index))
    const { max_parallel = parts.length, fail_fast = true, best } = service.matrix ?? {}
    return {
      name: step,
      isMatrix: service.matrix !== undefined,
      dependsOn: listOf(service.depends_on),
      parts,
      maxParallel: max_parallel,
      failFast: fail_fast,
      retries: service.retries,
      ...(best === undefined ? {} : { best }),
    }
  })
  refuse(source.name, findings)
  return { name, steps, ...(budget === undefined ? {} : { budget }) }
}

/** At the highest price that its order may reach. */
export function depositOf({
  auction,
  ceilingPricePerHour,
  requirements,
  durationS,
  count = 1,
}: JobPlan): bigint {
  const price = auction.ladder?.maxPricePerHour ?? ceilingPricePerHour
  return depositFor(price * BigInt(requirements.devices), durationS) * BigInt(count)
}

/** Names of services, each after those that it depends on; otherwise as they are written. No circles: parseManifest refuses them. */
function orderOf(services: Readonly<Record<string, Service>>): string[] {
  const ordered = new Set<string>()
  const visit = (name: string) => {
    if (ordered.has(name)) return
    for (const other of dependenciesOf(services[name]!)) visit(other)
    ordered.add(name)
  }
  for (const name of Object.keys(services)) visit(name)
  return [...ordered]
}
