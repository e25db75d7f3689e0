import { createReadStream } from 'node:fs'
import { NightshiftError } from '../../protocols/errors.js'
import { circlesOf } from '../../protocols/inventory/coordinates.js'
import { ANY_OFFER } from '../../protocols/inventory/rules.js'
import { JobState } from '../../protocols/job/wire.js'
import type { ControlledNode } from '../control/port.js'
import type { NodeStatus, OfferView } from '../control/view.js'
import type { DashboardNode } from '../dashboard/port.js'
import type {
  JobLine,
  LeaseLine,
  NodePanel,
  OfferLine,
  ProviderPanel,
  StoryEvent,
} from '../dashboard/view.js'
import type { Gossip } from '../net/ports.js'
import type { LeaseSummary, ProviderStatus } from '../provider/status.js'

/** A page is for people: more offers than this are a search, not a list. */
const MOST_OFFERS = 500
const MOST_JOBS = 200

export interface DashboardParts {
  node: ControlledNode
  network: { gossip: Pick<Gossip, 'topics' | 'peers'> }
  providerStatus: (() => ProviderStatus) | undefined
  memoryBytes: () => number
}

/** The node as its dashboard shows it, out of what its commands show. */
export function createDashboardNode({
  node,
  network,
  providerStatus,
  memoryBytes,
}: DashboardParts): DashboardNode {
  return {
    panel: async () => viewNode(await node.status(), network, providerStatus?.(), memoryBytes()),
    offers: async (signal) => {
      const offers = await node.offers({ requirements: ANY_OFFER, limit: MOST_OFFERS }, signal)
      return offers.map(viewLine)
    },
    jobs: async () => (await node.jobs()).slice(0, MOST_JOBS).map(viewJob),
    job: async (id) => {
      const report = await node.job(id)
      return {
        ...viewJob(report),
        bids: report.bids.map(({ peer, pricePerHour, outcome, reason }) => ({
          peer,
          pricePerHour,
          outcome,
          ...(reason === undefined ? {} : { reason }),
        })),
        outputs: report.outputs.map(({ name, bytes }, index) => ({ name, bytes, index })),
        checkpoints: (report.checkpoints ?? []).map(({ step, bytes, peer }) => ({ step, bytes, peer })),
      }
    },
    story: (id, { from, signal }) =>
      node.jobEvents(id, { from, follow: true, signal }) as AsyncIterable<StoryEvent>,
    output: async (id, index) => {
      const output = (await node.job(id)).outputs[index]
      if (output === undefined) {
        throw new NightshiftError('OUTPUT_UNKNOWN', `job ${id} has left no file ${index}`, {
          advice: 'load the page again',
        })
      }
      return { name: output.name, bytes: output.bytes, content: createReadStream(output.path) }
    },
    price: async () => {
      const { strategy, quote } = await node.price({ devices: 1 })
      return { strategy, pricePerHour: quote.pricePerHour, why: quote.why }
    },
    pause: async () => void (await node.pause({})),
    resume: async () => void (await node.resume()),
    stopJob: node.stopJob,
  }
}

function viewNode(
  { version, startedAtMs, network: { name, peer, addresses, peers }, chain, renter }: NodeStatus,
  network: { gossip: Pick<Gossip, 'topics' | 'peers'> },
  provider: ProviderStatus | undefined,
  memoryBytes: number,
): NodePanel {
  return {
    version,
    startedAtMs,
    network: name,
    peer,
    addresses,
    peers,
    topics: network.gossip
      .topics()
      .map((topic) => ({ name: topic, peers: network.gossip.peers(topic).length })),
    chain: {
      rpcUrl: chain.rpcUrl,
      decimals: chain.market?.decimals ?? 0,
      ...(chain.problem === undefined ? {} : { problem: chain.problem }),
    },
    memoryBytes,
    ...(provider === undefined ? {} : { provider: viewProvider(provider) }),
    ...(renter === undefined ? {} : { renter }),
  }
}

function viewProvider(status: ProviderStatus): ProviderPanel {
  const { availability, pausedBecause, pricePerHour, stake, devices, promised, jobs, leases, counters } =
    status
  return {
    state: availability.toLowerCase(),
    ...(pausedBecause === undefined ? {} : { pausedBecause }),
    pricePerHour,
    ...stake,
    devices: devices.map(({ model, backend, gpu, memoryBytes, gflops, count, free }) => ({
      model,
      backend,
      gpu,
      memoryBytes: Number(memoryBytes),
      gflops,
      count,
      free,
    })),
    promised,
    jobs: jobs.map(({ lease, state, workedMs }) => ({ lease, state: nameOf(state), workedMs })),
    leases: leases.map(viewLease).sort((a, b) => b.signedAtMs - a.signedAtMs),
    counters: {
      bids: counters.bids,
      won: counters.won,
      orders: counters.orders,
      challenges: counters.challenges,
      vouchers: counters.vouchers,
    },
  }
}

function nameOf(state: JobState): string {
  return typeof state === 'number' ? (JobState[state] ?? String(state)) : String(state)
}

function viewLease(lease: LeaseSummary): LeaseLine {
  const { renter, state, pricePerHour, deposit, paid, voucher, signedAtMs, closedAtMs, because } = lease
  const promised = voucher === undefined || BigInt(voucher.amount) < BigInt(paid) ? paid : voucher.amount
  return {
    lease: lease.lease,
    renter,
    state,
    pricePerHour,
    deposit,
    earned: state === 'closed' ? paid : promised,
    signedAtMs,
    ...(closedAtMs === undefined ? {} : { closedAtMs }),
    ...(because === undefined ? {} : { because }),
  }
}

function viewLine(offer: OfferView): OfferLine {
  const [at] = circlesOf(offer.location) ?? []
  return {
    peer: offer.peer,
    model: offer.gpu_model,
    vramGb: offer.vram_gb,
    gpu: offer.gpu,
    devices: offer.devices,
    free: offer.free,
    location: offer.location,
    ...(at === undefined ? {} : { at: { latitude: at.latitude, longitude: at.longitude } }),
    pricePerHour: offer.price_per_hour,
    stake: offer.stake,
    ...(offer.reliability === undefined ? {} : { reliability: offer.reliability }),
    ...(offer.latency_ms === undefined ? {} : { latencyMs: offer.latency_ms }),
  }
}

type Report = Awaited<ReturnType<ControlledNode['job']>>

function viewJob(report: Report): JobLine {
  const total = (amounts: readonly string[]) =>
    amounts.reduce((sum, amount) => sum + BigInt(amount), 0n).toString()
  const { id, name, state, createdAtMs, reason, detail, winner, accuracy, settlements } = report
  return {
    id,
    name,
    state,
    createdAtMs,
    ...(reason === undefined ? {} : { reason }),
    ...(detail === undefined ? {} : { detail }),
    ...(winner === undefined ? {} : { winner }),
    ...(accuracy === undefined ? {} : { accuracy }),
    deposited: total(settlements.map(({ deposited }) => deposited)),
    paid: total(settlements.map(({ paid }) => paid)),
    refunded: total(settlements.map(({ refunded }) => refunded)),
  }
}
