import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Loss, loseProviders, type Move } from '../support/moving.js'
import { type Figure, median } from './figure.js'

/**
 * From the loss of a provider until its training runs elsewhere, at default settings, with real processes and a real chain
 * (test/support/moving.ts says how each is lost); and how much of the work was lost with it, in intervals of checkpoints.
 */
const ROUNDS = 3

export async function run(): Promise<Figure[]> {
  const losses: Loss[] = ['killed', 'silent', 'restarted']
  const folder = mkdtempSync(join(tmpdir(), 'nightshift-bench-'))
  try {
    const plan = Array.from({ length: ROUNDS }, () => losses).flat()
    const moves = (await loseProviders(folder, plan)).map((move, index) => ({ loss: plan[index]!, move }))
    for (const { loss, move } of moves) {
      if (move.report?.state !== 'COMPLETED')
        throw new Error(`${loss}: the job ended as ${move.report?.state}`)
      if (move.held.before !== move.held.after) throw new Error(`${loss}: money was made or lost`)
    }
    return losses.flatMap((loss) =>
      describe(
        loss,
        moves.filter((each) => each.loss === loss).map(({ move }) => move),
      ),
    )
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

function describe(loss: Loss, moves: readonly Move[]): Figure[] {
  const name = loss === 'killed' ? 'failover_ms' : `failover_ms.${loss}`
  const figures: Figure[] = [
    { name, value: Math.round(median(moves.map(({ runningMs }) => runningMs ?? Number.NaN))), unit: 'ms' },
    {
      name: `${name}.longest`,
      value: Math.round(Math.max(...moves.map(({ runningMs }) => runningMs ?? Number.NaN))),
      unit: 'ms',
    },
    {
      name: `${name}.first_step`,
      value: Math.round(median(moves.map(({ steppedMs }) => steppedMs ?? Number.NaN))),
      unit: 'ms',
    },
  ]
  const moved = moves.filter(({ continuedFrom }) => continuedFrom !== undefined)
  if (moved.length === 0) return figures
  const lost = moved.map(
    ({ lastStep, continuedFrom, stepsApart }) => (lastStep - continuedFrom!) / stepsApart,
  )
  figures.push({
    name: `${name}.work_lost`,
    value: Math.max(...lost),
    unit: 'intervals of checkpoints, at most',
  })
  return figures
}
