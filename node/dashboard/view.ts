/**
 * What the page is told: plain JSON, and the only words that the daemon and the page have in common. Amounts are text of
 * atomic units, times Unix milliseconds. No imports, so that both sides compile it.
 */
export interface NodePanel {
  version: string
  startedAtMs: number
  network: string
  peer: string
  addresses: string[]
  peers: number
  topics: Array<{ name: string; peers: number }>
  chain: { rpcUrl: string; decimals: number; problem?: string }
  memoryBytes: number
  provider?: ProviderPanel
  renter?: { wallet: string; balance?: string; jobs: number }
}

export interface ProviderPanel {
  state: string
  pausedBecause?: string
  pricePerHour: string
  stake?: string
  bound?: string
  devices: Array<{
    model: string
    backend: string
    gpu: boolean
    memoryBytes: number
    gflops: number
    count: number
    free: number
  }>
  promised: number
  jobs: Array<{ lease: string; state: string; workedMs: number }>
  leases: LeaseLine[]
  counters: { bids: number; won: number; orders: number; challenges: number; vouchers: number }
}

export interface LeaseLine {
  lease: string
  renter: string
  state: 'signed' | 'open' | 'closed'
  pricePerHour: string
  deposit: string
  /** What the chain has paid out, or what the best voucher is worth. */
  earned: string
  signedAtMs: number
  closedAtMs?: number
  because?: string
}

/** Why the provider would bid what it would bid now. */
export interface PricePanel {
  strategy: string
  pricePerHour: string
  why: Array<{ what: string; detail: string; amount?: string }>
}

export interface OfferLine {
  peer: string
  model: string
  vramGb: number
  gpu: boolean
  devices: number
  free: number
  location: string
  /** Degrees; missing where the place is not known. */
  at?: { latitude: number; longitude: number }
  pricePerHour: string
  stake: string
  reliability?: number
  latencyMs?: number
}

/** The cheapest, the middle and the dearest offer at a time, of those with a free device. */
export interface PricePoint {
  atMs: number
  offers: number
  lowest: string
  median: string
  highest: string
}

export interface JobLine {
  id: string
  name: string
  state: string
  createdAtMs: number
  reason?: string
  detail?: string
  winner?: string
  deposited: string
  paid: string
  refunded: string
  accuracy?: number
}

/** One event of a job's story (`node/renter/event.ts`), as JSON. */
export type StoryEvent = { atMs: number; kind: string } & Record<string, unknown>

export interface JobPanel extends JobLine {
  bids: Array<{ peer: string; pricePerHour: string; outcome: string; reason?: string }>
  outputs: Array<{ name: string; bytes: number; index: number }>
  checkpoints: Array<{ step: number; bytes: number; peer: string }>
}

/** The live stream: each event carries the whole of its part, so that one that is missed costs nothing. */
export interface Live {
  node: NodePanel
  jobs: JobLine[]
  offers: OfferLine[]
  prices: PricePoint[]
}
