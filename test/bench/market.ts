import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { generateKeyPairFromSeed } from '@libp2p/crypto/keys'
import { createCatalogue } from '../../node/market/catalogue.js'
import { systemClock } from '../../node/system/clock.js'
import { open, seal } from '../../protocols/envelope.js'
import { isRefusal } from '../../protocols/errors.js'
import { HEARTBEAT_LIMITS, judgeHeartbeat } from '../../protocols/heartbeat/rules.js'
import { Heartbeat } from '../../protocols/heartbeat/wire.js'
import { findMismatches, type Offer } from '../../protocols/inventory/rules.js'
import { type Crowd, startCrowd } from '../support/crowd.js'
import { fill, MARKET, makeDevice, makeHeartbeat, makeRequirements, NOW } from '../support/messages.js'
import type { Figure } from './figure.js'

/**
 * The market with real nodes: every peer is a daemon with sockets, store and wallet, provider and renter at once, all on
 * one machine in two processes with a local chain. Then the parts that every node pays for. A hundred peers take a few
 * minutes to start on two cores.
 */
const CROWDS = [5, 25, 100]
const ORDERS = 20
/** Renters that begin one after the other, so that each finds its shards before its order is measured. */
const WARM_UP = 3
const OFFERS = 100_000
const BEATS = 500

export async function run(): Promise<Figure[]> {
  const figures = await measureParts()
  for (const peers of CROWDS) figures.push(...(await measureCrowd(peers)))
  return figures
}

export async function measureParts(): Promise<Figure[]> {
  return [...(await measureHeartbeat()), ...measureInventory()]
}

const tell = (line: string) => process.stderr.write(`${line}\n`)

export async function measureCrowd(peers: number): Promise<Figure[]> {
  const startedAt = systemClock.elapsed()
  const crowd = await startCrowd({ peers, onStep: (step) => tell(`${peers} peers: ${step}`) })
  try {
    const startMs = systemClock.elapsed() - startedAt
    const figures = [
      { name: `start_ms.${peers}`, value: Math.round(startMs), unit: 'ms' },
      ...(await measureOrders(crowd, peers)),
      ...(await measureAtOnce(crowd, peers)),
    ]
    const { memoryBytes } = await crowd.load()
    return [...figures, { name: `memory_bytes_per_node.${peers}`, value: memoryBytes / peers, unit: 'bytes' }]
  } finally {
    await crowd.stop()
  }
}

/** One order after the other, each of another renter. */
async function measureOrders(crowd: Crowd, peers: number): Promise<Figure[]> {
  const manifest = crowd.manifest()
  const renters = Array.from({ length: Math.min(WARM_UP, peers) }, (_, index) => `node-${index}`)
  const renterOf = (index: number) => renters[index % renters.length] as string
  for (const renter of renters) await crowd.host(renter).post(renter, manifest, 'ended')
  const before = await crowd.load()
  const orders: number[] = []
  const posts: number[] = []
  for (let index = 0; index < ORDERS; index++) {
    const { orderToLeaseMs, postToLeaseMs, report } = await crowd
      .host(renterOf(index))
      .post(renterOf(index), manifest, 'ended')
    if (orderToLeaseMs === undefined || postToLeaseMs === undefined) {
      throw new Error(`no lease: ${report.reason} ${report.detail ?? ''}`)
    }
    orders.push(orderToLeaseMs)
    posts.push(postToLeaseMs)
    tell(`${peers} peers: order ${index + 1} of ${ORDERS}, ${Math.round(orderToLeaseMs)} ms to its lease`)
  }
  const after = await crowd.load()
  const delivered = (after.delivered - before.delivered) / ORDERS
  const cpuMs = (after.cpuMs - before.cpuMs) / ORDERS
  return [
    { name: `order_to_lease.p50_ms.${peers}`, value: quantile(orders, 0.5), unit: 'ms' },
    { name: `order_to_lease.p99_ms.${peers}`, value: quantile(orders, 0.99), unit: 'ms' },
    { name: `post_to_lease.p50_ms.${peers}`, value: quantile(posts, 0.5), unit: 'ms' },
    { name: `order.deliveries.${peers}`, value: delivered, unit: 'messages' },
    { name: `order.cpu_ms.${peers}`, value: cpuMs, unit: 'ms of all nodes together' },
  ]
}

/** As many orders at once as half of the peers can take. */
async function measureAtOnce(crowd: Crowd, peers: number): Promise<Figure[]> {
  const count = Math.floor(peers / 2)
  const manifest = crowd.manifest()
  const startedAt = systemClock.elapsed()
  const posted = await Promise.all(
    crowd.nodes.slice(0, count).map(({ name }) => crowd.host(name).post(name, manifest, 'ended')),
  )
  const times = posted.flatMap(({ postToLeaseMs }) => (postToLeaseMs === undefined ? [] : [postToLeaseMs]))
  tell(`${peers} peers: ${times.length} of ${count} leases in ${systemClock.elapsed() - startedAt} ms`)
  return [
    { name: `at_once.leases.${peers}`, value: times.length, unit: `of ${count} orders at once` },
    { name: `at_once.post_to_lease.p50_ms.${peers}`, value: quantile(times, 0.5), unit: 'ms' },
    { name: `at_once.post_to_lease.p99_ms.${peers}`, value: quantile(times, 0.99), unit: 'ms' },
  ]
}

function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b)
  return Math.round(sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? Number.NaN)
}

/** What a heartbeat costs its author and each node that passes it on, against one bare signature check. */
async function measureHeartbeat(): Promise<Figure[]> {
  const key = await generateKeyPairFromSeed('Ed25519', fill(32, 1))
  const beats = Array.from({ length: BEATS }, (_, index) => makeHeartbeat({ sequence: BigInt(index + 1) }))
  const sealed: Uint8Array[] = []
  const sealMs = await timed(async () => {
    sealed.length = 0
    for (const beat of beats) {
      sealed.push(await seal({ word: 'heartbeat', payload: Heartbeat.encode(beat), key }))
    }
  })
  const validateMs = await timed(async () => {
    for (const bytes of sealed) {
      const opened = await open({ word: 'heartbeat', bytes, maxBytes: HEARTBEAT_LIMITS.maxBytes })
      if (isRefusal(opened)) throw new Error(opened.refused)
      const refusal = judgeHeartbeat(Heartbeat.decode(opened.payload), { now: NOW, market: MARKET })
      if (refusal !== undefined) throw new Error(refusal.detail)
    }
  })
  const message = fill(300, 3)
  const signature = await key.sign(message)
  const verifyMs = await timed(async () => {
    for (let index = 0; index < BEATS; index++) await key.publicKey.verify(message, signature)
  })
  const figure = (name: string, ms: number): Figure => ({
    name,
    value: ms / BEATS,
    unit: 'ms',
    reference: 'one Ed25519 check',
    ratio: ms / verifyMs,
  })
  return [figure('heartbeat.cpu_ms', validateMs), figure('heartbeat.seal_ms', sealMs)]
}

async function timed(act: () => Promise<void>): Promise<number> {
  await act() // warm
  const startedAt = systemClock.elapsed()
  await act()
  return systemClock.elapsed() - startedAt
}

const MODELS = ['NVIDIA GeForce RTX 4090', 'NVIDIA GeForce RTX 3060', 'NVIDIA A100-SXM4-80GB', 'NVIDIA L4']
const PLACES = ['DE-Berlin', 'FR-Paris', 'US-Denver', 'JP-Tokyo']

function makeOffer(index: number): Offer {
  return {
    peer: `12D3KooW${String(index).padStart(44, 'x')}`,
    devices: [
      makeDevice({ model: MODELS[index % 4] as string, memoryBytes: BigInt(8 + (index % 9) * 8) << 30n }),
    ],
    pricePerHour: BigInt(100_000 + ((index * 7_919) % 400_000)),
    location: PLACES[(index >> 2) % 4] as string,
    runtimes: ['tfjs'],
    available: index % 3 !== 0,
    stake: 100_000_000n,
  }
}

/** The catalogue of 100,000 offers against a scan of an array by the rule that it must agree with. */
function measureInventory(): Figure[] {
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void
  const used = () => {
    collect()
    const { heapUsed, external, arrayBuffers } = process.memoryUsage()
    return heapUsed + Math.max(external, arrayBuffers)
  }
  const before = used()
  const catalogue = createCatalogue(OFFERS)
  for (let index = 0; index < OFFERS; index++) catalogue.put(makeOffer(index), NOW + 60_000)
  const bytes = used() - before
  const requirements = makeRequirements({ memoryBytes: 24n << 30n, locations: ['DE', 'FR'] })
  const ceilingPricePerHour = 300_000n
  const offers = catalogue.offers(NOW)
  const fitting = offers.filter(
    (offer) => findMismatches(offer, requirements, ceilingPricePerHour).length === 0,
  ).length
  const answer = catalogue.query({ requirements, ceilingPricePerHour, limit: 100 }, NOW)
  if (answer.fitting !== fitting) throw new Error(`${answer.fitting} fit, the rule says ${fitting}`)
  const queryMs = median(() => catalogue.query({ requirements, ceilingPricePerHour, limit: 100 }, NOW))
  const scanMs = median(() => offers.filter((offer) => findMismatches(offer, requirements, 300_000n)))
  return [
    {
      name: 'inventory.query_ms.100k',
      value: queryMs,
      unit: 'ms',
      reference: 'a scan of an array',
      ratio: queryMs / scanMs,
    },
    { name: 'inventory.bytes_per_offer', value: bytes / OFFERS, unit: 'bytes' },
    { name: 'inventory.bytes_per_10k_offers', value: (bytes / OFFERS) * 10_000, unit: 'bytes' },
  ]
}

function median(act: () => unknown): number {
  const times = Array.from({ length: 9 }, () => {
    const startedAt = systemClock.elapsed()
    act()
    return systemClock.elapsed() - startedAt
  })
  return times.sort((a, b) => a - b)[4] as number
}
