import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { runDemo } from '../../demo/run.js'
import { systemClock } from '../../system/clock.js'
import { systemRandom } from '../../system/random.js'
import type { Invocation } from '../command.js'
import { EXIT } from '../exit.js'
import { createTeller, renderOutcome } from './render.js'

const MANIFEST = fileURLToPath(new URL('../../../../config/examples/digits.yaml', import.meta.url))

export async function run(invocation: Invocation): Promise<number> {
  const { shell, report, options } = invocation
  const folder = await mkdtemp(join(tmpdir(), 'nightshift-demo-'))
  let isOk = false
  try {
    const outcome = await runDemo({
      folder,
      manifest: MANIFEST,
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
