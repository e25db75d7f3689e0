import * as assert from 'uvu/assert'
import { createAdmission } from '../../node/market/admission.js'
import { createAuctionTopic, sealAnnouncement } from '../../node/market/announcements.js'
import { createConduct } from '../../node/market/conduct.js'
import { createHeartbeatTopic } from '../../node/market/heartbeats.js'
import { createLookup } from '../../node/market/lookup.js'
import type { Neighbours, Place } from '../../node/market/place.js'
import { silentLog } from '../../node/system/log.js'
import { orderIdOf } from '../../protocols/auction/rules.js'
import type { Announcement, Order } from '../../protocols/auction/wire.js'
import { toHex } from '../../protocols/bytes.js'
import { topicName } from '../../protocols/descriptor.js'
import { seal } from '../../protocols/envelope.js'
import { Heartbeat } from '../../protocols/heartbeat/wire.js'
import { Requirements } from '../../protocols/inventory/wire.js'
import { createMemoryChain } from '../support/chain.js'
import { createVirtualClock, type VirtualClock } from '../support/clock.js'
import { createHub, type MemoryNetwork } from '../support/memory.js'
import { fill, makeDevice, makeHeartbeat, makeOrder, makeRequirements } from '../support/messages.js'
import { suite } from '../support/suite.js'
import { consentOf, makeWallet } from '../support/wallets.js'

const test = suite('floods of a market')
const STAKE = 10_000n
const CARD = '24g/EU'
const BIG = '80g/EU'

/** Takes part in the shards that a test names, and finds nobody by itself. */
function standIn(network: MemoryNetwork, names: readonly string[]): Place {
  const topicOf = (word: string, name: string) => topicName(network.name, word, ...name.split('/'))
  const words = new Map<string, (news: Neighbours) => void>()
  return {
    attach: (word, rulesOf) => {
      for (const name of names) network.gossip.join(topicOf(word, name), rulesOf(name))
      words.set(word, () => {})
      return () => {
        for (const name of names) network.gossip.leave(topicOf(word, name))
      }
    },
    settle: () => {},
    seek: async () => {},
    joined: (wanted) => wanted.filter((name) => names.includes(name)),
    publish: async (word, wanted, data) => {
      let sent = 0
      for (const name of wanted.filter((each) => names.includes(each))) {
        sent += (await network.gossip.publish(topicOf(word, name), data)).recipients
      }
      return sent
    },
    peers: (name) => network.gossip.peers(topicOf('heartbeat', name)),
    onNeighbours: () => () => {},
    close: () => {},
  }
}

async function openMarket(
  shards: readonly string[] = [CARD, BIG],
  limits: { maxOrders?: number; minimumStake?: bigint } = {},
) {
  const clock: VirtualClock = createVirtualClock()
  const chain = createMemoryChain(clock)
  const hub = createHub()
  const node = await hub.join()
  const place = standIn(node, shards)
  const chained = chain.escrow()
  const terms = limits.minimumStake === undefined ? {} : { minimumStake: limits.minimumStake }
  const escrow = { ...chained, market: async () => ({ ...(await chained.market()), ...terms }) }
  const admission = createAdmission({ escrow, clock, log: silentLog })
  const conduct = createConduct({ admission, clock, log: silentLog })
  const parts = { network: node, market: chain.market, clock, log: silentLog, place, admission, conduct }
  const heartbeats = createHeartbeatTopic(parts)
  const auctions = createAuctionTopic({ ...parts, maxOrdersPerPeer: 4, ...limits })
  const topics = {
    heartbeat: (shard: string) => topicName('localnet', 'heartbeat', ...shard.split('/')),
    auction: (shard: string) => topicName('localnet', 'auction', ...shard.split('/')),
  }
  let nonce = 0
  const orderOf = (fields: Partial<Order> = {}): Order =>
    makeOrder({
      market: chain.market,
      timeMs: clock.now(),
      nonce: fill(16, ++nonce),
      ceilingPricePerHour: 1_000n,
      durationS: 3_600,
      commitMs: 60_000,
      revealMs: 10_000,
      requirements: Requirements.encode(
        makeRequirements({ memoryBytes: 24n * 2n ** 30n, locations: ['DE'] }),
      ),
      ...fields,
    })
  /** The order names a wallet of `makeWallet`, and carries its consent unless it brings another. */
  const post = async (renter: MemoryNetwork, bare: Order, shard = CARD) => {
    const untilMs = clock.now() + 3_600_000
    const order = { ...(await consentOf(bare.wallet, bare.market, renter.peer, untilMs)), ...bare }
    const { envelope, payload } = await sealAnnouncement({ order } as Announcement, renter.privateKey)
    const [verdict] = await renter.inject(topics.auction(shard), envelope)
    return { verdict, envelope, orderId: orderIdOf(renter.peer, payload) }
  }
  const beat = async (provider: MemoryNetwork, shard = CARD, fields: Partial<Heartbeat> = {}) => {
    const heartbeat = makeHeartbeat({ market: chain.market, timeMs: clock.now(), ...fields })
    const data = await seal({
      word: 'heartbeat',
      payload: Heartbeat.encode(heartbeat),
      key: provider.privateKey,
    })
    return (await provider.inject(topics.heartbeat(shard), data))[0]
  }
  const commit = async (provider: MemoryNetwork, orderId: Uint8Array, byte = 1, shard = CARD) => {
    const { envelope } = await sealAnnouncement(
      { commitment: { orderId, hash: fill(32, byte) } } as Announcement,
      provider.privateKey,
    )
    return (await provider.inject(topics.auction(shard), envelope))[0]
  }
  const result = async (renter: MemoryNetwork, orderId: Uint8Array, winner: string, shard = CARD) => {
    const pricePerHour = winner === '' ? 0n : 1n
    const { envelope } = await sealAnnouncement(
      { result: { orderId, bids: [], winner, pricePerHour, round: 0, winners: [], withheld: [] } },
      renter.privateKey,
    )
    return (await renter.inject(topics.auction(shard), envelope))[0]
  }
  return { clock, chain, hub, node, heartbeats, auctions, conduct, orderOf, post, beat, commit, result }
}

test('an order passes only when its wallet holds the deposit', async () => {
  const { chain, clock, hub, auctions, orderOf, post } = await openMarket()
  const renter = await hub.join()
  const wallet = await makeWallet(77)
  const heard: string[] = []
  auctions.onOrder(({ orderId }) => heard.push(toHex(orderId)))
  assert.is((await post(renter, orderOf({ wallet }))).verdict, 'ignore', 'nobody knows the wallet')
  chain.funds.set(toHex(wallet), 999n)
  await clock.advance(3_001)
  assert.is((await post(renter, orderOf({ wallet }))).verdict, 'ignore', 'a unit is missing')
  chain.funds.set(toHex(wallet), 1_000n)
  await clock.advance(3_001)
  const { verdict, orderId } = await post(renter, orderOf({ wallet }))
  assert.is(verdict, 'accept')
  assert.equal(heard, [toHex(orderId)])
  const twice = Requirements.encode(
    makeRequirements({ memoryBytes: 24n * 2n ** 30n, locations: ['DE'], devices: 2 }),
  )
  assert.is(
    (await post(renter, orderOf({ wallet, requirements: twice }))).verdict,
    'ignore',
    'for two devices',
  )
})

test('nobody can have orders counted against another’s wallet', async () => {
  const { chain, clock, hub, auctions, orderOf, post } = await openMarket()
  const [owner, thief] = [await hub.join(), await hub.join()]
  const wallet = await makeWallet(75)
  chain.funds.set(toHex(wallet), 10n ** 9n)
  const untilMs = clock.now() + 3_600_000
  const consent = await consentOf(wallet, chain.market, owner.peer, untilMs)
  const elsewhere = await consentOf(wallet, fill(32, 1), thief.peer, untilMs)
  const nothing = { walletProof: new Uint8Array(64), walletUntilMs: untilMs }
  const forged = [consent, elsewhere, nothing, { ...nothing, walletProof: new Uint8Array() }]
  for (const given of forged) {
    const { verdict } = await post(thief, orderOf({ wallet, ...given }))
    assert.is(verdict, 'ignore')
  }
  assert.equal(auctions.orders(), [])
  assert.is((await post(owner, orderOf({ wallet }))).verdict, 'accept')
})

test('a thousand made-up renters without funds reach nobody, and cost the chain one question each at most', async () => {
  const { chain, hub, auctions, orderOf, post } = await openMarket()
  let asked = 0
  const { funds } = chain
  chain.funds = new Proxy(funds, {
    get: (map, name) => {
      if (name === 'get') asked++
      const found = Reflect.get(map, name) as unknown
      return typeof found === 'function' ? found.bind(map) : found
    },
  })
  const renters = await Promise.all(Array.from({ length: 20 }, () => hub.join()))
  await post(renters[0]!, orderOf({ wallet: await makeWallet(76) }))
  const verdicts = await Promise.all(
    Array.from({ length: 1_000 }, async (_, index) => {
      const wallet = await makeWallet(1_000 + index)
      return (await post(renters[index % 20]!, orderOf({ wallet }))).verdict
    }),
  )
  assert.ok(verdicts.every((verdict) => verdict === 'ignore'))
  assert.is(auctions.orders().length, 0)
  assert.ok(asked > 1 && asked <= 1_001, `${asked} questions`)
})

test('a funded wallet backs a few open orders at once, whoever signs them, and more once these are closed', async () => {
  const { chain, clock, hub, orderOf, post } = await openMarket()
  const wallet = await makeWallet(78)
  chain.funds.set(toHex(wallet), 10n ** 9n)
  const renters = await Promise.all(Array.from({ length: 6 }, () => hub.join()))
  const verdicts: unknown[] = []
  for (const renter of renters) verdicts.push((await post(renter, orderOf({ wallet }))).verdict)
  assert.equal(verdicts, ['accept', 'accept', 'accept', 'accept', 'ignore', 'ignore'])
  await clock.advance(70_001)
  assert.is((await post(renters[5]!, orderOf({ wallet }))).verdict, 'accept')
})

test('one wallet backs no more open orders than it holds deposits for, whoever signs them', async () => {
  const { chain, clock, hub, orderOf, post, result } = await openMarket()
  const wallet = await makeWallet(84)
  chain.funds.set(toHex(wallet), 2_500n)
  const renters = await Promise.all(Array.from({ length: 3 }, () => hub.join()))
  const first = await post(renters[0]!, orderOf({ wallet }))
  assert.is(first.verdict, 'accept')
  assert.is((await post(renters[1]!, orderOf({ wallet }))).verdict, 'accept')
  assert.is((await post(renters[2]!, orderOf({ wallet }))).verdict, 'ignore', '3,000 of 2,500')
  const half = { wallet, ceilingPricePerHour: 500n }
  assert.is((await post(renters[2]!, orderOf(half))).verdict, 'accept', '2,500 of 2,500')
  await result(renters[0]!, first.orderId, '')
  assert.is((await post(renters[2]!, orderOf({ wallet }))).verdict, 'accept', 'nobody won the first')
  await clock.advance(70_001)
  assert.is(
    (await post(renters[0]!, orderOf({ wallet }))).verdict,
    'ignore',
    'their devices are still promised: no result has come',
  )
  await clock.advance(15_000)
  assert.is((await post(renters[0]!, orderOf({ wallet }))).verdict, 'accept')
})

test('orders that come at the same time do not count on the same deposit', async () => {
  const { chain, hub, orderOf, post } = await openMarket()
  const wallet = await makeWallet(89)
  chain.funds.set(toHex(wallet), 2_500n)
  const renters = await Promise.all(Array.from({ length: 4 }, () => hub.join()))
  const posted = await Promise.all(renters.map((renter) => post(renter, orderOf({ wallet }))))
  assert.is(posted.filter(({ verdict }) => verdict === 'accept').length, 2)
})

test('an award binds the deposit until a lease has taken it, and then not twice', async () => {
  const { chain, clock, hub, orderOf, post, result } = await openMarket()
  const [renter, winner] = [await hub.join(), await hub.join()]
  const wallet = await makeWallet(85)
  chain.funds.set(toHex(wallet), 2_000n)
  const verdict = async () => (await post(renter, orderOf({ wallet }))).verdict
  const { orderId } = await post(renter, orderOf({ wallet }))
  await result(renter, orderId, winner.peer)
  const second = await post(renter, orderOf({ wallet }))
  assert.is(second.verdict, 'accept')
  await result(renter, second.orderId, winner.peer)
  assert.is(await verdict(), 'ignore', 'two winners wait for two leases')
  chain.funds.set(toHex(wallet), 0n)
  await clock.advance(20_000)
  assert.is(await verdict(), 'ignore', 'the wallet is empty')
  chain.funds.set(toHex(wallet), 1_900n)
  await clock.advance(10_001)
  assert.is(await verdict(), 'accept', 'a lease is over, and its refund is there')
})

test('an order about next to nothing is not passed on', async () => {
  const { chain, hub, orderOf, post } = await openMarket([CARD], { minimumStake: 100_000n })
  const renter = await hub.join()
  const wallet = await makeWallet(86)
  chain.funds.set(toHex(wallet), 10n ** 9n)
  const least = 10n
  const cheap = { wallet, ceilingPricePerHour: least - 1n }
  assert.is((await post(renter, orderOf(cheap))).verdict, 'ignore')
  assert.is((await post(renter, orderOf({ ...cheap, ceilingPricePerHour: least }))).verdict, 'accept')
})

test('a flood of cheap orders of many wallets drives no better backed one out of a full memory', async () => {
  const { chain, hub, auctions, orderOf, post } = await openMarket([CARD, BIG], { maxOrders: 8 })
  const honest = await hub.join()
  const rich = await makeWallet(87)
  chain.funds.set(toHex(rich), 10n ** 9n)
  const { orderId } = await post(honest, orderOf({ wallet: rich }))
  for (let count = 0; count < 30; count++) {
    const wallet = await makeWallet(200 + count)
    chain.funds.set(toHex(wallet), 10n ** 9n)
    await post(await hub.join(), orderOf({ wallet, ceilingPricePerHour: 100n + BigInt(count) }))
  }
  const kept = auctions.orders()
  assert.is(kept.length, 8)
  assert.ok(
    kept.some((order) => toHex(order.orderId) === toHex(orderId)),
    'the honest one',
  )
  const late = await post(honest, orderOf({ wallet: rich, ceilingPricePerHour: 900n }))
  assert.is(late.verdict, 'accept', 'there is room for another')
  const poor = await post(await hub.join(), orderOf({ wallet: rich, ceilingPricePerHour: 10n }))
  assert.is(poor.verdict, 'ignore', 'and none for the cheapest of all')
})

test('a renter with many wallets has a share of the memory, and a new one finds room', async () => {
  const { chain, clock, hub, auctions, orderOf, post } = await openMarket([CARD, BIG], { maxOrders: 64 })
  const [crowd, newcomer] = [await hub.join(), await hub.join()]
  const fund = async (number: number) => {
    const wallet = await makeWallet(number)
    chain.funds.set(toHex(wallet), 10n ** 9n)
    return wallet
  }
  for (let count = 0; count < 12; count++) {
    const brief = { commitMs: 500, revealMs: 500, ceilingPricePerHour: 9_000n }
    const { verdict } = await post(crowd, orderOf({ wallet: await fund(300 + count), ...brief }))
    assert.is(verdict, 'accept')
    await clock.advance(1_000)
  }
  assert.is(auctions.orders().length, 4, 'of 64, one renter has a sixteenth')
  assert.is((await post(newcomer, orderOf({ wallet: await fund(400) }))).verdict, 'accept')
  assert.is(auctions.orders().length, 5)
})

test('a renter learns why others do not pass its order on', async () => {
  const { chain, clock, node, auctions, orderOf } = await openMarket([CARD], { minimumStake: 100_000n })
  const wallet = await makeWallet(88)
  const doubt = async (fields: Partial<Order>, validMs = 3_600_000) => {
    const consent = await consentOf(wallet, chain.market, node.peer, clock.now() + validMs)
    const { orderId } = await auctions.publish({ order: orderOf({ wallet, ...consent, ...fields }) })
    return (await auctions.doubt(orderId))?.refused ?? 'none'
  }
  assert.is(await doubt({}), 'OVERDRAWN')
  chain.funds.set(toHex(wallet), 2_500n)
  await clock.advance(86_000)
  assert.is(await doubt({ ceilingPricePerHour: 9n }), 'DEPOSIT_TOO_SMALL')
  assert.is(await doubt({}, -20_000), 'CONSENT_REFUSED')
  await clock.advance(86_000)
  assert.is(await doubt({}), 'none')
  assert.is(await doubt({}), 'none')
  assert.is(await doubt({}), 'OVERDRAWN', '3,000 of 2,500')
  await clock.advance(86_000)
  for (let count = 0; count < 4; count++) await doubt({ ceilingPricePerHour: 10n })
  assert.is(await doubt({ ceilingPricePerHour: 10n }), 'TOO_MANY_ORDERS')
})

test('while the chain is silent known wallets pass, and unknown ones at a strict rate', async () => {
  const { chain, clock, hub, orderOf, post } = await openMarket()
  const known = await makeWallet(79)
  chain.funds.set(toHex(known), 10n ** 9n)
  const renter = await hub.join()
  assert.is((await post(renter, orderOf({ wallet: known }))).verdict, 'accept')
  chain.isDown = true
  await clock.advance(20_000)
  assert.is((await post(renter, orderOf({ wallet: known }))).verdict, 'accept', 'as it was last known')
  const verdicts: Array<Promise<unknown>> = []
  for (let count = 0; count < 30; count++) {
    const stranger = await hub.join()
    const wallet = await makeWallet(100 + count)
    verdicts.push(post(stranger, orderOf({ wallet })).then(({ verdict }) => verdict))
  }
  for (let second = 0; second < 4; second++) await clock.advance(500)
  const passed = (await Promise.all(verdicts)).filter((verdict) => verdict === 'accept').length
  assert.ok(passed >= 10 && passed <= 12, `${passed} of 30 passed`)
  chain.isDown = false
})

test('a provider without the least stake is not heard, and is within seconds of staking', async () => {
  const { chain, clock, hub, heartbeats, beat } = await openMarket()
  const provider = await hub.join()
  assert.is(await beat(provider), 'ignore')
  chain.register(provider.publicKey, STAKE - 1n)
  await clock.advance(3_001)
  assert.is(await beat(provider, CARD, { sequence: 6n }), 'ignore', 'a unit is missing')
  chain.register(provider.publicKey, STAKE)
  await clock.advance(3_001)
  assert.is(await beat(provider, CARD, { sequence: 7n }), 'accept')
  assert.is(heartbeats.all().length, 1)
  chain.isDown = true
  await clock.advance(100_000)
  assert.is(await beat(provider, CARD, { sequence: 8n }), 'accept', 'as it was last known')
  chain.isDown = false
})

test('a stake that is lost is noticed within a minute or two', async () => {
  const { chain, clock, hub, beat } = await openMarket()
  const liar = await hub.join()
  chain.register(liar.publicKey, STAKE)
  assert.is(await beat(liar), 'accept')
  chain.register(liar.publicKey, 1n)
  await clock.advance(60_001)
  assert.is(await beat(liar, CARD, { sequence: 6n }), 'accept', 'and asks in the background')
  await clock.advance(3_001)
  assert.is(await beat(liar, CARD, { sequence: 7n }), 'ignore')
})

test('made-up peers cannot fill the list of commitments: only providers with a stake commit', async () => {
  const { chain, hub, auctions, orderOf, post, commit } = await openMarket()
  const renter = await hub.join()
  const wallet = await makeWallet(80)
  chain.funds.set(toHex(wallet), 10n ** 9n)
  const { orderId } = await post(renter, orderOf({ wallet }))
  const heard: string[] = []
  auctions.onCommitment(({ peer }) => heard.push(peer))
  const strangers = await Promise.all(Array.from({ length: 50 }, () => hub.join()))
  const verdicts = await Promise.all(strangers.map((stranger) => commit(stranger, orderId)))
  assert.ok(verdicts.every((verdict) => verdict === 'ignore'))
  const provider = await hub.join()
  chain.register(provider.publicKey, STAKE)
  assert.is(await commit(provider, orderId), 'accept')
  assert.equal(heard, [provider.peer])
})

test('a provider that commits twice is taken at its first word, and loses standing', async () => {
  const { chain, hub, auctions, conduct, orderOf, post, commit } = await openMarket()
  const [renter, provider] = [await hub.join(), await hub.join()]
  const wallet = await makeWallet(81)
  chain.funds.set(toHex(wallet), 10n ** 9n)
  chain.register(provider.publicKey, STAKE)
  const { orderId } = await post(renter, orderOf({ wallet }))
  const heard: Uint8Array[] = []
  auctions.onCommitment(({ hash }) => heard.push(hash))
  assert.is(await commit(provider, orderId, 1), 'accept')
  assert.is(conduct.standingOf(provider.peer), 5)
  assert.is(await commit(provider, orderId, 2), 'ignore')
  assert.equal(heard, [fill(32, 1)])
  assert.ok(conduct.standingOf(provider.peer) < -30)
})

test('an order in several shards is passed on in each, delivered once and answered once', async () => {
  const { chain, hub, auctions, orderOf, post, commit } = await openMarket()
  const [renter, provider] = [await hub.join(), await hub.join()]
  const wallet = await makeWallet(82)
  chain.funds.set(toHex(wallet), 10n ** 9n)
  chain.register(provider.publicKey, STAKE)
  let [orders, commitments] = [0, 0]
  auctions.onOrder(() => orders++)
  auctions.onCommitment(() => commitments++)
  const order = orderOf({ wallet })
  const { verdict, orderId } = await post(renter, order)
  assert.is(verdict, 'accept')
  assert.is((await post(renter, order)).verdict, 'ignore', 'a copy')
  assert.is((await post(renter, order, BIG)).verdict, 'accept')
  assert.is((await post(renter, order, BIG)).verdict, 'ignore', 'a copy there')
  assert.is(orders, 1)
  assert.is(await commit(provider, orderId, 1, CARD), 'accept')
  assert.is(await commit(provider, orderId, 1, BIG), 'accept')
  assert.is(await commit(provider, orderId, 1, BIG), 'ignore')
  assert.is(commitments, 1)
})

test('what belongs to another shard is rejected, and a heartbeat of two shards is passed on in both', async () => {
  const { chain, hub, heartbeats, orderOf, post, beat } = await openMarket([CARD, BIG, '8g/EU'])
  const [renter, provider] = [await hub.join(), await hub.join()]
  const wallet = await makeWallet(83)
  chain.funds.set(toHex(wallet), 10n ** 9n)
  chain.register(provider.publicKey, STAKE)
  assert.is((await post(renter, orderOf({ wallet }), '8g/EU')).verdict, 'reject')
  assert.is(await beat(provider, BIG), 'reject')
  let heard = 0
  heartbeats.onHeartbeat(() => heard++)
  const devices = [makeDevice(), makeDevice({ memoryBytes: 80n * 2n ** 30n })]
  assert.is(await beat(provider, CARD, { devices }), 'accept')
  assert.is(await beat(provider, BIG, { devices }), 'accept')
  assert.is(await beat(provider, BIG, { devices }), 'ignore')
  assert.is(heard, 1)
  assert.is(heartbeats.ofShard(BIG).length, 1)
  assert.is(heartbeats.ofShard('8g/EU').length, 0)
})

test('a chain that never answers costs a second, and a question is not asked twice at once', async () => {
  const clock = createVirtualClock()
  let asked = 0
  const lookup = createLookup<number>({
    ask: () => {
      asked++
      return new Promise(() => {})
    },
    freshMs: 1_000,
    clock,
    log: silentLog,
  })
  const answers = Promise.all(Array.from({ length: 5 }, () => lookup.get('one', () => true)))
  await clock.advance(1_001)
  assert.equal(await answers, [undefined, undefined, undefined, undefined, undefined])
  assert.is(asked, 1)
  const flood = Promise.all(Array.from({ length: 1_000 }, (_, index) => lookup.get(`${index}`, () => true)))
  await clock.advance(1_001)
  assert.is((await flood).filter((answer) => answer === undefined).length, 1_000)
  assert.is(asked, 16, 'so many wait for the chain at once')
})

test.run()
