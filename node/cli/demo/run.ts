import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { runMidnight } from '../../demo/midnight.js'
import { runDemo } from '../../demo/run.js'
import { systemClock } from '../../system/clock.js'
import { systemRandom } from '../../system/random.js'
import type { Invocation } from '../command.js'
import { EXIT } from '../exit.js'
import { createTeller, renderOutcome } from './render.js'

const SCENARIOS = {
  market: { play: runDemo, manifest: 'digits.yaml' },
  midnight: { play: runMidnight, manifest: 'midnight.yaml' },
} as const

export async function run(invocation: Invocation): Promise<number> {
  const { shell, report, options } = invocation
  const { play, manifest } = SCENARIOS[options.scenario as keyof typeof SCENARIOS]
  const folder = await mkdtemp(join(tmpdir(), 'nightshift-demo-'))
  let isOk = false
  try {
    const outcome = await play({
      folder,
      manifest: fileURLToPath(new URL(`../../../../config/examples/${manifest}`, import.meta.url)),
      clock: systemClock,
      random: systemRandom,
      environment: shell.env,
      signal: shell.signal,
      tell: createTeller(report),
    })
    isOk = outcome.document.ok
    if (report.json) {
      report.progress(renderOutcome(outcome, report.err.style))
      report.result(outcome.document, '')
    } else report.result({}, renderOutcome(outcome, report.out.style))
    return isOk ? EXIT.OK : EXIT.FAILED
  } finally {
    const isFailed = !isOk && !shell.signal.aborted
    if (options.keep === true || isFailed) report.progress(`data and logs are kept in ${folder}`)
    else await rm(folder, { recursive: true, force: true })
  }
}
