import { readFile } from 'node:fs/promises'
import { basename, dirname, extname, resolve } from 'node:path'
import { type ParsedManifest, parseManifest } from '../../config/manifest/parse.js'
import { type JobPlan, planJob } from '../../config/manifest/plan.js'
import { hasSteps, referencesOf } from '../../config/manifest/steps.js'
import { planWorkflow, type WorkflowPlan } from '../../config/manifest/workflow.js'
import type { Config } from '../../config/schema.js'
import { leastBytes, parseShaderSpec } from '../../kernels/wgsl/spec.js'
import { NightshiftError } from '../../protocols/errors.js'
import { checkDeclared } from '../device/declared.js'

/** Reads a manifest and plans one of its services. */
export async function readPlan(
  path: string,
  service: string | undefined,
  context: PlanContext,
): Promise<JobPlan> {
  return toPlan(await readParsed(path), path, service, context)
}

export interface PlanContext {
  /** Of the market's mint. */
  decimals: number
  config: Config
}

export async function readParsed(path: string): Promise<ParsedManifest> {
  return parseManifest(await readManifest(path), path)
}

/** Inputs become absolute, since the node's working directory is not the caller's. */
export function toPlan(
  parsed: ParsedManifest,
  path: string,
  service: string | undefined,
  { decimals, config }: PlanContext,
): JobPlan {
  const plan = planJob(parsed, {
    ...(service === undefined ? {} : { service }),
    decimals,
    defaults: config.renter,
  })
  requireAlone(parsed, plan.name)
  requireDeclared(plan, path)
  return withPaths(plan, path)
}

/** Whether all services of a manifest are to be run, as steps of one workflow: several, or one with a matrix. */
export function isWorkflow({ manifest }: ParsedManifest, service: string | undefined): boolean {
  return service === undefined && hasSteps(manifest)
}

/** All services of a manifest as a workflow that has the name of the file. */
export function toWorkflowPlan(
  parsed: ParsedManifest,
  path: string,
  { decimals, config }: PlanContext,
): WorkflowPlan {
  const name = basename(path, extname(path)).replace(/[^A-Za-z0-9._-]/g, '_')
  const plan = planWorkflow(parsed, name, { decimals, defaults: config.renter })
  const steps = plan.steps.map((step) => ({
    ...step,
    parts: step.parts.map((part) => {
      requireDeclared(
        part.plan,
        path,
        part.references.map(({ input }) => input),
      )
      return { ...part, plan: withPaths(part.plan, path) }
    }),
  }))
  return { ...plan, steps }
}

function withPaths(plan: JobPlan, path: string): JobPlan {
  const folder = dirname(path)
  return { ...plan, inputs: plan.inputs.map((input) => ({ ...input, path: resolve(folder, input.path) })) }
}

/** Throws SERVICE_IS_STEP for one that is nothing without the others. */
function requireAlone({ manifest }: ParsedManifest, name: string): void {
  const service = manifest.services[name]!
  if (service.matrix === undefined && referencesOf(service).length === 0) return
  throw new NightshiftError('SERVICE_IS_STEP', `${name} has a matrix, or takes outputs of other services`, {
    advice: 'leave --service out: all services of the manifest are run then, in their order',
    context: { service: name },
  })
}

/** The device's own check of the `job`, told with the file in which it stands. Throws JOB_SPEC_INVALID. */
function requireDeclared(
  { runtime, spec, inputs, requirements }: JobPlan,
  path: string,
  further: readonly string[] = [],
): void {
  try {
    checkDeclared({ runtime, job: spec }, [...inputs.map(({ name }) => name), ...further])
    if (runtime === 'wgsl') requireMemory(spec, Number(requirements.memoryBytes))
  } catch (cause) {
    if (!(cause instanceof NightshiftError)) throw cause
    const { code, message, advice, context } = cause
    throw new NightshiftError(code, `${path}: ${message}`, { advice, context: { ...context, path }, cause })
  }
}

/** A device that is asked for must have room for the buffers; where no memory is asked for, the provider judges. */
function requireMemory(spec: JobPlan['spec'], memoryBytes: number): void {
  const bytes = leastBytes(parseShaderSpec(spec))
  if (memoryBytes === 0 || bytes <= memoryBytes) return
  const said = `buffers of ${bytes} bytes, but a device of ${memoryBytes} is asked for`
  throw new NightshiftError('JOB_SPEC_INVALID', said, {
    advice: 'ask for more memory in the compute profile',
  })
}

export async function readManifest(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8')
  } catch (cause) {
    throw new NightshiftError('MANIFEST_UNREADABLE', `cannot read the manifest ${path}`, {
      advice: 'name an existing file with -f; config/examples holds one to start from',
      context: { path },
      cause,
    })
  }
}
