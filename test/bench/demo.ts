import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { runDemo, type Teller } from '../../node/demo/run.js'
import { systemClock } from '../../node/system/clock.js'
import { systemRandom } from '../../node/system/random.js'
import type { Figure } from './figure.js'

/** How long each step of the demo takes, against what an empty Node process takes to start and end on this machine. */
const MANIFEST = fileURLToPath(new URL('../../../config/examples/digits.yaml', import.meta.url))
const STARTS = 5

export async function run(): Promise<Figure[]> {
  const reference = startEmptyProcess()
  const folder = mkdtempSync(join(tmpdir(), 'nightshift-bench-'))
  try {
    const { document, times, claims, report } = await runDemo({
      folder,
      manifest: MANIFEST,
      clock: systemClock,
      random: systemRandom,
      environment: process.env,
      signal: new AbortController().signal,
      tell: createProgress(),
    })
    const broken = claims.filter(({ holds }) => !holds).map(({ claim, found }) => `${claim}: ${found}`)
    if (broken.length > 0) throw new Error(`the demo did not hold: ${broken.join('; ')}`)
    const timing = (name: string, ms: number): Figure => ({
      name,
      value: ms,
      unit: 'ms',
      reference: 'start of an empty Node process',
      ratio: ms / reference,
    })
    const winner = report?.settlements.find(({ peer }) => peer === document.winner)
    return [
      ...times.map(({ step, ms }) => timing(step, ms)),
      timing('order to lease', document.orderToLeaseMs ?? Number.NaN),
      { name: 'transactions of the job', value: winner?.transactions.length ?? 0, unit: 'transactions' },
      { name: 'accuracy', value: document.job.accuracy ?? 0, unit: 'share of the held-back rows' },
    ]
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

/** Milliseconds, the median of a few. */
function startEmptyProcess(): number {
  const times = Array.from({ length: STARTS }, () => {
    const startedAt = performance.now()
    spawnSync(process.execPath, ['-e', ''])
    return performance.now() - startedAt
  })
  return times.sort((a, b) => a - b)[Math.floor(STARTS / 2)] ?? Number.NaN
}

function createProgress(): Teller {
  const say = (text: string) => process.stderr.write(`${text}\n`)
  return { step: say, trouble: say, chain: () => {}, providers: () => {}, event: () => {} }
}
