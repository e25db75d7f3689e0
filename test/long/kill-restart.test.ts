import { mkdtempSync, rmSync } from 'node:fs'
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
import { suite } from '../support/suite.js'

/**
 * `kill -9` of provider, renter, chain and bootstrap peer at every state of a job, each started again, judged by the
 * chain: nothing is made or lost, every lease ends, a provider is paid every voucher that it held, a renter gets the
 * rest back, every job is completed, a killed renter's too, and who was killed does the next job.
 */
const test = suite('kill and restart')

const MANIFEST = fileURLToPath(new URL('../../../config/examples/digits.yaml', import.meta.url))
const TOKENS = 1_000n * 10n ** BigInt(LOCAL_TOKEN.decimals)
const PATIENCE_MS = 120_000
const PROMISE_MS = 20_000

type Victim = 'provider' | 'renter' | 'chain' | 'bootstrap'
type Moment = { name: string; is: (event: EventView) => boolean }

const ORDERED: Moment = { name: 'the order is out', is: ({ kind }) => kind === 'ordered' }
const COMMITTED: Moment = { name: 'a bid is committed to', is: ({ kind }) => kind === 'committed' }
const AWARDED: Moment = { name: 'a lease is proposed', is: ({ kind }) => kind === 'awarded' }
const LEASED: Moment = {
  name: 'the lease is open and the proof is made',
  is: ({ kind }) => kind === 'leased',
}
const PROVED: Moment = { name: 'the proof was accepted', is: ({ kind }) => kind === 'challenged' }
const PAID: Moment = { name: 'a voucher is out', is: ({ kind }) => kind === 'voucher' }
const DELIVERED: Moment = { name: 'the output has arrived', is: ({ kind }) => kind === 'output' }
const CHECKED: Moment = { name: 'the final voucher goes out', is: ({ kind }) => kind === 'checked' }
const MOMENTS = [ORDERED, COMMITTED, AWARDED, LEASED, PROVED, PAID, DELIVERED, CHECKED]

const ROUNDS: ReadonlyArray<readonly [Victim, Moment]> = [
  ...MOMENTS.map((moment) => ['renter', moment] as const),
  ...MOMENTS.map((moment) => ['provider', moment] as const),
  ...[AWARDED, PAID, CHECKED].map((moment) => ['chain', moment] as const),
  ['bootstrap', LEASED],
]

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

test(
  'whoever is killed at whatever moment, the money ends where it belongs, and the next job is done',
  async () => {
    const folder = mkdtempSync(join(tmpdir(), 'nightshift-kill-'))
    const ending = new AbortController()
    const swarm = await startSwarm(
      {
        folder,
        clock: systemClock,
        random: systemRandom,
        environment: process.env,
        signal: ending.signal,
      },
      () => {},
    )
    try {
      await sweep(swarm, ending.signal)
    } finally {
      ending.abort(new Error('the test ends'))
      await swarm.stop()
      rmSync(folder, { recursive: true, force: true })
    }
  },
  { timeoutMs: 1_800_000 },
)

async function sweep(swarm: Swarm, signal: AbortSignal): Promise<void> {
  const members = await swarm.prepare(PROVIDERS)
  let providers = await swarm.start(PROVIDERS, members)
  const ledger = openLedger(swarm.chain, systemClock)
  const reports: Report[] = []
  let rounds = 0
  for (const [victim, moment] of ROUNDS) {
    process.stderr.write(`kill the ${victim} when ${moment.name}\n`)
    const [renter] = (await swarm.prepare([renterPlan(`renter-${rounds}`)])) as [Member]
    const wallets = [renter, ...members]
    const before = (await ledger.read(wallets, signal)).wallets
    const played = await play(swarm, { victim, moment, renter, providers, members, ledger, signal })
    providers = played.providers
    // Devices stay promised for a while to an order whose renter is gone.
    if (victim === 'renter') await systemClock.sleep(PROMISE_MS, signal)
    const after = (await ledger.read(wallets, signal)).wallets
    const what = `${victim}, ${moment.name}`
    assert.is(sum(after), sum(before), what)
    for (const { deposited, paid, refunded } of played.report?.settlements ?? []) {
      assert.is(BigInt(deposited), BigInt(paid) + BigInt(refunded), what)
    }
    if (played.report !== undefined) reports.push(played.report)
    assert.is(played.report?.state, 'COMPLETED', what)
    rounds++
  }
  assert.is(rounds, ROUNDS.length)

  const [last] = (await swarm.prepare([renterPlan('last')])) as [Member]
  const report = await postJob(swarm, last, MANIFEST, () => {}).report
  assert.is(report?.state, 'COMPLETED')
  assert.is(
    report?.winner,
    members[0]?.peer,
    'the one that was killed most often is free again, and cheapest',
  )
  for (const provider of providers) await provider.process.stop()
  await checkVouchers(members, reports)
}

interface Scene {
  victim: Victim
  moment: Moment
  renter: Member
  providers: RunningNode[]
  members: readonly Member[]
  ledger: Ledger
  signal: AbortSignal
}

async function play(
  swarm: Swarm,
  scene: Scene,
): Promise<{ report: Report | undefined; providers: RunningNode[] }> {
  const { victim, moment, renter, members, ledger, signal } = scene
  let providers = scene.providers
  let restarting: Promise<RunningNode[]> | undefined
  let isKilled = false
  const posted = postJob(swarm, renter, MANIFEST, (event) => {
    if (isKilled || !moment.is(event)) return
    isKilled = true
    if (victim === 'renter') posted.process.kill('SIGKILL')
    if (victim === 'chain') swarm.chainProcess().kill('SIGKILL')
    if (victim === 'bootstrap') swarm.bootstrap.process.kill('SIGKILL')
    if (victim === 'provider') {
      providers[0]!.process.kill('SIGKILL')
      restarting = providers[0]!.process.exited.then(() =>
        swarm.start(PROVIDERS.slice(0, 1), members.slice(0, 1)),
      )
    }
  })
  const isSettled = async () => (await ledger.bound(members, signal)) === 0n
  let report = await posted.report
  assert.ok(isKilled, `the moment came: ${JSON.stringify(report)}`)
  if (restarting !== undefined) providers = [...(await restarting), ...providers.slice(1)]
  if (report === undefined) {
    report = await recoverRenter(swarm, renter, {
      clock: systemClock,
      signal,
      timeoutMs: PATIENCE_MS,
      isSettled,
    })
  }
  const until = systemClock.elapsed() + PATIENCE_MS
  while (!(await isSettled())) {
    assert.ok(systemClock.elapsed() < until, 'every lease ends')
    await systemClock.sleep(300)
  }
  return { report, providers }
}

/** What a provider had in hand when it ended is what it was paid, and what the chain says that the renter paid. */
async function checkVouchers(members: readonly Member[], reports: readonly Report[]): Promise<void> {
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
        assert.is(paid, best?.amount ?? 0n, 'the best voucher was paid')
        const settlement = settlements.get(toHex(lease))
        if (settlement === undefined) continue
        assert.is(BigInt(settlement.paid), paid)
        compared++
      }
    } finally {
      await store.close()
    }
  }
  assert.ok(compared >= ROUNDS.length / 2, `${compared} leases were compared`)
}

function renterPlan(name: string): NodePlan {
  return { name, tokens: TOKENS, settings: { provider: { backend: 'wasm' } } }
}

function sum(balances: ReadonlyMap<string, bigint>): bigint {
  return [...balances.values()].reduce((total, amount) => total + amount, 0n)
}

test.run()
