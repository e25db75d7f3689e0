import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import type { EventView } from '../cli/story.js'
import type { Member } from '../swarm/member.js'
import { type Swarm, startSwarm } from '../swarm/swarm.js'
import { type Books, openLedger } from './balances.js'
import { GAMER, HEIR, MIDNIGHT_ACTORS, planProviders, planRenter } from './cast.js'
import { type Failover, writeDocument } from './document.js'
import type { Report } from './renter.js'
import {
  createStopwatch,
  type DemoOptions,
  type DemoOutcome,
  isSettled,
  rent,
  type Scene,
  type Stopwatch,
  waitUntil,
  watchProviders,
} from './run.js'
import { type Claim, judgeLeases, judgeMoney, LEAST_ACCURACY } from './verdict.js'

/**
 * Klaus starts a game at midnight: a training begins on the cheapest node, its owner pauses it in the middle, and the
 * work goes on elsewhere. Then the same job again, undisturbed: the two models must be one and the same.
 */
export async function runMidnight(options: DemoOptions): Promise<DemoOutcome> {
  const { tell, clock } = options
  const times = createStopwatch(clock)
  tell.step('a local chain with a token, a market and funded wallets')
  const swarm = await startSwarm(
    { ...options, onRestart: (name) => tell.trouble(`the process "${name}" had died and is started again`) },
    (chain) => {
      times.end('chain, token and market')
      tell.chain(chain)
      tell.step('a bootstrap peer and two providers, each a process of its own')
    },
  )
  try {
    return await Promise.race([play(options, swarm, times), swarm.failed])
  } finally {
    await swarm.stop()
  }
}

async function play(options: DemoOptions, swarm: Swarm, times: Stopwatch): Promise<DemoOutcome> {
  const { tell, clock, signal } = options
  const plans = planProviders(MIDNIGHT_ACTORS)
  const [renter, ...members] = (await swarm.prepare([planRenter(), ...plans])) as [Member, ...Member[]]
  const providers = await swarm.start(plans, members)
  times.end('bootstrap peer and providers')
  tell.providers(MIDNIGHT_ACTORS, providers)
  watchProviders(providers, swarm, tell)
  const names = new Map([renter, ...members].map(({ peer, name }) => [peer, name]))
  const nameOf = (peer: string) => names.get(peer) ?? peer
  const ledger = openLedger(swarm.chain, clock)
  const everyone = [renter, ...members]
  const before = await ledger.read(everyone, signal)
  const scene: Scene = { swarm, renter, members, ledger, times, nameOf, orders: [] }

  tell.step('a renter posts a training; in the middle of it the owner of the cheapest node wants to play')
  const watch = watchMove(options, scene)
  const moved = await rent(options, scene, watch.note)
  times.end('the job that moved')
  tell.step('the same job once more, undisturbed, to compare')
  const still = await rent(options, scene)
  times.end('the undisturbed job')

  await waitUntil(() => isSettled(ledger, members, signal), clock, signal)
  const after = await ledger.read(everyone, signal)
  const failover = { ...watch.result(), sameModel: await haveSameModel(moved, still) }
  const report = together(moved, still)
  const claims = judgeMidnight({ moved, still, report, failover, nameOf, before, after })
  const document = {
    ...writeDocument(
      claims.every(({ holds }) => holds),
      report,
    ),
    failover,
  }
  return { document, claims, report, before, after, nameOf, times: times.all() }
}

/** Pauses the first provider when a checkpoint of it is kept, with the command that its owner would type. */
function watchMove({ clock, tell }: DemoOptions, { swarm, members, nameOf }: Scene) {
  const gamer = members.find(({ name }) => name === GAMER) as Member
  let pausedAt: number | undefined
  let lastStep = 0
  const found: Omit<Failover, 'sameModel'> = { continuedFrom: null, lostSteps: null, movedMs: null }
  const note = (event: EventView) => {
    if (event.kind === 'progress' && found.continuedFrom === null) lastStep = event.step
    if (event.kind === 'checkpoint' && nameOf(event.checkpoint.peer) === GAMER && pausedAt === undefined) {
      pausedAt = clock.elapsed()
      tell.trouble('midnight: "nightshift node pause" on klaus')
      swarm.run(gamer, 'pause', ['node', 'pause'])
    }
    if (event.kind === 'continued' && pausedAt !== undefined) {
      found.continuedFrom = event.step
      found.lostSteps = Math.max(0, lastStep - event.step)
      found.movedMs = Math.round(clock.elapsed() - pausedAt)
    }
  }
  return { note, result: () => found }
}

async function haveSameModel(one: Report | undefined, other: Report | undefined): Promise<boolean> {
  const [first, second] = await Promise.all([one, other].map(readModel))
  return first !== undefined && first === second
}

async function readModel(report: Report | undefined): Promise<string | undefined> {
  const [output] = report?.outputs ?? []
  if (output === undefined) return undefined
  return createHash('sha256')
    .update(await readFile(output.path))
    .digest('hex')
}

/** The money of both jobs; all else is of the one that moved. */
function together(moved: Report | undefined, still: Report | undefined): Report | undefined {
  if (moved === undefined || still === undefined) return moved
  return {
    ...moved,
    settlements: [...moved.settlements, ...still.settlements],
    slashes: [...moved.slashes, ...still.slashes],
  }
}

interface Facts {
  moved: Report | undefined
  still: Report | undefined
  report: Report | undefined
  failover: Failover
  nameOf: (peer: string) => string
  before: Books
  after: Books
}

function judgeMidnight(facts: Facts): Claim[] {
  const { moved, still, report, failover, nameOf } = facts
  const money = judgeMoney(facts)
  if (moved === undefined || still === undefined || report === undefined) {
    return [{ claim: 'both jobs ended', holds: false, found: 'no report' }, ...money]
  }
  const bid = moved.bids.find(({ peer }) => nameOf(peer) === GAMER)
  const paidTo = (name: string) =>
    moved.settlements
      .filter(({ peer }) => nameOf(peer) === name)
      .reduce((total, { paid }) => total + BigInt(paid), 0n)
  const winner = nameOf(moved.winner ?? 'nobody')
  const { continuedFrom, lostSteps, sameModel } = failover
  return [
    { claim: 'the job was completed', holds: moved.state === 'COMPLETED', found: moved.state },
    {
      claim: 'it left the first provider because its owner paused it',
      holds: bid?.reason === 'PROVIDER_PAUSED',
      found: bid?.reason ?? 'it never had the job',
    },
    {
      claim: 'the second went on where the first had stopped',
      holds: winner === HEIR && continuedFrom !== null && continuedFrom > 0,
      found: `${winner} won, from step ${continuedFrom ?? 'none'}, ${lostSteps ?? 'no'} steps lost`,
    },
    {
      claim: 'the model is that of an undisturbed run, bit for bit',
      holds: sameModel && still.state === 'COMPLETED',
      found: `another model; the undisturbed job is ${still.state}`,
    },
    {
      claim: 'and reads the held-back images as well, 95 % of them at least',
      holds: moved.accuracy === still.accuracy && (moved.accuracy ?? 0) >= LEAST_ACCURACY,
      found: `${moved.accuracy} and ${still.accuracy}`,
    },
    {
      claim: 'both providers were paid for their part of it',
      holds: paidTo(GAMER) > 0n && paidTo(HEIR) > 0n,
      found: `${paidTo(GAMER)} and ${paidTo(HEIR)} units`,
    },
    ...judgeLeases(report),
    ...money,
  ]
}
