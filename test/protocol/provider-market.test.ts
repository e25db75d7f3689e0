import * as assert from 'uvu/assert'
import { createAuctionTopic, openAnnouncement, sealAnnouncement } from '../../node/market/announcements.js'
import { createHeartbeatTopic } from '../../node/market/heartbeats.js'
import { silentLog } from '../../node/system/log.js'
import { openBid, sealBid } from '../../protocols/auction/bid.js'
import { commitmentOf, orderIdOf } from '../../protocols/auction/rules.js'
import { type Announcement, type Order, PricingRule } from '../../protocols/auction/wire.js'
import { equal } from '../../protocols/bytes.js'
import { topicName } from '../../protocols/descriptor.js'
import { seal } from '../../protocols/envelope.js'
import { isRefusal } from '../../protocols/errors.js'
import { HEARTBEAT_LIMITS } from '../../protocols/heartbeat/rules.js'
import { Availability, Heartbeat } from '../../protocols/heartbeat/wire.js'
import { Requirements } from '../../protocols/inventory/wire.js'
import { createVirtualClock, settle } from '../support/clock.js'
import { createHub, type MemoryNetwork } from '../support/memory.js'
import { makeResult } from '../support/messages.js'
import { suite } from '../support/suite.js'

const test = suite('the topics of a market')
const MARKET = new Uint8Array(32).fill(7)
const HEARTBEATS = topicName('localnet', 'heartbeat')
const AUCTIONS = topicName('localnet', 'auction')

function heartbeat(fields: Partial<Heartbeat> = {}): Heartbeat {
  return {
    market: MARKET,
    sequence: 1n,
    timeMs: 1_700_000_000_000,
    availability: Availability.FREE,
    devices: [
      {
        model: 'Software',
        memoryBytes: 2n ** 31n,
        gpu: false,
        backend: 'cpu',
        driver: '',
        cudaVersion: '',
        gflops: 1,
        count: 1,
        free: 1,
      },
    ],
    pricePerHour: 10n,
    location: 'DE-Berlin',
    runtimes: ['tfjs'],
    addresses: [],
    version: '0.1.0',
    ...fields,
  }
}

function order(fields: Partial<Order> = {}): Order {
  return {
    market: MARKET,
    nonce: new Uint8Array(16).fill(1),
    timeMs: 1_700_000_000_000,
    requirements: Requirements.encode({ devices: 1 }),
    ceilingPricePerHour: 100n,
    durationS: 60,
    commitMs: 500,
    revealMs: 500,
    pricing: PricingRule.FIRST_PRICE,
    jobHash: new Uint8Array(32),
    sliceMs: 1_000,
    wallet: new Uint8Array(32),
    addresses: [],
    ...fields,
  }
}

async function heartbeats(count: number) {
  const clock = createVirtualClock()
  const hub = createHub()
  const networks = await Promise.all(Array.from({ length: count }, () => hub.join()))
  const topics = networks.map((network) =>
    createHeartbeatTopic({ network, market: MARKET, clock, log: silentLog, maxPeers: 3 }),
  )
  return { clock, hub, networks, topics }
}

async function auctions(count: number, maxOrders = 4_096) {
  const clock = createVirtualClock()
  const hub = createHub()
  const networks = await Promise.all(Array.from({ length: count }, () => hub.join()))
  const topics = networks.map((network) =>
    createAuctionTopic({ network, market: MARKET, clock, log: silentLog, maxOrders, maxOrdersPerPeer: 4 }),
  )
  return { clock, hub, networks, topics }
}

const sealed = (network: MemoryNetwork, announcement: Partial<Announcement>) =>
  sealAnnouncement(announcement as Announcement, network.privateKey)

test('a heartbeat reaches every node of the market once, and stays until it is stale', async () => {
  const { clock, networks, topics } = await heartbeats(2)
  const heard: string[] = []
  topics[1]!.onHeartbeat(({ peer }) => heard.push(peer))
  const { envelope, recipients } = await topics[0]!.publish(heartbeat())
  assert.is(recipients, 1)
  assert.equal(heard, [networks[0]!.peer])
  assert.equal(topics[1]!.newest(networks[0]!.peer)?.envelope, envelope)
  assert.is(topics[0]!.newest(networks[0]!.peer)?.peer, networks[0]!.peer)
  await clock.advance(HEARTBEAT_LIMITS.maxAgeMs + 1)
  assert.is(topics[1]!.newest(networks[0]!.peer), undefined)
  assert.is(topics[1]!.all().length, 0)
})

test('a heartbeat that is replayed, stale, malformed, of another market or forged is not passed on', async () => {
  const { networks, topics } = await heartbeats(2)
  const [mallory] = networks as [MemoryNetwork, MemoryNetwork]
  const make = async (fields: Partial<Heartbeat>, word = 'heartbeat') =>
    seal({ word, payload: Heartbeat.encode(heartbeat(fields)), key: mallory.privateKey })
  const cases: Array<[string, Uint8Array, string]> = [
    ['good', await make({ sequence: 5n }), 'accept'],
    ['replayed', await make({ sequence: 5n }), 'ignore'],
    ['older', await make({ sequence: 4n }), 'ignore'],
    ['stale', await make({ sequence: 6n, timeMs: 1_699_999_000_000 }), 'ignore'],
    ['from the future', await make({ sequence: 6n, timeMs: 1_700_000_020_000 }), 'ignore'],
    ['malformed', await make({ sequence: 6n, devices: [] }), 'reject'],
    ['acts on a terminal', await make({ sequence: 6n, location: '\u001b]0;owned\u0007DE' }), 'reject'],
    ['reads backwards', await make({ sequence: 6n, version: '\u202e1.0' }), 'reject'],
    ['foreign', await make({ sequence: 6n, market: new Uint8Array(32) }), 'reject'],
    ['of another word', await make({ sequence: 6n }, 'auction'), 'reject'],
    ['no envelope', new Uint8Array(100), 'reject'],
    ['empty', new Uint8Array(), 'reject'],
  ]
  const tampered = (await make({ sequence: 7n })).slice()
  tampered[tampered.length - 1]! ^= 1
  cases.push(['tampered', tampered, 'reject'])
  for (const [name, data, expected] of cases) {
    assert.equal(await mallory.inject(HEARTBEATS, data), [expected], name)
  }
  assert.is(topics[1]!.newest(mallory.peer)?.heartbeat.sequence, 5n)
})

test('copies of one heartbeat that arrive at the same time are taken once', async () => {
  const { networks, topics } = await heartbeats(2)
  let heard = 0
  topics[1]!.onHeartbeat(() => heard++)
  const data = await seal({
    word: 'heartbeat',
    payload: Heartbeat.encode(heartbeat()),
    key: networks[0]!.privateKey,
  })
  await Promise.all(Array.from({ length: 8 }, () => networks[0]!.inject(HEARTBEATS, data)))
  assert.is(heard, 1)
})

test('a flood of made-up providers does not grow the memory of a node', async () => {
  const { hub, networks, topics } = await heartbeats(2)
  const honest = networks[1]!
  for (let i = 0; i < 6; i++) {
    const sybil = await hub.join()
    // As every honest provider does, from time to time.
    if (i % 2 === 0) await topics[1]!.publish(heartbeat({ sequence: BigInt(i + 1) }))
    const data = await seal({
      word: 'heartbeat',
      payload: Heartbeat.encode(heartbeat()),
      key: sybil.privateKey,
    })
    await sybil.inject(HEARTBEATS, data)
  }
  assert.is(topics[0]!.all().length, 3)
  assert.ok(topics[0]!.newest(honest.peer) !== undefined, 'one that goes on beating is not pushed out')
  assert.is(topics[1]!.all().length, 3)
  assert.ok(topics[1]!.newest(honest.peer) !== undefined, 'a node never forgets itself')
})

test('an order, a commitment to it and its result reach everybody under one name', async () => {
  const { clock, networks, topics } = await auctions(3)
  const seen: string[] = []
  topics[1]!.onOrder(({ peer }) => seen.push(`order of ${peer}`))
  topics[0]!.onCommitment(({ peer }) => seen.push(`commitment of ${peer}`))
  topics[2]!.onResult(({ result }) => seen.push(`won by ${result.winner}`))
  const { orderId, envelope } = await topics[0]!.publish({ order: order() })
  const opened = await openAnnouncement(envelope)
  assert.ok(!isRefusal(opened))
  assert.equal(orderIdOf(opened.peer, opened.payload), orderId)
  await topics[1]!.publish({ commitment: { orderId, hash: new Uint8Array(32) } })
  await clock.advance(600)
  const winner = networks[1]!.peer
  await topics[0]!.publish({ result: makeResult({ orderId, winner, pricePerHour: 9n }) })
  assert.equal(seen, [`order of ${networks[0]!.peer}`, `commitment of ${winner}`, `won by ${winner}`])
  assert.ok(equal(topics[2]!.orders()[0]!.orderId, orderId))
})

test('a commitment counts once for each peer, only for an order that was seen, only in time', async () => {
  const { clock, networks, topics } = await auctions(2)
  const [renter, provider] = networks as [MemoryNetwork, MemoryNetwork]
  const commit = async (orderId: Uint8Array, byte: number) => {
    const commitment = { orderId, hash: new Uint8Array(32).fill(byte) }
    return provider.inject(AUCTIONS, (await sealed(provider, { commitment })).envelope)
  }
  assert.equal(await commit(new Uint8Array(32), 1), ['ignore'])
  const { orderId } = await topics[0]!.publish({ order: order() })
  assert.equal(await commit(orderId, 1), ['accept'])
  assert.equal(await commit(orderId, 2), ['ignore'])
  assert.equal(await commit(new Uint8Array(3), 2), ['reject'])
  const later = await topics[0]!.publish({ order: order({ nonce: new Uint8Array(16).fill(2) }) })
  await clock.advance(501)
  assert.equal(await commit(later.orderId, 1), ['ignore'])
  assert.is(renter.peer === provider.peer, false)
})

test('a result is believed only from the author of the order, and only with a growing round', async () => {
  const { networks, topics } = await auctions(3)
  const [renter, , mallory] = networks as [MemoryNetwork, MemoryNetwork, MemoryNetwork]
  const rounds: number[] = []
  topics[1]!.onResult(({ result }) => rounds.push(result.round))
  const { orderId } = await topics[0]!.publish({ order: order() })
  const results = async (author: MemoryNetwork, round: number, winner = mallory.peer) => {
    const result = makeResult({ orderId, winner, pricePerHour: 1n, round })
    return author.inject(AUCTIONS, (await sealed(author, { result })).envelope)
  }
  assert.equal(await results(mallory, 0), ['reject', 'reject'])
  assert.equal(await results(renter, 0), ['accept', 'accept'])
  assert.equal(await results(renter, 0), ['ignore', 'ignore'])
  assert.equal(await results(renter, 2), ['accept', 'accept'])
  assert.equal(await results(renter, 1), ['ignore', 'ignore'])
  assert.equal(await results(renter, 3, 'nobody'), ['reject', 'reject'])
  assert.equal(rounds, [0, 2])
})

test('a flood of orders of one renter is cut off, and a replayed order is taken once', async () => {
  const { clock, networks, topics } = await auctions(2)
  let heard = 0
  topics[1]!.onOrder(() => heard++)
  const verdicts: string[] = []
  for (let i = 0; i < 6; i++) {
    const { envelope } = await sealed(networks[0]!, { order: order({ nonce: new Uint8Array(16).fill(i) }) })
    verdicts.push(...(await networks[0]!.inject(AUCTIONS, envelope)))
    if (i === 0) verdicts.push(...(await networks[0]!.inject(AUCTIONS, envelope)))
  }
  assert.equal(verdicts, ['accept', 'ignore', 'accept', 'accept', 'accept', 'ignore', 'ignore'])
  assert.is(heard, 4)
  await clock.advance(700_000)
  assert.is(topics[1]!.orders().length, 0, 'orders expire')
})

test('orders of many made-up renters neither grow the memory of a node nor keep a newer order out', async () => {
  const { hub, topics } = await auctions(1, 3)
  const heard: string[] = []
  topics[0]!.onOrder(({ peer }) => heard.push(peer))
  const own = await topics[0]!.publish({ order: order({ nonce: new Uint8Array(16).fill(9) }) })
  for (let i = 0; i < 6; i++) {
    const sybil = await hub.join()
    const { envelope } = await sealed(sybil, { order: order() })
    assert.equal(await sybil.inject(AUCTIONS, envelope), ['accept'])
    assert.is(heard.at(-1), sybil.peer)
  }
  assert.is(topics[0]!.orders().length, 3)
  assert.ok(
    topics[0]!.orders().some(({ orderId }) => equal(orderId, own.orderId)),
    'the own one stays',
  )
})

test('a copy of an order that another peer signs and sends first does not take the place of the original', async () => {
  const { networks, topics } = await auctions(3)
  const [renter, , mallory] = networks as [MemoryNetwork, MemoryNetwork, MemoryNetwork]
  const heard: string[] = []
  topics[1]!.onOrder(({ peer }) => heard.push(peer))
  await mallory.inject(AUCTIONS, (await sealed(mallory, { order: order() })).envelope)
  await topics[0]!.publish({ order: order() })
  assert.equal(heard, [mallory.peer, renter.peer])
})

test('an order that is closed, malformed or of another market is not passed on', async () => {
  const { networks } = await auctions(2)
  const cases: Array<[Partial<Order>, string]> = [
    [{ timeMs: 1_699_999_000_000 }, 'ignore'],
    [{ timeMs: 1_700_000_020_000 }, 'ignore'],
    [{ market: new Uint8Array(32) }, 'reject'],
    [{ nonce: new Uint8Array(3) }, 'reject'],
    [{ addresses: Array.from({ length: 17 }, () => '/ip4/127.0.0.1') }, 'reject'],
    [{ addresses: ['x'.repeat(300)] }, 'reject'],
    [{ requirements: new Uint8Array(10_000) }, 'reject'],
    [{ durationS: 0 }, 'reject'],
  ]
  for (const [fields, expected] of cases) {
    const { envelope } = await sealed(networks[0]!, { order: order(fields) })
    assert.equal(await networks[0]!.inject(AUCTIONS, envelope), [expected], JSON.stringify(fields))
  }
  assert.equal(await networks[0]!.inject(AUCTIONS, (await sealed(networks[0]!, {})).envelope), ['reject'])
  await settle()
})

test('a bid is bound to its author and to its commitment, and is no announcement', async () => {
  const network = await createHub().join()
  const bid = {
    orderId: new Uint8Array(32),
    pricePerHour: 5n,
    salt: new Uint8Array(32),
    payout: new Uint8Array(32),
  }
  const { envelope, commitment } = await sealBid(bid, network)
  const opened = await openBid(envelope)
  assert.ok(!isRefusal(opened))
  assert.is(opened.peer, network.peer)
  assert.is(opened.bid.pricePerHour, 5n)
  assert.equal(commitmentOf(opened.peer, opened.payload), commitment)
  const announced = await openAnnouncement(envelope)
  assert.ok(isRefusal(announced))
  assert.is(announced.refused, 'ENVELOPE_WRONG_DOMAIN')
  assert.ok(isRefusal(await openBid(new Uint8Array(2_000))))
})

test.run()
