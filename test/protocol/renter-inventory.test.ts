import * as assert from 'uvu/assert'
import { parseSearch } from '../../config/search.js'
import { createHeartbeatTopic } from '../../node/market/heartbeats.js'
import { createLatencyMeter } from '../../node/market/latency.js'
import { createRoundTripTeller } from '../../node/market/sightings.js'
import { createInventory, type Inventory, type InventoryParts } from '../../node/renter/inventory.js'
import { createPlaceJudge } from '../../node/renter/place.js'
import { silentLog } from '../../node/system/log.js'
import { toHex } from '../../protocols/bytes.js'
import { Availability, type Heartbeat } from '../../protocols/heartbeat/wire.js'
import { inventoryProtocol } from '../../protocols/inventory/protocol.js'
import { ANY_OFFER } from '../../protocols/inventory/rules.js'
import { formatAmount } from '../../protocols/money.js'
import { solanaKeyOf } from '../../protocols/peer.js'
import { createVirtualClock } from '../support/clock.js'
import { createHub } from '../support/memory.js'
import { MARKET, makeDevice, makeHeartbeat, NOW } from '../support/messages.js'
import { createMemoryEscrow, drive } from '../support/renter.js'
import { suite } from '../support/suite.js'

const test = suite('the inventory of a renter')

interface Provided {
  heartbeat?: Partial<Heartbeat>
  stake?: bigint
  /** Its round trip to the renter. */
  ms?: number
  /** What it has measured to the other providers, by their place in the list. */
  saw?: ReadonlyArray<[other: number, ms: number]>
}

async function scene(provided: Provided[], parts: Partial<InventoryParts> = {}, location = '') {
  const clock = createVirtualClock(NOW)
  const escrow = createMemoryEscrow(clock)
  const batches: number[] = []
  const { providers } = escrow
  escrow.providers = (keys, signal) => {
    batches.push(keys.length)
    return providers(keys, signal)
  }
  const hub = createHub()
  const network = await hub.join()
  const options = { market: MARKET, clock, log: silentLog }
  const heartbeats = createHeartbeatTopic({ ...options, network })
  const others = await Promise.all(
    provided.map(async (each) => {
      const joined = await hub.join()
      if (each.stake !== undefined) escrow.stakes.set(toHex(joined.publicKey), each.stake)
      return { joined, topic: createHeartbeatTopic({ ...options, network: joined }), ...each }
    }),
  )
  const peers = others.map(({ joined }) => joined.peer)
  const roundTrips = new Map(others.map(({ joined, ms }) => [joined.peer, ms]))
  const meter = createLatencyMeter({
    network: {
      peer: network.peer,
      peers: () => [],
      roundTripMs: async (peer) => roundTrips.get(peer) ?? Promise.reject(new Error('no answer')),
    },
    clock,
    log: silentLog,
  })
  const { engine, peer: self } = network
  const judging = { self, location, meter, engine, clock, log: silentLog, market: MARKET }
  const inventory = createInventory({
    heartbeats,
    engine,
    escrow,
    clock,
    log: silentLog,
    market: MARKET,
    self,
    meter,
    places: createPlaceJudge(judging),
    show: (amount) => formatAmount(amount, 6, 2),
    ...parts,
  })
  const beat = (at: number, changes: Partial<Heartbeat> = {}) => {
    const { topic, heartbeat } = others[at]!
    return topic.publish(makeHeartbeat({ timeMs: clock.now(), ...heartbeat, ...changes }))
  }
  for (const [at, { joined, heartbeat, saw = [] }] of others.entries()) {
    await beat(at)
    const table = () => saw.map(([other, ms]) => ({ peer: peers[other]!, ms }))
    const tell = createRoundTripTeller({
      meter: { table },
      market: MARKET,
      location: heartbeat?.location ?? 'DE-Berlin',
      key: joined.privateKey,
      clock,
    })
    await joined.engine.handle(inventoryProtocol, async (session) => {
      await session.receive()
      const roundTrips = await tell()
      const rest = { benchmarks: [], runningJobs: 0, attestations: [] }
      await session.send({ heartbeat: new Uint8Array(), ...rest, roundTrips })
    })
  }
  return { clock, escrow, inventory, peers, beat, batches, meter, network, heartbeats }
}

const search = async (
  { clock, inventory, peers }: Awaited<ReturnType<typeof scene>>,
  wanted: Partial<Parameters<Inventory['search']>[0]>,
) => {
  const page = await drive(clock, inventory.search({ requirements: ANY_OFFER, all: true, ...wanted }))
  return page.offers.map(({ offer, mismatches }) => ({
    at: peers.indexOf(offer.peer),
    offer,
    reasons: mismatches.map(({ text }) => text),
  }))
}

test('stakes are read for many at once, and not again within a minute', async () => {
  const scened = await scene(Array.from({ length: 30 }, (_, at) => ({ stake: BigInt(at + 1) })))
  const found = await search(scened, { requirements: { ...ANY_OFFER, minimumStake: 11n } })
  assert.is(found.filter(({ reasons }) => reasons.length === 0).length, 20)
  assert.equal(scened.batches, [30])
  await search(scened, {})
  assert.equal(scened.batches, [30])
  await scened.clock.advance(61_000)
  await search(scened, {})
  assert.equal(scened.batches, [30, 30])
})

test('who had no stake is asked for it again after a few seconds', async () => {
  const scened = await scene([{}])
  assert.is((await search(scened, {}))[0]?.offer.stake, 0n)
  scened.escrow.stakes.set(toHex(solanaKeyOf(scened.peers[0]!)), 9n)
  await scened.clock.advance(6_000)
  assert.is((await search(scened, {}))[0]?.offer.stake, 9n)
})

test('an expression is answered with those that meet it first, then the others with the reasons', async () => {
  const card = (gib: bigint) => [makeDevice({ memoryBytes: gib * 2n ** 30n })]
  const scened = await scene([
    { heartbeat: { devices: card(8n), pricePerHour: 100_000n } },
    { heartbeat: { devices: card(24n), pricePerHour: 500_000n } },
    { heartbeat: { devices: card(24n), pricePerHour: 300_000n } },
    { heartbeat: { devices: card(80n), pricePerHour: 350_000n } },
    { heartbeat: { devices: card(8n), pricePerHour: 900_000n, location: 'US' } },
  ])
  const terms = parseSearch('vram_gb>=24 price<0.4 location=EU', 6)
  const found = await search(scened, { terms })
  assert.equal(
    found.map(({ at, reasons }) => `${at} ${reasons.join('; ')}`.trim()),
    [
      '2',
      '3',
      ...found.slice(2, 4).map(({ at, reasons }) => `${at} ${reasons.join('; ')}`),
      '4 price 0.90 >= 0.40; location US not in EU; vram 8 < 24',
    ],
  )
  assert.equal(
    found
      .slice(2, 4)
      .map(({ reasons }) => reasons.join('; '))
      .sort(),
    ['price 0.50 >= 0.40', 'vram 8 < 24'],
  )
  const largest = await search(scened, { terms, sort: 'vram_gb', all: false })
  assert.equal(
    largest.map(({ at }) => at),
    [3, 2],
  )
  assert.is((await search(scened, { limit: 3 })).length, 3)
})

test('a latency that is required is measured first, and who does not answer does not qualify', async () => {
  const scened = await scene([{ ms: 20 }, { ms: 120 }, {}])
  const found = await search(scened, { requirements: { ...ANY_OFFER, maxLatencyMs: 80 } })
  const reasonsOf = (at: number) => found.find((each) => each.at === at)?.reasons
  assert.equal(reasonsOf(0), [])
  assert.equal(reasonsOf(1), ['latency 120 ms > 80 ms'])
  assert.equal(reasonsOf(2), ['latency not measured > 80 ms'])
  const requirements = { ...ANY_OFFER, maxLatencyMs: 80 }
  const bidder = await drive(
    scened.clock,
    scened.inventory.offerOf(scened.peers[1]!, undefined, requirements),
  )
  assert.is(bidder?.latencyMs, 120, 'a bidder is measured before it is judged')
})

test('attesters and reliability are asked for when they are required, and only then', async () => {
  const asked: string[] = []
  const scened = await scene([{}, {}], {
    evidence: {
      attestersOf: async (peer) => {
        asked.push(peer)
        return peer === scened.peers[0] ? ['verifier'] : []
      },
    },
    reputation: {
      reliabilityOf: async (peer) => ({ reliability: peer === scened.peers[0] ? 0.9 : 0.2 }) as never,
      known: (peer) => ({ reliability: peer === scened.peers[0] ? 0.9 : 0.2 }) as never,
    },
  })
  await search(scened, {})
  assert.equal(asked, [])
  const requirements = { ...ANY_OFFER, minimumAttestations: 1, minimumReliability: 0.5 }
  const found = await search(scened, { requirements })
  assert.equal(found.find(({ at }) => at === 0)?.reasons, [])
  assert.equal(found.find(({ at }) => at === 1)?.reasons, ['reliability 0.2 < 0.5', 'attestations 0 < 1'])
})

test('a provider that light contradicts does not qualify where a location is asked for', async () => {
  const liar = { heartbeat: { location: 'DE-Berlin' }, ms: 2 }
  const honest = { heartbeat: { location: 'DE-Berlin' }, ms: 95 }
  const scened = await scene([liar, honest], {}, 'US-NewYork')
  const found = await search(scened, { requirements: { ...ANY_OFFER, locations: ['EU'] } })
  const of = (at: number) => found.find((each) => each.at === at)!
  assert.equal(of(1).reasons, [])
  assert.is(of(1).offer.place?.check, 'plausible')
  assert.match(of(0).reasons.join(), /^location DE-Berlin is impossible: it answered from US-NewYork in 2 ms/)
  const anywhere = await search(scened, {})
  assert.ok(
    anywhere.every(({ reasons }) => reasons.length === 0),
    'where no place is asked for it is none of it',
  )
  assert.is(anywhere.find(({ at }) => at === 0)?.offer.place?.check, 'impossible', 'but it is told')
})

test('the signed round trips of two staked witnesses show what this node cannot see itself', async () => {
  const witness = (ms: number): Provided => ({
    heartbeat: { location: 'US-Boston' },
    stake: 50n,
    saw: [[0, ms]],
  })
  const suspect = { heartbeat: { location: 'JP-Tokyo' }, stake: 60n }
  const requirements = { ...ANY_OFFER, locations: ['asia', 'US'] }
  const checkOf = async (provided: Provided[]) => {
    const found = await search(await scene(provided), { requirements })
    return found.find(({ at }) => at === 0)!.offer.place?.check
  }
  assert.is(await checkOf([suspect, witness(3), witness(4)]), 'impossible')
  assert.is(await checkOf([suspect, witness(3)]), 'unknown')
  assert.is(await checkOf([suspect, witness(150), witness(160)]), 'plausible')
  assert.is(await checkOf([{ ...suspect, stake: 100n }, witness(3), witness(4)]), 'unknown')
})

test('what changes is told: a heartbeat that comes, one that goes stale, facts that stay', async () => {
  const scened = await scene([{ ms: 7, stake: 5n }])
  let told = 0
  scened.inventory.onChange(() => void told++)
  await search(scened, { requirements: { ...ANY_OFFER, maxLatencyMs: 10 } })
  await scened.beat(0, { sequence: 6n, availability: Availability.BUSY })
  assert.is(told, 1)
  const [offer] = await scened.inventory.offers()
  assert.equal([offer?.available, offer?.latencyMs, offer?.stake], [false, 7, 5n])
  await scened.clock.advance(200_000)
  assert.ok(told >= 2)
  assert.equal(await scened.inventory.offers(), [])
  scened.inventory.close()
  scened.meter.stop()
})

test('a node that provides finds its own offer too', async () => {
  const scened = await scene([])
  await scened.heartbeats.publish(makeHeartbeat({ timeMs: NOW }))
  assert.equal(
    (await scened.inventory.offers()).map(({ peer }) => peer),
    [scened.network.peer],
  )
})

test.run()
