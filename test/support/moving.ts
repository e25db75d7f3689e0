import { copyFileSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { EventView } from '../../node/cli/story.js'
import { openLedger } from '../../node/demo/balances.js'
import { GAMER, MIDNIGHT_ACTORS, planProviders, planRenter } from '../../node/demo/cast.js'
import { postJob, type Report } from '../../node/demo/renter.js'
import type { Member } from '../../node/swarm/member.js'
import { type RunningNode, startSwarm } from '../../node/swarm/swarm.js'
import { systemClock } from '../../node/system/clock.js'
import { systemRandom } from '../../node/system/random.js'

/**
 * A real swarm (chain, bootstrap peer, two providers, a renter, each a process) in which a training is begun by the cheapest
 * provider, and that provider is lost after its first checkpoint has arrived.
 *
 * `killed`: SIGKILL, its sockets are closed by the system. `silent`: SIGSTOP, its sockets stay open and nothing comes, as when
 * a cable is pulled. `restarted`: SIGKILL, and a new process over the same data at once; the renter waits a minute for it.
 */
export type Loss = 'killed' | 'silent' | 'restarted'

export interface Move {
  report: Report | undefined
  /** From the loss until the job is told RUNNING with a provider that has opened a lease and proved its device. */
  runningMs: number | undefined
  /** From the loss until the first step that was computed after it is told. */
  steppedMs: number | undefined
  /** The last step that was told before the loss, and the one that was gone on from. */
  lastStep: number
  continuedFrom: number | undefined
  /** Steps between the checkpoints before the loss. */
  stepsApart: number
  /** What the wallets of all held before and after, atomic units: the same, where nothing was made or lost. */
  held: { before: bigint; after: bigint }
  returned: boolean
}

const EXAMPLE = fileURLToPath(new URL('../../../config/examples/midnight.yaml', import.meta.url))
const DATA = fileURLToPath(new URL('../../../config/data/digits.csv.gz', import.meta.url))
const PATIENCE_MS = 180_000

/** Plays the losses one after another on one swarm. */
export async function loseProviders(folder: string, losses: readonly Loss[]): Promise<Move[]> {
  const ending = new AbortController()
  const { signal } = ending
  const swarm = await startSwarm(
    { folder, clock: systemClock, random: systemRandom, environment: process.env, signal },
    () => {},
  )
  try {
    const plans = planProviders(MIDNIGHT_ACTORS)
    const members = await swarm.prepare(plans)
    let providers = await swarm.start(plans, members)
    const ledger = openLedger(swarm.chain, systemClock)
    const moves: Move[] = []
    for (const [round, loss] of losses.entries()) {
      const [renter] = (await swarm.prepare([{ ...planRenter(), name: `renter-${round}` }])) as [Member]
      const wallets = [renter, ...members]
      const before = sum((await ledger.read(wallets, signal)).wallets)
      const watch = watchMove(providers, loss, () => {
        const at = plans.findIndex(({ name }) => name === GAMER)
        return providers[at]!.process.exited.then(async () => {
          const [again] = await swarm.start([plans[at]!], [members[at]!])
          providers = providers.map((node, index) => (index === at ? again! : node))
        })
      })
      const manifest = writeManifest(folder, loss)
      const report = await postJob(swarm, renter, manifest, watch.note).report
      await watch.mend()
      const until = systemClock.elapsed() + PATIENCE_MS
      while ((await ledger.bound(members, signal)) !== 0n) {
        if (systemClock.elapsed() > until) throw new Error(`${loss}: a lease is left open`)
        await systemClock.sleep(300)
      }
      const after = sum((await ledger.read(wallets, signal)).wallets)
      moves.push({ ...watch.result(), report, held: { before, after } })
    }
    return moves
  } finally {
    ending.abort(new Error('the measurement ends'))
    await swarm.stop()
  }
}

function watchMove(providers: readonly RunningNode[], loss: Loss, restart: () => Promise<void>) {
  const victim = providers.find(({ name }) => name === GAMER)!
  let lostAt: number | undefined
  let again: Promise<void> | undefined
  const checkpoints: number[] = []
  const found: Omit<Move, 'report' | 'held'> = {
    runningMs: undefined,
    steppedMs: undefined,
    lastStep: 0,
    continuedFrom: undefined,
    stepsApart: 0,
    returned: false,
  }
  const lose = () => {
    lostAt = systemClock.elapsed()
    victim.process.kill(loss === 'silent' ? 'SIGSTOP' : 'SIGKILL')
    if (loss === 'restarted') again = restart()
  }
  const note = (event: EventView) => {
    const passedMs = lostAt === undefined ? 0 : systemClock.elapsed() - lostAt
    if (event.kind === 'checkpoint' && lostAt === undefined) {
      checkpoints.push(event.checkpoint.step)
      const [first = 0, second = 0] = checkpoints
      found.stepsApart = second - first
      if (checkpoints.length === 2) lose()
    } else if (event.kind === 'progress') {
      if (lostAt === undefined) found.lastStep = event.step
      else if (found.continuedFrom !== undefined || found.returned) found.steppedMs ??= passedMs
      // What was on its way when the provider was lost.
      else found.lastStep = event.step
    } else if (event.kind === 'continued' && lostAt !== undefined) found.continuedFrom = event.step
    else if (event.kind === 'returned' && lostAt !== undefined) {
      found.returned = true
      found.runningMs ??= passedMs
    } else if (event.kind === 'state' && event.state === 'RUNNING' && lostAt !== undefined) {
      found.runningMs ??= passedMs
    }
  }
  return {
    note,
    result: () => found,
    mend: async () => {
      if (loss === 'silent') victim.process.kill('SIGCONT')
      await (loss === 'killed' ? restart() : again)
    },
  }
}

function writeManifest(folder: string, loss: Loss): string {
  copyFileSync(DATA, join(folder, 'digits.csv.gz'))
  const patience = loss === 'restarted' ? 'queue: 1m\n      silence: 1m' : 'queue: 1m'
  const text = readFileSync(EXAMPLE, 'utf8')
    .replace('../data/digits.csv.gz', 'digits.csv.gz')
    .replace('queue: 1m', patience)
    .replace('epochs: 120', 'epochs: 240')
  const path = join(folder, `${loss}.yaml`)
  writeFileSync(path, text)
  return path
}

function sum(balances: ReadonlyMap<string, bigint>): bigint {
  return [...balances.values()].reduce((total, amount) => total + amount, 0n)
}
