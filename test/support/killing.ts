import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import * as assert from 'uvu/assert'
import type { EventView } from '../../node/cli/story.js'
import { type Ledger, openLedger } from '../../node/demo/balances.js'
import { postJob, type Report, recoverRenter } from '../../node/demo/renter.js'
import type { LeaseRecord } from '../../node/provider/ledger.js'
import { openStore } from '../../node/store/level.js'
import { LOCAL_TOKEN } from '../../node/swarm/genesis.js'
import type { Member } from '../../node/swarm/member.js'
import { type NodePlan, type RunningNode, type Swarm, startSwarm } from '../../node/swarm/swarm.js'
import { systemClock } from '../../node/system/clock.js'
import { systemRandom } from '../../node/system/random.js'
import { toHex } from '../../protocols/bytes.js'

/**
 * `kill -9` of processes of a real swarm at chosen moments of a job, each started again, judged by the chain: nothing is made
 * or lost, every lease ends, a provider is paid every voucher that it held, a renter gets the rest back, every job is
 * completed, a killed renter's too, no devices are kept, and who was killed does the next job.
 */
const DIGITS = fileURLToPath(new URL('../../../config/examples/digits.yaml', import.meta.url))
const MIDNIGHT = fileURLToPath(new URL('../../../config/examples/midnight.yaml', import.meta.url))
const DATA = fileURLToPath(new URL('../../../config/data/digits.csv.gz', import.meta.url))
const TOKENS = 1_000n * 10n ** BigInt(LOCAL_TOKEN.decimals)
const PATIENCE_MS = 300_000
/** Devices stay promised for a while to an order whose renter is gone. */
const PROMISE_MS = 20_000

/** `provider` is the cheapest one, which gets the job; `heir` the next, who goes on with it. */
export type Victim = 'provider' | 'heir' | 'renter' | 'chain' | 'bootstrap'
export interface Moment {
  name: string
  is: (event: EventView) => boolean
}

/** One after another: the next moment is waited for when the one before has come. */
export interface Act {
  victim: Victim
  moment: Moment
  /** Started again only when the job is over; else at once. */
  stays?: 'away'
}

export interface Round {
  acts: readonly Act[]
  /** Default: the training of `config/examples/digits.yaml`. */
  job?: 'checkpointed' | 'patient' | 'twice'
}

export const MOMENTS: Readonly<Record<string, Moment>> = {
  ordered: { name: 'the order is out', is: ({ kind }) => kind === 'ordered' },
  committed: { name: 'a bid is committed to', is: ({ kind }) => kind === 'committed' },
  awarded: { name: 'a lease is proposed', is: ({ kind }) => kind === 'awarded' },
  leased: { name: 'the lease is open and the proof is made', is: ({ kind }) => kind === 'leased' },
  proved: { name: 'the proof was accepted', is: ({ kind }) => kind === 'challenged' },
  paid: { name: 'a voucher is out', is: ({ kind }) => kind === 'voucher' },
  delivered: { name: 'the output has arrived', is: ({ kind }) => kind === 'output' },
  checked: { name: 'the final voucher goes out', is: ({ kind }) => kind === 'checked' },
  stepped: { name: 'the work is under way', is: ({ kind }) => kind === 'progress' },
  kept: {
    name: 'a checkpoint has arrived, and the next is fetched',
    is: ({ kind }) => kind === 'checkpoint',
  },
  returned: { name: 'a restarted provider is there again', is: ({ kind }) => kind === 'returned' },
  moving: {
    name: 'the job is looking for another provider',
    is: (event) => event.kind === 'state' && event.state === 'MATCHING',
  },
  continued: { name: 'another provider goes on', is: ({ kind }) => kind === 'continued' },
}

const providerPlan = (name: string, price: string): NodePlan => ({
  name,
  tokens: TOKENS,
  settings: {
    provider: {
      enabled: true,
      price_per_hour: price,
      stake: '100',
      backend: 'wasm',
      location: 'DE-Berlin',
      software: { memory_bytes: '2Gi' },
    },
  },
})

const PROVIDERS = [providerPlan('first', '0.20'), providerPlan('second', '0.30')]

/** Plays the rounds on one swarm; each job, and one more at the end, must be completed. */
export async function sweepKills(rounds: readonly Round[]): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'nightshift-kill-'))
  const ending = new AbortController()
  const { signal } = ending
  const swarm = await startSwarm(
    { folder, clock: systemClock, random: systemRandom, environment: process.env, signal },
    () => {},
  )
  try {
    await sweep(swarm, folder, rounds, signal)
  } finally {
    ending.abort(new Error('the test ends'))
    await swarm.stop()
    rmSync(folder, { recursive: true, force: true })
  }
}

async function sweep(
  swarm: Swarm,
  folder: string,
  rounds: readonly Round[],
  signal: AbortSignal,
): Promise<void> {
  const members = await swarm.prepare(PROVIDERS)
  const scene: Scene = { swarm, members, providers: await swarm.start(PROVIDERS, members), signal }
  const ledger = openLedger(swarm.chain, systemClock)
  const reports: Report[] = []
  let played = 0
  for (const round of rounds) {
    const what = round.acts
      .map(({ victim, moment }) => `kill the ${victim} when ${moment.name}`)
      .join(', then ')
    process.stderr.write(`${what}\n`)
    const [renter] = (await swarm.prepare([renterPlan(`renter-${played}`)])) as [Member]
    const wallets = [renter, ...members]
    const before = (await ledger.read(wallets, signal)).wallets
    const report = await play(scene, ledger, renter, round, writeManifest(folder, round.job))
    if (round.acts.some(({ victim }) => victim === 'renter')) await systemClock.sleep(PROMISE_MS, signal)
    const after = (await ledger.read(wallets, signal)).wallets
    assert.is(sum(after), sum(before), what)
    for (const { deposited, paid, refunded } of report?.settlements ?? []) {
      assert.is(BigInt(deposited), BigInt(paid) + BigInt(refunded), what)
    }
    if (report !== undefined) reports.push(report)
    assert.is(report?.state, 'COMPLETED', `${what}: ${report?.reason} ${report?.detail}`)
    played++
  }
  assert.is(played, rounds.length)

  const [last] = (await swarm.prepare([renterPlan('last')])) as [Member]
  const report = await postJob(swarm, last, DIGITS, () => {}).report
  assert.is(report?.state, 'COMPLETED')
  assert.is(
    report?.winner,
    members[0]?.peer,
    'the one that was killed most often is free again, and cheapest',
  )
  for (const provider of scene.providers) await provider.process.stop()
  const away = rounds.some(({ acts }) => acts.some(({ stays }) => stays === 'away'))
  await checkVouchers(members, reports, away)
}

interface Scene {
  swarm: Swarm
  members: readonly Member[]
  /** As they run now: one that was started again takes its place. */
  providers: RunningNode[]
  signal: AbortSignal
}

async function play(
  scene: Scene,
  ledger: Ledger,
  renter: Member,
  { acts }: Round,
  manifest: string,
): Promise<Report | undefined> {
  const { swarm, members, signal } = scene
  const left = [...acts]
  const restarts: Array<Promise<void>> = []
  const away: number[] = []
  const startAgain = async (at: number): Promise<void> => {
    const [again] = await swarm.start([PROVIDERS[at]!], [members[at]!])
    scene.providers = scene.providers.map((node, index) => (index === at ? again! : node))
  }
  const kill = ({ victim, stays }: Act, isRenter: () => void) => {
    if (victim === 'renter') return isRenter()
    if (victim === 'chain') return void swarm.chainProcess().kill('SIGKILL')
    if (victim === 'bootstrap') return void swarm.bootstrap.process.kill('SIGKILL')
    const at = victim === 'provider' ? 0 : 1
    const { process: victimProcess } = scene.providers[at]!
    // A round may kill the same one again before its new process has said that it is ready.
    const dies = Promise.all(restarts).then(() => {
      scene.providers[at]!.process.kill('SIGKILL')
      return scene.providers[at]!.process.exited
    })
    victimProcess.kill('SIGKILL')
    if (stays === 'away') away.push(at)
    else restarts.push(dies.then(() => startAgain(at)))
  }
  const posted = postJob(swarm, renter, manifest, (event) => {
    const [next] = left
    if (next === undefined || !next.moment.is(event)) return
    left.shift()
    kill(next, () => posted.process.kill('SIGKILL'))
  })
  const isSettled = async () => (await ledger.bound(members, signal)) === 0n
  let report = await posted.report
  assert.equal(
    left.map(({ moment }) => moment.name),
    [],
    `the moments came: ${JSON.stringify(report)}`,
  )
  await Promise.all(restarts)
  if (report === undefined) {
    report = await recoverRenter(swarm, renter, {
      clock: systemClock,
      signal,
      timeoutMs: PATIENCE_MS,
      isSettled,
    })
  }
  for (const at of away) {
    await scene.providers[at]!.process.exited
    await startAgain(at)
  }
  const until = systemClock.elapsed() + PATIENCE_MS
  while (!(await isSettled())) {
    assert.ok(systemClock.elapsed() < until, 'every lease ends')
    await systemClock.sleep(300)
  }
  return report
}

/** What a provider had in hand when it ended is what it was paid, and what the chain says that the renter paid. */
async function checkVouchers(
  members: readonly Member[],
  reports: readonly Report[],
  away: boolean,
): Promise<void> {
  const settlements = new Map(
    reports.flatMap(({ settlements }) => settlements).map((each) => [each.lease, each]),
  )
  let compared = 0
  for (const { dataDir } of members) {
    const store = await openStore(join(dataDir, 'store'))
    try {
      const records = (await store.collection<LeaseRecord>('provider-leases').list()).map(
        ({ value }) => value,
      )
      for (const { lease, state, best, paid, occupies } of records) {
        assert.is(occupies, false, 'no devices are kept')
        if (state === 'signed') continue
        assert.is(state, 'closed')
        // Whoever is away for the whole dispute window of a cancelled lease cannot bring its voucher.
        if (away) assert.ok(paid === 0n || paid === best?.amount, 'the best voucher was paid, or none')
        else assert.is(paid, best?.amount ?? 0n, 'the best voucher was paid')
        const settlement = settlements.get(toHex(lease))
        if (settlement === undefined) continue
        assert.is(BigInt(settlement.paid), paid)
        compared++
      }
    } finally {
      await store.close()
    }
  }
  assert.ok(compared >= reports.length / 2, `${compared} leases were compared`)
}

function renterPlan(name: string): NodePlan {
  return { name, tokens: TOKENS, settings: { provider: { backend: 'wasm' } } }
}

/** A training with a checkpoint each second; `patient` waits a minute for a provider that is gone; `twice` asks for two. */
function writeManifest(folder: string, job: Round['job']): string {
  if (job === undefined) return DIGITS
  copyFileSync(DATA, join(folder, 'digits.csv.gz'))
  const text = readFileSync(MIDNIGHT, 'utf8')
    .replace('../data/digits.csv.gz', 'digits.csv.gz')
    .replace('queue: 1m', job === 'patient' ? 'queue: 1m\n      silence: 1m' : 'queue: 1m')
    .replace('epochs: 120', job === 'twice' ? 'epochs: 60' : 'epochs: 240')
    .replace(/profile: small\n$/, `profile: small\n      count: ${job === 'twice' ? 2 : 1}\n`)
  const path = join(folder, `${job}.yaml`)
  writeFileSync(path, text)
  return path
}

function sum(balances: ReadonlyMap<string, bigint>): bigint {
  return [...balances.values()].reduce((total, amount) => total + amount, 0n)
}
