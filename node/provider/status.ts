import { toHex } from '../../protocols/bytes.js'
import type { Device as OfferedDevices } from '../../protocols/heartbeat/wire.js'
import type { Network } from '../net/ports.js'
import type { AuctionService } from './auction.js'
import type { Capacity } from './capacity.js'
import type { ChallengeService } from './challenge.js'
import type { DemandService } from './demand.js'
import type { HeartbeatService } from './heartbeat.js'
import type { JobService, JobSummary } from './job.js'
import type { LeaseRecord, Ledger } from './ledger.js'
import type { OwnOffer } from './offer.js'
import type { SettlementService } from './settlement.js'

/** Plain and JSON-able: amounts are strings of atomic units, addresses and digests hex. */
export interface ProviderStatus {
  peer: string
  network: string
  availability: 'FREE' | 'BUSY' | 'PAUSED'
  pausedBecause?: string
  devices: Array<Omit<OfferedDevices, 'memoryBytes'> & { memoryBytes: string }>
  /** Devices that bids hold now, until the order is awarded to somebody else or becomes a lease. */
  promised: number
  pricePerHour: string
  location: string
  runtimes: string[]
  /** Absent while the chain has not been asked, or does not know this node. */
  stake?: { stake: string; bound: string }
  jobs: JobSummary[]
  leases: LeaseSummary[]
  counters: {
    heartbeats: number
    orders: number
    bids: number
    won: number
    /** Results of auctions that were not what the order announced. */
    unfair: number
    /** Orders without a bid of this node, by reason. */
    passed: Record<string, number>
    challenges: number
    challengesDeclined: Record<string, number>
    vouchers: number
    /** Openings that the chain asked this node for, and got. */
    demandsAnswered: number
    /** Jobs that have ended since the start, by state, or by the reason why they failed. */
    jobs: Record<string, number>
  }
}

export interface LeaseSummary {
  lease: string
  order: string
  renter: string
  state: LeaseRecord['state']
  pricePerHour: string
  deposit: string
  paid: string
  voucher?: { amount: string; sequence: string; final: boolean }
  closing?: string
  because?: string
}

interface Services {
  offer: OwnOffer
  jobs: JobService
  ledger: Ledger
  heartbeat: HeartbeatService
  auction: AuctionService
  capacity: Capacity
  challenges: Pick<ChallengeService, 'counts'>
  settlements: Pick<SettlementService, 'vouchers'>
  demands: Pick<DemandService, 'answered'>
}

/** `pausedBecause`: why it takes no work, if it takes none. */
export function readStatus(
  network: Pick<Network, 'peer' | 'name'>,
  { offer, jobs, ledger, heartbeat, auction, capacity, challenges, settlements, demands }: Services,
  pausedBecause: string | undefined,
): ProviderStatus {
  const { availability, devices, pricePerHour, location, runtimes } = offer.describe()
  const account = offer.account()
  const { answered, declined } = challenges.counts()
  return {
    peer: network.peer,
    network: network.name,
    availability: availability as ProviderStatus['availability'],
    ...(pausedBecause === undefined ? {} : { pausedBecause }),
    devices: devices.map((group) => ({ ...group, memoryBytes: String(group.memoryBytes) })),
    promised: capacity.unoccupied() - capacity.free(),
    pricePerHour: String(pricePerHour),
    location,
    runtimes,
    ...(account && { stake: { stake: String(account.stake), bound: String(account.bound) } }),
    jobs: jobs.running(),
    leases: ledger.all().map(summarize),
    counters: {
      heartbeats: heartbeat.sent(),
      ...auction.counts(),
      challenges: answered,
      challengesDeclined: declined,
      vouchers: settlements.vouchers(),
      demandsAnswered: demands.answered(),
      jobs: jobs.counts(),
    },
  }
}

function summarize(record: LeaseRecord): LeaseSummary {
  const { best, closing, because } = record
  return {
    lease: toHex(record.lease),
    order: toHex(record.orderId),
    renter: record.renter,
    state: record.state,
    pricePerHour: String(record.terms.pricePerHour),
    deposit: String(record.deposit),
    paid: String(record.paid),
    ...(best && {
      voucher: { amount: String(best.amount), sequence: String(best.sequence), final: best.final },
    }),
    ...(closing === undefined ? {} : { closing }),
    ...(because === undefined ? {} : { because }),
  }
}
