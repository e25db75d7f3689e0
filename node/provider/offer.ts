import type { BackendReport } from '../../kernels/backend/backend.js'
import { within } from '../../protocols/abort.js'
import { Availability, type Device, type Heartbeat } from '../../protocols/heartbeat/wire.js'
import type { Requirements } from '../../protocols/inventory/wire.js'
import type { Clock } from '../../protocols/ports.js'
import type { Escrow, MarketTerms, ProviderAccount } from '../escrow/port.js'
import type { Network } from '../net/ports.js'
import type { Standing } from './auction.js'
import type { Capacity } from './capacity.js'
import type { Presence } from './presence.js'
import type { Pricing } from './pricing/pricing.js'

/** What this node has to offer now: as everybody is told, and as an order is answered. */
export interface OwnOffer {
  describe(): Omit<Heartbeat, 'sequence' | 'timeMs'>
  /** Own standing for an order; a reason when this node takes none now. */
  standingFor(
    wanted: Requirements,
    ceilingPricePerHour: bigint,
    signal: AbortSignal,
  ): Promise<Standing | string>
  /** Asks the chain for the own account. */
  refresh(signal?: AbortSignal): Promise<ProviderAccount | undefined>
  /** The own account as it was last read. */
  account(): ProviderAccount | undefined
}

/** An order is passed over rather than waiting long for the chain. */
const STAKE_MS = 2_000

export function createOwnOffer(parts: {
  network: Pick<Network, 'peer' | 'publicKey' | 'addresses'>
  escrow: Escrow
  market: MarketTerms
  capacity: Capacity
  clock: Clock
  report: BackendReport
  pricing: Pricing
  terms: { location: string; runtimes: readonly string[]; version: string }
  presence: Pick<Presence, 'closedBecause' | 'noticeS' | 'untilMs'>
}): OwnOffer {
  const { network, escrow, market, capacity, clock, report, pricing, presence } = parts
  const { location, runtimes, version } = parts.terms
  let account: ProviderAccount | undefined

  const availability = () => {
    if (presence.closedBecause() !== undefined) return Availability.PAUSED
    return capacity.unoccupied() > 0 ? Availability.FREE : Availability.BUSY
  }
  /** What is said about leaving: only what there is. */
  const promise = () => {
    const untilMs = presence.untilMs()
    return {
      ...(presence.noticeS === 0 ? {} : { noticeS: presence.noticeS }),
      ...(untilMs === undefined ? {} : { untilMs }),
    }
  }
  const refresh = async (signal?: AbortSignal) => {
    account = await within(clock, STAKE_MS, signal, (limited) => escrow.provider(network.publicKey, limited))
    return account
  }

  return {
    refresh,
    account: () => account,
    describe: () => ({
      market: market.address,
      availability: availability(),
      devices: [describeDevices(report, capacity.total, capacity.unoccupied())],
      pricePerHour: pricing.advertised(),
      location,
      runtimes: [...runtimes],
      addresses: network.addresses(),
      version,
      ...promise(),
    }),
    standingFor: async (wanted, ceilingPricePerHour, signal) => {
      if (presence.closedBecause() !== undefined) return 'PAUSED'
      const registered = await refresh(signal).catch(() => 'CHAIN_SILENT' as const)
      if (registered === 'CHAIN_SILENT') return registered
      if (registered === undefined) return 'NOT_REGISTERED'
      if (registered.stake < market.minimumStake) return 'STAKE_TOO_SMALL'
      const { total } = capacity
      const free = capacity.free()
      const { pricePerHour } = await pricing.quote({ devices: wanted.devices, ceilingPricePerHour }, signal)
      return {
        payout: registered.payout,
        offer: {
          peer: network.peer,
          devices: [describeDevices(report, total, free)],
          pricePerHour,
          location,
          runtimes: [...runtimes],
          available: true,
          stake: registered.stake - registered.bound,
          ...promise(),
        },
      }
    },
  }
}

export function describeDevices(report: BackendReport, count: number, free: number): Device {
  return {
    model: report.model,
    memoryBytes: BigInt(Math.floor(report.memoryBytes ?? 0)),
    gpu: report.gpu,
    backend: report.backend,
    driver: report.driver ?? '',
    cudaVersion: '',
    gflops: report.gflops ?? 0,
    count,
    free,
  }
}
