import { access } from 'node:fs/promises'
import { resolve } from 'node:path'
import type { Finding } from '../../../config/finding.js'
import type { JobPlan } from '../../../config/manifest/plan.js'
import type { WorkflowPlan } from '../../../config/manifest/workflow.js'
import { codeOf, NightshiftError } from '../../../protocols/errors.js'
import { findNode } from '../../control/client.js'
import type { OfferView } from '../../control/view.js'
import { isWorkflow, readParsed, toPlan, toWorkflowPlan } from '../../daemon/manifest.js'
import type { Invocation } from '../command.js'
import { EXIT } from '../exit.js'
import { listen, type OfferSource } from '../offers/listen.js'
import { renderOffers } from '../offers/search.js'
import { readDuration } from '../quantity.js'
import { showAmount } from '../story.js'
import { renderPairs } from '../table.js'

/** As a stablecoin's, and the local chain's; the market's own count when a node runs that can be asked. */
const USUAL_DECIMALS = 6

export async function run(invocation: Invocation): Promise<number> {
  const { shell, report, options } = invocation
  const { config } = await invocation.config()
  const waitMs = readDuration('--wait', String(options.wait))
  const path = resolve(shell.cwd, String(options.file))
  const parsed = await readParsed(path)
  const status = await (await findNode(config.dataDir))?.status()
  const decimals = status?.chain.market?.decimals ?? USUAL_DECIMALS
  if (isWorkflow(parsed, options.service as string | undefined)) {
    return validateWorkflow(
      invocation,
      toWorkflowPlan(parsed, path, { decimals, config }),
      parsed.warnings,
      decimals,
    )
  }
  const plan = toPlan(parsed, path, options.service as string | undefined, { decimals, config })
  for (const input of plan.inputs) await requireFile(input.name, input.path)
  const { style } = report.out
  const text = renderPlan(plan, decimals, parsed.warnings, style)
  const result = { ok: true, manifest: path, warnings: parsed.warnings, plan }
  if (options.explain !== true) {
    report.result(result, text)
    return EXIT.OK
  }
  const offers = await explain(plan, invocation, waitMs)
  const fitting = offers.filter((offer) => offer.qualifies).length
  const fit = fitting === 1 ? '1 provider fits now' : `${fitting} providers fit now`
  const list = renderOffers(offers, offers.length, decimals, { misfits: true, explains: true }, style)
  report.result({ ...result, offers }, `${text}\n${fit}, of ${offers.length} that are known.\n\n${list}`)
  return EXIT.OK
}

/** All steps of it, each with its parts. What fits now is told of one service at a time: with --service. */
async function validateWorkflow(
  { report, options }: Invocation,
  plan: WorkflowPlan,
  warnings: readonly Finding[],
  decimals: number,
): Promise<number> {
  if (options.explain === true) {
    throw new NightshiftError('USAGE', '--explain is for one service', {
      advice: 'name it with --service, or leave --explain out',
    })
  }
  const parts = plan.steps.flatMap((step) => step.parts)
  for (const part of parts) for (const input of part.plan.inputs) await requireFile(input.name, input.path)
  const { style } = report.out
  const rows = plan.steps.map((step): [string, string] => {
    const after = [
      ...new Set([...step.dependsOn, ...step.parts.flatMap((part) => part.references.map((of) => of.step))]),
    ]
    const [first] = step.parts
    const deposit = first === undefined ? '' : `deposit ${showAmount(first.deposit, decimals)} tokens`
    const each = step.parts.length > 1 ? ' each' : ''
    const count = step.isMatrix ? `, ${step.parts.length} parts, ${step.maxParallel} at a time` : ''
    return [
      step.name,
      `${first?.plan.runtime}${count}, ${deposit}${each}${after.length > 0 ? `, after ${after.join(', ')}` : ''}`,
    ]
  })
  const budget = plan.budget === undefined ? 'none' : `${showAmount(plan.budget, decimals)} tokens`
  const text = renderPairs([['workflow', plan.name], ['budget', budget], ...rows], style.dim)
  const head = `${renderWarnings(warnings, style)}${style.green('The manifest is right.')}`
  report.result({ ok: true, warnings, workflow: plan }, `${head}\n\n${text}`)
  return EXIT.OK
}

/** Which providers would qualify now, and why the others would not. */
async function explain(plan: JobPlan, invocation: Invocation, waitMs: number): Promise<OfferView[]> {
  const { config } = await invocation.config()
  const running = await findNode(config.dataDir)
  const source: OfferSource =
    running === undefined ? await listen(invocation, waitMs) : { ...running, close: async () => {} }
  try {
    const { requirements, ceilingPricePerHour } = plan
    return await source.offers({ requirements, ceilingPricePerHour }, invocation.shell.signal)
  } finally {
    await source.close()
  }
}

async function requireFile(name: string, path: string): Promise<void> {
  try {
    await access(path)
  } catch (cause) {
    throw new NightshiftError('MANIFEST_INVALID', `the input "${name}" cannot be read: ${path}`, {
      advice: 'paths of inputs are relative to the manifest',
      context: { name, path, reason: codeOf(cause) },
      cause,
    })
  }
}

function renderPlan(
  plan: JobPlan,
  decimals: number,
  warnings: readonly Finding[],
  style: { green(text: string): string; yellow(text: string): string; dim(text: string): string },
): string {
  const { requirements } = plan
  const memory = `${Math.round(Number(requirements.memoryBytes) / 2 ** 20)} MiB`
  const pairs = renderPairs(
    [
      ['service', `${plan.name}, runtime ${plan.runtime}`],
      ['needs', `${requirements.devices} ${requirements.gpu ? 'GPU' : 'device (a GPU or not)'}, ${memory}`],
      ['who', describeWho(plan, decimals)],
      ['at most', `${showAmount(plan.ceilingPricePerHour, decimals)} tokens an hour for ${plan.durationS} s`],
      ['inputs', plan.inputs.map(({ name, path }) => `${name}: ${path}`).join(', ') || 'none'],
    ],
    style.dim,
  )
  return `${renderWarnings(warnings, style)}${style.green('The manifest is right.')}\n\n${pairs}`
}

function renderWarnings(warnings: readonly Finding[], style: { yellow(text: string): string }): string {
  return warnings
    .map(
      ({ source, line, path, message }) =>
        `${style.yellow('warning')}: ${source}:${line ?? ''} ${path}: ${message}\n`,
    )
    .join('')
}

/** Everything that is asked of the provider itself, in a line. */
function describeWho({ requirements, count = 1 }: JobPlan, decimals: number): string {
  const {
    locations,
    minimumStake,
    maxLatencyMs,
    minimumReliability,
    minimumAttestations,
    noticeS,
    allow,
    deny,
  } = requirements
  const asked = [
    ...(count > 1 ? [`${count} on distinct hosts, all or none`] : []),
    ...(locations.length > 0 ? [`in ${locations.join(' or ')}`] : []),
    ...(maxLatencyMs === undefined ? [] : [`answers within ${maxLatencyMs} ms`]),
    ...(minimumStake > 0n ? [`stakes ${showAmount(minimumStake, decimals)} tokens`] : []),
    ...(minimumReliability === undefined ? [] : [`reliability from ${minimumReliability}`]),
    ...(minimumAttestations === undefined ? [] : [`attested by ${minimumAttestations}`]),
    ...(noticeS === undefined ? [] : [`says ${noticeS} s before that it leaves`]),
    ...(allow.length > 0 ? [`one of ${allow.length} peers`] : []),
    ...(deny.length > 0 ? [`none of ${deny.length} peers`] : []),
  ]
  return asked.join('; ') || 'anybody'
}
