import { access } from 'node:fs/promises'
import { resolve } from 'node:path'
import type { Finding } from '../../../config/finding.js'
import type { JobPlan } from '../../../config/manifest/plan.js'
import { codeOf, NightshiftError } from '../../../protocols/errors.js'
import { findNode } from '../../control/client.js'
import { readParsed, toPlan } from '../../daemon/manifest.js'
import type { Invocation } from '../command.js'
import { EXIT } from '../exit.js'
import { showAmount } from '../story.js'
import { renderPairs } from '../table.js'

/** As a stablecoin's, and the local chain's; the market's own count when a node runs that can be asked. */
const USUAL_DECIMALS = 6

export async function run(invocation: Invocation): Promise<number> {
  const { shell, report, options } = invocation
  const { config } = await invocation.config()
  const path = resolve(shell.cwd, String(options.file))
  const parsed = await readParsed(path)
  const status = await (await findNode(config.dataDir))?.status()
  const decimals = status?.chain.market?.decimals ?? USUAL_DECIMALS
  const plan = toPlan(parsed, path, options.service as string | undefined, { decimals, config })
  for (const input of plan.inputs) await requireFile(input.name, input.path)
  report.result(
    { ok: true, manifest: path, warnings: parsed.warnings, plan },
    renderPlan(plan, decimals, parsed.warnings, report.out.style),
  )
  return EXIT.OK
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
  const memory = `${Number(requirements.memoryBytes) / 2 ** 20} MiB`
  const lines = warnings.map(
    ({ source, line, path, message }) =>
      `${style.yellow('warning')}: ${source}:${line ?? ''} ${path}: ${message}\n`,
  )
  const pairs = renderPairs(
    [
      ['service', `${plan.name}, runtime ${plan.runtime}`],
      ['needs', `${requirements.devices} ${requirements.gpu ? 'GPU' : 'device (a GPU or not)'}, ${memory}`],
      ['at most', `${showAmount(plan.ceilingPricePerHour, decimals)} tokens an hour for ${plan.durationS} s`],
      ['inputs', plan.inputs.map(({ name, path }) => `${name}: ${path}`).join(', ') || 'none'],
    ],
    style.dim,
  )
  return `${lines.join('')}${style.green('The manifest is right.')}\n\n${pairs}`
}
