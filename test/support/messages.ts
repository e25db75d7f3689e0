import {
  type Bid,
  type Order,
  PricingRule,
  type Result,
  type RevealedBid,
  type Scoring,
} from '../../protocols/auction/wire.js'
import { Availability, type Heartbeat } from '../../protocols/heartbeat/wire.js'
import { Requirements } from '../../protocols/inventory/wire.js'

/** Messages that every rule takes, for tests that change one thing in them. */
export const NOW = 1_800_000_000_000
export const MARKET = new Uint8Array(32).fill(7)

export function fill(length: number, byte: number): Uint8Array {
  return new Uint8Array(length).fill(byte)
}

export function makeDevice(
  changes: Partial<Heartbeat['devices'][number]> = {},
): Heartbeat['devices'][number] {
  return {
    model: 'NVIDIA GeForce RTX 4090',
    memoryBytes: 24n * 2n ** 30n,
    gpu: true,
    backend: 'webgpu',
    driver: '575.1',
    cudaVersion: '12.8',
    gflops: 41_000,
    count: 2,
    free: 2,
    ...changes,
  }
}

export function makeHeartbeat(changes: Partial<Heartbeat> = {}): Heartbeat {
  return {
    market: MARKET,
    sequence: 5n,
    timeMs: NOW,
    availability: Availability.FREE,
    devices: [makeDevice()],
    pricePerHour: 250_000n,
    location: 'DE-Berlin',
    runtimes: ['tfjs'],
    addresses: ['/ip4/127.0.0.1/tcp/4001'],
    version: '0.1.0',
    ...changes,
  }
}

export function makeRequirements(changes: Partial<Requirements> = {}): Requirements {
  return {
    devices: 1,
    memoryBytes: 8n * 2n ** 30n,
    gpu: true,
    models: [],
    runtime: 'tfjs',
    locations: [],
    minimumStake: 0n,
    minimumGflops: 0,
    allow: [],
    deny: [],
    attesters: [],
    choices: [],
    ...changes,
  }
}

export function makeOrder(changes: Partial<Order> = {}): Order {
  return {
    market: MARKET,
    nonce: fill(16, 1),
    timeMs: NOW,
    requirements: Requirements.encode(makeRequirements()),
    ceilingPricePerHour: 1_000_000n,
    durationS: 3_600,
    commitMs: 500,
    revealMs: 500,
    pricing: PricingRule.FIRST_PRICE,
    jobHash: fill(32, 2),
    sliceMs: 10_000,
    wallet: fill(32, 3),
    addresses: ['/ip4/127.0.0.1/tcp/4002'],
    ...changes,
  }
}

/** Of an auction that nobody won. */
export function makeResult(changes: Partial<Result> = {}): Result {
  return {
    orderId: fill(32, 4),
    bids: [],
    winner: '',
    pricePerHour: 0n,
    round: 0,
    winners: [],
    withheld: [],
    ...changes,
  }
}

export function makeRevealed(changes: Partial<RevealedBid> = {}): RevealedBid {
  const nothing = new Uint8Array()
  return { envelope: nothing, outcome: 'qualified', stake: 1_000n, owner: nothing, hosts: [], ...changes }
}

/** Only the price counts. */
export function makeScoring(changes: Partial<Scoring> = {}): Scoring {
  return { price: 1, stake: 0, reliability: 0, speed: 0, latency: 0, exploration: 0, ...changes }
}

export function makeBid(changes: Partial<Bid> = {}): Bid {
  return { orderId: fill(32, 4), pricePerHour: 250_000n, salt: fill(32, 5), payout: fill(32, 6), ...changes }
}
