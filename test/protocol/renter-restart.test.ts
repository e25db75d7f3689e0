import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import * as assert from 'uvu/assert'
import type { JobPlan } from '../../config/manifest/plan.js'
import { openEvidence } from '../../node/daemon/evidence.js'
import type { Escrow } from '../../node/escrow/port.js'
import { openFolder, sourceOf } from '../../node/files/folder.js'
import { createAuctionTopic } from '../../node/market/announcements.js'
import { createHeartbeatTopic } from '../../node/market/heartbeats.js'
import { openHistory } from '../../node/market/history.js'
import type { DeploymentEvent, DeploymentReport } from '../../node/renter/event.js'
import { createRenter, type Renter } from '../../node/renter.js'
import { openStore } from '../../node/store/level.js'
import type { Store } from '../../node/store/port.js'
import { systemClock } from '../../node/system/clock.js'
import { silentLog } from '../../node/system/log.js'
import { systemRandom } from '../../node/system/random.js'
import { PricingRule } from '../../protocols/auction/wire.js'
import { digest } from '../../protocols/bytes.js'
import { challengeProtocol } from '../../protocols/challenge/protocol.js'
import { hasEnded } from '../../protocols/job/rules.js'
import { JobState } from '../../protocols/job/wire.js'
import { solanaKeyOf } from '../../protocols/peer.js'
import { createMemoryChain, type MemoryChain } from '../support/chain.js'
import { digitsSpec } from '../support/kernels.js'
import { createHub, type Hub, type MemoryNetwork } from '../support/memory.js'
import { makeRequirements } from '../support/messages.js'
import { eventually } from '../support/network.js'
import { answer, PARAMS } from '../support/proof.js'
import { createLife, type ProviderHouse, startProvider } from '../support/provider.js'
import { suite } from '../support/suite.js'

/**
 * A real renter and a real provider, on a chain and a network in memory; `kill` leaves nothing of the renter but its disk.
 * Slices are long enough that the provider waits for a renter that comes back at once.
 */
const test = suite('a renter that comes back')

const PLAN: JobPlan = {
  name: 'digits',
  runtime: 'tfjs',
  requirements: { ...makeRequirements(), gpu: false, memoryBytes: 0n },
  ceilingPricePerHour: 8_000_000n,
  durationS: 600,
  queueMs: 60_000,
  auction: { pricing: PricingRule.FIRST_PRICE, commitMs: 300, revealMs: 2_000 },
  spec: { task: 'train', ...digitsSpec },
  inputs: [{ name: 'data', path: 'data.csv' }],
  verify: { challenge: { ...PARAMS, openings: 4 } },
  expect: {},
}
const SLICE_MS = 1_500
const PATIENCE_MS = 90_000

/** What happens to the calls of one process to the chain. */
type Fate = (call: keyof Escrow, act: () => Promise<unknown>) => Promise<unknown>

interface Scene {
  chain: MemoryChain
  house: ProviderHouse
  renter: Renter
  /** Ends the process between two steps; nothing is asked to stop. */
  kill(): Promise<void>
  /** Where its disk is. */
  path: string
  restart(): Promise<Renter>
  /** What the file that is sent holds. */
  content: { data: Uint8Array }
}

async function play(
  body: (scene: Scene) => Promise<void>,
  fate: Fate = (_call, act) => act(),
): Promise<void> {
  const hub = createHub()
  const chain = createMemoryChain(systemClock)
  const network = await hub.join()
  const house = await startProvider({
    network,
    chain,
    clock: systemClock,
    options: { reconcilePeriodMs: 100 },
  })
  await network.engine.handle(challengeProtocol, (session) =>
    answer(session, network, solanaKeyOf(session.peer), {
      receipt: { market: chain.market, startedMs: systemClock.now(), endedMs: systemClock.now() },
    }),
  )
  const path = mkdtempSync(join(tmpdir(), 'nightshift-restart-'))
  const content = { data: new Uint8Array(200_000).fill(3) }
  const first = await hub.join()
  let process = await startProcess({ hub, chain, path, content, key: first, fate })
  const scene: Scene = {
    chain,
    house,
    renter: process.renter,
    content,
    path,
    kill: () => process.kill(),
    restart: async () => {
      await process.kill()
      process = await startProcess({ hub, chain, path, content, key: first, fate: (_call, act) => act() })
      scene.renter = process.renter
      return process.renter
    },
  }
  try {
    await body(scene)
  } finally {
    await process.stop()
    await house.remove()
    rmSync(path, { recursive: true, force: true })
  }
}

async function startProcess(parts: {
  hub: Hub
  chain: MemoryChain
  path: string
  content: { data: Uint8Array }
  key: MemoryNetwork
  fate: Fate
}) {
  const { hub, chain, path, content, key, fate } = parts
  const life = createLife()
  const network = await hub.join(key.privateKey)
  const disk = await openStore(join(path, 'store'))
  const store: Store = life.store(disk)
  const clock = life.clock(systemClock)
  const options = { network, market: chain.market, clock, log: silentLog }
  const [heartbeats, auctions] = [createHeartbeatTopic(options), createAuctionTopic(options)]
  const history = await openHistory({ ...options, self: network.peer, topic: auctions, store })
  const real = chain.escrow()
  const evidence = await openEvidence({
    ...options,
    heartbeats,
    escrow: real,
    store,
    random: systemRandom,
  })
  const fated = Object.fromEntries(
    (Object.keys(real) as Array<keyof Escrow>).map((call) => [
      call,
      (...args: unknown[]) =>
        fate(call, () => (real[call] as (...args: unknown[]) => Promise<unknown>)(...args)),
    ]),
  ) as unknown as Escrow
  const renter = await createRenter(
    {
      network,
      heartbeats,
      auctions,
      history,
      escrow: life.mortal(fated),
      store,
      files: openFolder(join(path, 'files')),
      inputs: { open: async (_path, name) => sourceOf(name, content.data), ofBytes: sourceOf },
      board: evidence.board,
      evidence: evidence.evidence,
      checker: { evaluate: async () => ({ accuracy: 1, loss: 0, rows: 1 }) },
      clock,
      random: systemRandom,
      log: silentLog,
    },
    { wallet: digest(network.publicKey), sliceMs: SLICE_MS, challengeTimeoutMs: 20_000 },
  )
  let isDead = false
  return {
    renter,
    kill: async () => {
      if (isDead) return
      isDead = true
      life.kill()
      await network.stop()
      await disk.close()
    },
    stop: async () => {
      if (isDead) return
      await renter.stop()
      evidence.stop()
      life.kill()
      await history.close()
      await network.stop()
      await disk.close()
    },
  }
}

const MODEL = { name: 'model.nsmodel', bytes: new Uint8Array(70_000).fill(9) }

/** The device has done its work once it has begun. */
async function finishWork({ house }: Scene): Promise<void> {
  await eventually(() => house.device.isRunning())
  house.device.finish([MODEL])
}

async function endOf(renter: Renter, id: string): Promise<DeploymentReport> {
  let report: DeploymentReport | undefined
  await eventually(async () => {
    report = await renter.job(id)
    return report !== undefined && hasEnded(report.state)
  })
  return report!
}

async function checkBooks({ chain, house, renter }: Scene, id: string): Promise<DeploymentReport> {
  await eventually(() => chain.leases.size === 0)
  await eventually(async () => (await renter.job(id))?.settlements.length === chain.outcomes.size)
  const report = (await renter.job(id))!
  for (const { deposited, paid, refunded } of report.settlements) assert.is(paid + refunded, deposited)
  assert.is(chain.total(), 0n, 'nothing was made and nothing lost')
  await eventually(() => house.provider.status().leases.every(({ state }) => state === 'closed'))
  return report
}

const is = (kind: DeploymentEvent['kind']) => (event: DeploymentEvent) => event.kind === kind

/** Resolves when the story has come to an event like this. */
async function reach(renter: Renter, id: string, when: (event: DeploymentEvent) => boolean): Promise<void> {
  for await (const event of renter.events(id, { follow: true })) if (when(event)) return
  throw new Error('the story ended before')
}

async function storyOf(renter: Renter, id: string): Promise<DeploymentEvent[]> {
  const events: DeploymentEvent[] = []
  for await (const event of renter.events(id)) events.push(event)
  return events
}

const MOMENTS: ReadonlyArray<readonly [string, (event: DeploymentEvent) => boolean]> = [
  ['the order is out', is('ordered')],
  ['the award is published', is('awarded')],
  ['the lease is open', is('leased')],
  ['a voucher is out', is('voucher')],
  ['the output has arrived', is('output')],
]

for (const [name, moment] of MOMENTS) {
  test(
    `killed when ${name}, it goes on with the same job, and one lease pays for it`,
    async () => {
      await play(async (scene) => {
        const { id } = await scene.renter.post(PLAN)
        if (name === 'the output has arrived') void finishWork(scene)
        await reach(scene.renter, id, moment)
        const again = await scene.restart()
        if (name !== 'the output has arrived') await finishWork(scene)
        const report = await endOf(again, id)
        assert.is(report.state, JobState.COMPLETED, `${report.reason} ${report.detail}`)
        await checkBooks(scene, id)
        assert.is(scene.chain.transactions.filter(({ kind }) => kind === 'open').length, 1)
        assert.is(report.winner, scene.house.network.peer)
        assert.equal(
          report.outputs.map(({ name, bytes }) => [name, bytes]),
          [[MODEL.name, MODEL.bytes.length]],
        )
        const story = await storyOf(again, id)
        assert.ok(story.some((event) => event.kind === 'state' && event.reason === 'RENTER_RESTARTED'))
      })
    },
    { timeoutMs: PATIENCE_MS },
  )
}

test(
  'killed when what was settled is in the log and not yet in the report, it tells it once',
  async () => {
    await play(async (scene) => {
      const { id } = await scene.renter.post(PLAN)
      await finishWork(scene)
      await endOf(scene.renter, id)
      const report = await checkBooks(scene, id)
      await scene.kill()
      const disk = await openStore(join(scene.path, 'store'))
      await disk.collection<DeploymentReport>('deployments').put(id, { ...report, settlements: [] })
      await disk.close()
      const again = await scene.restart()
      assert.equal((await again.job(id))?.settlements, report.settlements)
      assert.is((await storyOf(again, id)).filter(is('settled')).length, 1)
    })
  },
  { timeoutMs: PATIENCE_MS },
)

for (const fate of ['before', 'after'] as const) {
  test(
    `killed right ${fate} the opening was sent, it opens that lease and no other`,
    async () => {
      const reached = Promise.withResolvers<void>()
      const never = new Promise<never>(() => {})
      await play(
        async (scene) => {
          const { id } = await scene.renter.post(PLAN)
          await reached.promise
          const again = await scene.restart()
          await finishWork(scene)
          const report = await endOf(again, id)
          assert.is(report.state, JobState.COMPLETED, `${report.reason} ${report.detail}`)
          await checkBooks(scene, id)
          assert.is(scene.chain.transactions.filter(({ kind }) => kind === 'open').length, 1)
        },
        async (call, act) => {
          if (call !== 'openLease') return act()
          if (fate === 'after') await act()
          reached.resolve()
          return never
        },
      )
    },
    { timeoutMs: PATIENCE_MS },
  )
}

test(
  'a job whose input has changed cannot go on: it ends, what was worked is paid, and the rest comes back',
  async () => {
    await play(async (scene) => {
      const { id } = await scene.renter.post(PLAN)
      await reach(scene.renter, id, is('voucher'))
      scene.content.data = new Uint8Array(200_000).fill(4)
      const again = await scene.restart()
      const report = await endOf(again, id)
      assert.is(report.state, JobState.FAILED)
      assert.is(report.reason, 'INPUT_CHANGED')
      await eventually(() => scene.chain.transactions.some(({ kind }) => kind === 'settle'))
      scene.chain.aheadS += 3_600
      const { settlements } = await checkBooks(scene, id)
      assert.is(settlements.length, 1)
      assert.ok(settlements[0]!.paid > 0n, 'the voucher that was out')
    })
  },
  { timeoutMs: PATIENCE_MS },
)

test.run()
