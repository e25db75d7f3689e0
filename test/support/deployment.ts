import * as assert from 'uvu/assert'
import type { JobPlan } from '../../config/manifest/plan.js'
import { openEvidence } from '../../node/daemon/evidence.js'
import { sourceOf } from '../../node/files/folder.js'
import { createAuctionTopic } from '../../node/market/announcements.js'
import { createHeartbeatTopic } from '../../node/market/heartbeats.js'
import type { DeploymentEvent, DeploymentReport } from '../../node/renter/event.js'
import { createRenter, type Renter } from '../../node/renter.js'
import { type ExperienceStore, openExperience } from '../../node/reputation/experience.js'
import { silentLog } from '../../node/system/log.js'
import { systemRandom } from '../../node/system/random.js'
import { PricingRule } from '../../protocols/auction/wire.js'
import { contentOf } from '../../protocols/job/content.js'
import { JobState } from '../../protocols/job/wire.js'
import type { Clock } from '../../protocols/ports.js'
import { type Bidder, joinBidder, type Script } from './bidder.js'
import { createVirtualClock } from './clock.js'
import { digitsSpec } from './kernels.js'
import { createHub } from './memory.js'
import { fill, MARKET, makeRequirements, NOW } from './messages.js'
import { PARAMS } from './proof.js'
import { createMemoryEscrow, drive, openDisk } from './renter.js'

export const RESULT = new Uint8Array(1_000).fill(5)
export const PLAN: JobPlan = {
  name: 'digits',
  runtime: 'tfjs',
  requirements: makeRequirements(),
  ceilingPricePerHour: 10_000_000n,
  durationS: 100,
  queueMs: 10_000,
  auction: { pricing: PricingRule.FIRST_PRICE, commitMs: 500, revealMs: 500 },
  spec: { task: 'train', ...digitsSpec },
  inputs: [{ name: 'data', path: 'data.csv' }],
  verify: { challenge: { ...PARAMS, openings: 8 } },
  expect: {},
}

/** Works for two seconds, leaves a result, and gives it to the renter. */
export const honestJob: NonNullable<Script['job']> = async (session, hold) => {
  hold.give(RESULT)
  await session.receive()
  const say = (kind: object, workedMs = 0) => session.send({ index: 0, workedMs, ...kind })
  await say({ state: { state: JobState.RUNNING, reason: '', detail: '' } })
  await say({ log: { line: 'at work' } })
  const blob = { name: 'model.nsmodel', sha256: contentOf(RESULT), bytes: RESULT.length }
  await say({ output: { blobs: [blob] } }, 400)
  await say({ state: { state: JobState.COMPLETED, reason: '', detail: '' } }, 400)
  await session.receive()
}

export async function withRenter(
  scripts: Script[],
  body: (world: {
    renter: Renter
    restart: () => Promise<Renter>
    clock: ReturnType<typeof createVirtualClock>
    escrow: ReturnType<typeof createMemoryEscrow>
    peers: string[]
    bidders: Bidder[]
    /** How often each thing was noted of a peer. */
    noted: (peer: string | undefined) => Record<string, number>
  }) => Promise<void>,
  /** What the renter takes for the time; default: what all others do. */
  renterClock: (clock: Clock) => Clock = (clock) => clock,
): Promise<void> {
  const disk = await openDisk()
  const clock = createVirtualClock(NOW)
  const escrow = createMemoryEscrow(clock)
  const hub = createHub()
  const network = await hub.join()
  const options = { network, market: MARKET, clock, log: silentLog }
  const [heartbeats, auctions] = [createHeartbeatTopic(options), createAuctionTopic(options)]
  let experience: ExperienceStore
  const open = async () => {
    experience = await openExperience({ store: disk.store, clock, log: silentLog })
    const { board, evidence } = await openEvidence({
      ...options,
      heartbeats,
      escrow,
      store: disk.store,
      random: systemRandom,
    })
    return createRenter(
      {
        network,
        board,
        evidence,
        heartbeats,
        auctions,
        escrow,
        store: disk.store,
        files: disk.files,
        inputs: {
          open: async (_path, name) => sourceOf(name, fill(100, 1)),
          ofBytes: sourceOf,
        },
        checker: { evaluate: async () => ({ accuracy: 1, loss: 0, rows: 1 }) },
        experience,
        clock: renterClock(clock),
        random: systemRandom,
        log: silentLog,
      },
      { wallet: fill(32, 7), sliceMs: 1_000, challengeTimeoutMs: 5_000 },
    )
  }
  const noted = (peer: string | undefined) =>
    Object.fromEntries(Object.entries(experience.of(peer!)).map(([what, { count }]) => [what, count]))
  let renter = await open()
  const peers: string[] = []
  const bidders: Bidder[] = []
  for (const script of scripts) {
    const bidder = await joinBidder(hub, { clock, escrow }, script)
    peers.push(bidder.network.peer)
    bidders.push(bidder)
  }
  const restart = async () => {
    await disk.reopen()
    renter = await open()
    return renter
  }
  try {
    await body({ renter, restart, clock, escrow, peers, bidders, noted })
  } finally {
    await drive(clock, renter.stop(), 200)
    await disk.remove()
  }
}

export const honest = (pricePerHour: bigint, change: Partial<Script> = {}): Script => ({
  pricePerHour,
  job: honestJob,
  ...change,
})

export async function all(events: AsyncIterable<DeploymentEvent>): Promise<DeploymentEvent[]> {
  const list: DeploymentEvent[] = []
  for await (const event of events) list.push(event)
  return list
}

export const sum = (report: DeploymentReport) => {
  for (const { deposited, paid, refunded } of report.settlements) assert.is(paid + refunded, deposited)
}
