import { fileURLToPath } from 'node:url'
import type { Clock, Random } from '../../protocols/ports.js'
import type { EventView } from '../cli/story.js'
import { findNode } from '../control/client.js'
import type { Member } from '../swarm/member.js'
import { type ChainReady, type RunningNode, type Swarm, startSwarm } from '../swarm/swarm.js'
import { type Books, type Ledger, openLedger } from './balances.js'
import { ACTORS, type Actor, planProviders, planRenter } from './cast.js'
import { type DemoDocument, writeDocument } from './document.js'
import { postJob, type Report, recoverRenter } from './renter.js'
import { type Audits, type Claim, judgeDemo } from './verdict.js'

/** The story of one night shift, end to end, with a verdict at its end. Processes only: nothing of it runs in here. */
export interface DemoOptions {
  folder: string
  manifest: string
  clock: Clock
  random: Random
  environment: Readonly<Record<string, string | undefined>>
  signal: AbortSignal
  tell: Teller
}

/** Told as it happens, for people. */
export interface Teller {
  step(name: string): void
  chain(chain: ChainReady): void
  providers(actors: readonly Actor[], providers: readonly RunningNode[]): void
  event(event: EventView, nameOf: (peer: string) => string): void
  trouble(text: string): void
}

export interface DemoOutcome {
  document: DemoDocument
  claims: Claim[]
  report: Report | undefined
  before: Books
  after: Books
  nameOf: (peer: string) => string
  /** Milliseconds of each step, in order. */
  times: Array<{ step: string; ms: number }>
}

const CHEAT_ENTRY = fileURLToPath(new URL('./cheat.js', import.meta.url))
/** The job itself takes seconds; this is for a machine that does much else, and for what is killed on the way. */
const JOB_TIMEOUT_MS = 150_000
/** As long as the whole job: it goes on where it was, or begins again. */
const RECOVERY_TIMEOUT_MS = JOB_TIMEOUT_MS
const SETTLE_POLL_MS = 300
const SETTLE_TIMEOUT_MS = 20_000

export async function runDemo(options: DemoOptions): Promise<DemoOutcome> {
  const { tell, clock } = options
  const times = createStopwatch(clock)
  tell.step('a local chain with a token, a market and funded wallets')
  const swarm = await startSwarm(
    { ...options, onRestart: (name) => tell.trouble(`the process "${name}" had died and is started again`) },
    (chain) => {
      times.end('chain, token and market')
      tell.chain(chain)
      tell.step('a bootstrap peer and five providers, each a process of its own')
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
  const plans = planProviders(ACTORS, CHEAT_ENTRY)
  const [renter, ...members] = (await swarm.prepare([planRenter(), ...plans])) as [Member, ...Member[]]
  const providers = await swarm.start(plans, members)
  times.end('bootstrap peer and providers')
  tell.providers(ACTORS, providers)
  watchProviders(providers, swarm, tell)

  const names = new Map([renter, ...members].map(({ peer, name }) => [peer, name]))
  const nameOf = (peer: string) => names.get(peer) ?? peer
  const ledger = openLedger(swarm.chain, clock)
  const everyone = [renter, ...members]
  const before = await ledger.read(everyone, signal)

  tell.step('a renter, another process, posts the job')
  const orders: string[] = []
  const report = await rent(options, { swarm, renter, members, ledger, times, nameOf, orders })
  times.end('lease closed, renter ends')
  const audits = await auditAll(providers, orders.at(-1), signal)

  await waitUntil(() => isSettled(ledger, members, signal), clock, signal)
  const after = await ledger.read(everyone, signal)
  times.end('balances read from the chain')
  const claims = judgeDemo({ report, audits, nameOf, before, after })
  const document = writeDocument(
    claims.every(({ holds }) => holds),
    report,
  )
  return { document, claims, report, before, after, nameOf, times: times.all() }
}

export interface Scene {
  swarm: Swarm
  renter: Member
  members: readonly Member[]
  ledger: Ledger
  times: Stopwatch
  nameOf: (peer: string) => string
  /** Takes the names of the orders that go out. */
  orders: string[]
}

/** Every provider that still runs, winner or loser, holds the published result against what it saw itself. */
async function auditAll(
  providers: readonly RunningNode[],
  orderId: string | undefined,
  signal: AbortSignal,
): Promise<Audits> {
  if (orderId === undefined) return new Map()
  const running = providers.filter(({ process }) => !process.hasExited())
  const audits = await Promise.all(
    running.map(async ({ peer, dataDir }): Promise<[string, string]> => {
      const node = await findNode(dataDir)
      const [audit] = (await node?.audit(orderId, signal)) ?? []
      return [peer, audit?.verdict ?? 'not audited']
    }),
  )
  return new Map(audits)
}

export async function rent(
  options: DemoOptions,
  scene: Scene,
  onEvent: (event: EventView) => void = () => {},
): Promise<Report | undefined> {
  const { clock, signal, tell, manifest } = options
  const { swarm, renter, members, ledger, times, nameOf, orders } = scene
  const posted = postJob(swarm, renter, manifest, (event) => {
    times.note(event)
    if (event.kind === 'ordered') orders.push(event.orderId)
    onEvent(event)
    tell.event(event, nameOf)
  })
  const patience = new AbortController()
  const tooLong = clock.sleep(JOB_TIMEOUT_MS, AbortSignal.any([signal, patience.signal]))
  await Promise.race([posted.process.exited, tooLong])
  patience.abort()
  tooLong.catch(() => {})
  if (!posted.process.hasExited()) {
    tell.trouble(`the job has not ended after ${JOB_TIMEOUT_MS / 1000} s: the renter is stopped`)
    await posted.process.stop()
  }
  const report = await posted.report
  if (report !== undefined) return report
  tell.trouble('the renter has died: a new process goes on with its job')
  return recoverRenter(swarm, renter, {
    clock,
    signal,
    timeoutMs: RECOVERY_TIMEOUT_MS,
    isSettled: () => isSettled(ledger, members, signal),
  })
}

/** A provider that dies is not replaced: the renter has to get along without it. */
export function watchProviders(providers: readonly RunningNode[], swarm: Swarm, tell: Teller): void {
  for (const { name, process } of providers) {
    process.exited.then(({ code, signal }) => {
      if (!swarm.group.isStopping()) tell.trouble(`"${name}" has ended (${signal ?? `exit code ${code}`})`)
    })
  }
}

export async function isSettled(
  ledger: Ledger,
  members: readonly Member[],
  signal: AbortSignal,
): Promise<boolean> {
  return (await ledger.bound(members, signal)) === 0n
}

export async function waitUntil(
  holds: () => Promise<boolean>,
  clock: Clock,
  signal: AbortSignal,
): Promise<void> {
  const until = clock.elapsed() + SETTLE_TIMEOUT_MS
  while (clock.elapsed() < until && !(await holds())) await clock.sleep(SETTLE_POLL_MS, signal)
}

export interface Stopwatch {
  end(step: string): void
  /** Divides the job into its parts by what the renter tells. */
  note(event: EventView): void
  all(): Array<{ step: string; ms: number }>
}

export function createStopwatch(clock: Clock): Stopwatch {
  const times: Array<{ step: string; ms: number }> = []
  let startedAt = clock.elapsed()
  const end = (step: string) => {
    const now = clock.elapsed()
    times.push({ step, ms: now - startedAt })
    startedAt = now
  }
  const seen = new Set<string>()
  const once = (step: string) => {
    if (!seen.has(step)) end(step)
    seen.add(step)
  }
  return {
    end,
    note: (event) => {
      if (event.kind === 'ordered') once('renter starts, hears offers')
      if (event.kind === 'leased') once('order to first lease')
      if (event.kind === 'challenged' && event.challenge.ok)
        once('challenges, until the winner proved its device')
      if (event.kind === 'checked') once('training and check')
    },
    all: () => [...times, { step: 'all of it', ms: times.reduce((sum, { ms }) => sum + ms, 0) }],
  }
}
