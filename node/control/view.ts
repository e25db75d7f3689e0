import type { Evidence } from '../../protocols/challenge/attestation.js'
import { NightshiftError } from '../../protocols/errors.js'
import type { Device } from '../../protocols/heartbeat/wire.js'
import type { PlaceCheck } from '../../protocols/inventory/plausibility.js'
import type { Mismatch, Offer } from '../../protocols/inventory/rules.js'
import type { OwnerView } from '../owner/guard.js'

/**
 * What a running node shows of itself: plain JSON. Amounts are strings of atomic units (a JSON number would lose
 * digits), times are Unix milliseconds, keys base58.
 */
export type Json<T> = T extends bigint | Uint8Array
  ? string
  : T extends readonly (infer Item)[]
    ? Json<Item>[]
    : T extends object
      ? { [Key in keyof T]: Json<T[Key]> }
      : T

/** Bigints become decimal strings, byte arrays hex; everything else stays. */
export function toJson<T>(value: T): Json<T> {
  return JSON.parse(JSON.stringify(value, replace) ?? 'null') as Json<T>
}

function replace(_key: string, item: unknown): unknown {
  if (typeof item === 'bigint') return item.toString()
  if (item instanceof Uint8Array) return Buffer.from(item).toString('hex')
  return item
}

export interface NodeStatus {
  version: string
  pid: number
  dataDir: string
  startedAtMs: number
  network: { name: string; peer: string; addresses: string[]; peers: number }
  chain: ChainStatus
  provider?: ProviderView
  renter?: RenterView
}

export interface ChainStatus {
  rpcUrl: string
  /** The node's own address, which pays its fees. */
  address: string
  market?: { address: string; mint: string; decimals: number }
  /** Why the chain could not be asked. */
  problem?: string
}

export interface ProviderView {
  state: string
  pricePerHour: string
  stake?: string
  devices: Array<{
    model: string
    backend: string
    gpu: boolean
    memoryBytes: number
    gflops: number
    /** Equal ones, and how many of them no lease occupies. */
    count: number
    free: number
  }>
  /** Devices that bids hold now. */
  promised: number
  /** Jobs that run now. */
  jobs: number
  /** Whether the owner lets it work, why not, and what is watched. */
  owner: OwnerView
}

export interface RenterView {
  wallet: string
  /** Tokens of the market's mint, atomic units. */
  balance?: string
  /** Jobs that have not ended. */
  jobs: number
}

/** One provider's offer under the names that the heartbeat's fields have for people. */
export interface OfferView {
  peer: string
  gpu_model: string
  vram_gb: number
  gpu: boolean
  cuda_version: string
  driver: string
  backend: string
  gflops: number
  devices: number
  free: number
  location: string
  runtimes: string[]
  availability: 'free' | 'busy'
  /** Atomic units. */
  price_per_hour: string
  /** Atomic units. */
  stake: string
  /** What verifiers say of it; `weight` is their stake, atomic units. */
  attestations: { count: number; favourable: number; weight: string }
  /** What the sources on its host do not agree on, by its own word. */
  disagreement?: string
  /** Seconds from its word that it leaves, of its own will, until it does; 0: none. */
  notice: number
  /** When its schedule ends, Unix milliseconds; missing: it has none. */
  until_ms?: number
  /** From 0 to 1; missing: not known. */
  reliability?: number
  /** Round trip from the node that was asked; missing: not measured. */
  latency_ms?: number
  /** Whether light lets it stand where it says, and why that is said. */
  location_check: PlaceCheck
  location_detail?: string
  qualifies: boolean
  mismatches: Mismatch[]
}

/** What happens to a list of offers while it is watched. */
export interface OfferChange {
  kind: 'appeared' | 'changed' | 'left'
  /** As it is now; of one that has left, as it was. */
  offer: OfferView
}

export interface JobView {
  id: string
  name: string
  state: string
  createdAtMs: number
  winner?: string
  accuracy?: number
  reason?: string
  detail?: string
}

/** The first group of equal devices stands for the offer: a host seldom has two kinds. */
export function viewOffer(offer: Offer, mismatches: Mismatch[], evidence: Evidence): OfferView {
  const device: Device | undefined = offer.devices[0]
  return {
    peer: offer.peer,
    gpu_model: device?.model ?? '',
    vram_gb: rounded(Number(device?.memoryBytes ?? 0n) / 2 ** 30),
    gpu: device?.gpu ?? false,
    cuda_version: device?.cudaVersion ?? '',
    driver: device?.driver ?? '',
    backend: device?.backend ?? '',
    gflops: Math.round((device?.gflops ?? 0) * 10) / 10,
    devices: device?.count ?? 0,
    free: device?.free ?? 0,
    location: offer.location,
    runtimes: offer.runtimes,
    availability: offer.available ? 'free' : 'busy',
    price_per_hour: offer.pricePerHour.toString(),
    stake: offer.stake.toString(),
    attestations: { ...evidence, weight: evidence.weight.toString() },
    ...(offer.disagreement === undefined ? {} : { disagreement: offer.disagreement }),
    notice: offer.noticeS ?? 0,
    ...(offer.untilMs === undefined ? {} : { until_ms: offer.untilMs }),
    ...(offer.reliability === undefined ? {} : { reliability: rounded(offer.reliability) }),
    ...(offer.latencyMs === undefined ? {} : { latency_ms: rounded(offer.latencyMs) }),
    location_check: offer.place?.check ?? 'unknown',
    ...(offer.place === undefined ? {} : { location_detail: offer.place.detail }),
    qualifies: mismatches.length === 0,
    mismatches,
  }
}

function rounded(value: number): number {
  return Math.round(value * 100) / 100
}

export interface ErrorView {
  code: string
  message: string
  advice: string
  context?: Record<string, unknown>
}

/** Any error as what a person or a program is told of it; what is no error of ours is a bug and says so. */
export function viewError(error: unknown): ErrorView {
  if (error instanceof NightshiftError) {
    const context = toJson(error.context) as Record<string, unknown>
    return {
      code: error.code,
      message: error.message,
      advice: error.advice,
      ...(Object.keys(context).length > 0 ? { context } : {}),
    }
  }
  return {
    code: 'INTERNAL',
    message: error instanceof Error ? error.message : String(error),
    advice: 'this is a fault of the program: run it again with --verbose and report what it prints',
  }
}
