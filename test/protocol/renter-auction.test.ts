import * as assert from 'uvu/assert'
import { type Admission, everybody } from '../../node/market/admission.js'
import { createAuctionTopic } from '../../node/market/announcements.js'
import { createHeartbeatTopic } from '../../node/market/heartbeats.js'
import { createAuctioneer } from '../../node/renter/auction.js'
import { createInventory } from '../../node/renter/inventory.js'
import { createStanding } from '../../node/renter/standing.js'
import { silentLog } from '../../node/system/log.js'
import { judgeResult } from '../../protocols/auction/audit.js'
import { revealProtocol } from '../../protocols/auction/protocol.js'
import { commitmentOf } from '../../protocols/auction/rules.js'
import { type Order, PricingRule, type Result } from '../../protocols/auction/wire.js'
import { seal } from '../../protocols/envelope.js'
import type { Refusal } from '../../protocols/errors.js'
import { Requirements } from '../../protocols/inventory/wire.js'
import { type Bidder, joinBidder, type Script } from '../support/bidder.js'
import { createVirtualClock } from '../support/clock.js'
import { createHub, type MemoryNetwork } from '../support/memory.js'
import { fill, MARKET, makeOrder, makeRequirements, makeScoring, NOW } from '../support/messages.js'
import { createMemoryEscrow, drive, openDisk } from '../support/renter.js'
import { suite } from '../support/suite.js'

const test = suite('the renter holds an auction')

async function hold(
  scripts: Script[],
  prepare: (bidders: Bidder[], lose: (peer: string) => Promise<void>) => Promise<void> = async () => {},
  changes: Partial<Order> = {},
  sources: Pick<Parameters<typeof createAuctioneer>[0], 'conductOf' | 'latencyOf'> = {},
  admission: Admission = everybody,
) {
  const disk = await openDisk()
  const clock = createVirtualClock(NOW)
  const escrow = createMemoryEscrow(clock)
  const hub = createHub()
  const network = await hub.join()
  const options = { network, market: MARKET, clock, log: silentLog }
  const heartbeats = createHeartbeatTopic(options)
  const topic = createAuctionTopic({ ...options, admission })
  const standing = createStanding({ store: disk.store, clock })
  const { engine } = network
  const inventory = createInventory({ heartbeats, engine, escrow, clock, log: silentLog, market: MARKET })
  const auctioneer = await createAuctioneer({
    self: network.peer,
    engine,
    topic,
    inventory,
    standing,
    remotesOf: network.remotes,
    clock,
    log: silentLog,
    ...sources,
  })
  const bidders: Bidder[] = []
  for (const script of scripts) bidders.push(await joinBidder(hub, { clock, escrow }, script))
  await prepare(bidders, (peer) => standing.lose(peer, 'OPENING_DIFFERS', true))
  const refusals: string[] = []
  const committed: string[] = []
  const doubts: string[] = []
  const events = {
    onOrdered: () => {},
    onDoubted: ({ refused }: Refusal) => void doubts.push(refused),
    onCommitted: (peer: string) => void committed.push(peer),
    onRefused: (_peer: string, _price: bigint, reason: string) => void refusals.push(reason),
  }
  const startedMs = clock.elapsed()
  const requirements = Requirements.encode(makeRequirements({ minimumStake: 10n }))
  const order = makeOrder({ timeMs: clock.now(), commitMs: 500, revealMs: 5_000, requirements, ...changes })
  const auction = await drive(clock, auctioneer.hold(order, events, new AbortController().signal))
  const tookMs = clock.elapsed() - startedMs
  await disk.remove()
  const excluded = (at: number) =>
    auction.bids.find(({ peer }) => peer === bidders[at]?.network.peer)?.excluded
  return { auction, auctioneer, refusals, committed, doubts, tookMs, bidders, excluded, clock, network }
}

test('it is over as soon as all who committed have revealed, and the cheapest wins', async () => {
  const { auction, auctioneer, tookMs, bidders, refusals, clock } = await hold([
    { pricePerHour: 300n },
    { pricePerHour: 200n },
    { pricePerHour: 250n },
  ])
  assert.is(auction.bids.length, 3)
  assert.ok(tookMs < 2_000, `${tookMs} ms`)
  assert.equal(refusals, [])
  const peers = bidders.map(({ network }) => network.peer)
  const results: string[] = []
  bidders[0]!.auctions.onResult(({ result }) => void results.push(`${result.round} ${result.winner}`))
  const failed = new Map<string, string>()
  const winners: Array<string | undefined> = []
  for (let round = 0; round < 4; round++) {
    const award = await drive(clock, auctioneer.announce(auction, round, failed))
    const [first] = award.winners
    winners.push(first?.bid.peer)
    if (first !== undefined) failed.set(first.bid.peer, 'TOO_SLOW')
  }
  assert.equal(winners, [peers[1], peers[2], peers[0], undefined])
  assert.equal(results, [`0 ${peers[1]}`, `1 ${peers[2]}`, `2 ${peers[0]}`, '3 '])
})

test('nobody bids, nobody is waited for', async () => {
  const { auction, tookMs } = await hold([])
  assert.equal(auction.bids, [])
  assert.ok(tookMs <= 600)
})

test('a renter whose order others do not pass on hears why, and the auction goes on', async () => {
  const poor = { ...everybody, canPay: async () => false, held: () => 1n }
  const { auction, doubts } = await hold([{ pricePerHour: 1n }], undefined, undefined, undefined, poor)
  assert.equal(doubts, ['OVERDRAWN'])
  assert.is(auction.bids.length, 1, 'who believes it may still bid')
  assert.equal((await hold([])).doubts, [])
})

test('who committed and does not reveal is waited for until the window is over, and no longer', async () => {
  const { auction, tookMs } = await hold([{ pricePerHour: 1n, reveal: async () => {} }, { pricePerHour: 2n }])
  assert.is(auction.bids.length, 1)
  assert.ok(tookMs >= 5_000 && tookMs < 6_500, `${tookMs} ms`)
})

test('a bid that is not the one that was committed to is refused, once and for all to see', async () => {
  const { auction, bidders, refusals } = await hold([
    {
      pricePerHour: 200n,
      reveal: async (reveal) => {
        for (let tries = 0; tries < 5; tries++) await reveal(100n)
      },
    },
  ])
  assert.equal(auction.bids, [])
  assert.equal(bidders[0]?.answers, Array(5).fill('COMMITMENT_DIFFERS'))
  assert.equal(refusals, ['COMMITMENT_DIFFERS'])
})

test('a second reveal changes nothing, nor does one after the auction', async () => {
  const { auction, bidders, refusals, clock } = await hold([
    { pricePerHour: 200n, reveal: async (reveal) => [await reveal(), await reveal(150n), await reveal()] },
    { pricePerHour: 300n, reveal: async () => {} },
    { pricePerHour: 9_999_999_999n },
  ])
  assert.equal(
    auction.bids.map(({ pricePerHour }) => pricePerHour),
    [200n],
  )
  assert.equal(bidders[0]?.answers, ['', 'COMMITMENT_DIFFERS', 'ALREADY_REVEALED'])
  assert.equal(refusals, ['ABOVE_CEILING'])
  assert.ok(clock.elapsed() > 0)
})

test('who has lost its standing, has no stake, or offers nothing is left out with the reason', async () => {
  const { excluded, tookMs, auction } = await hold(
    [{ pricePerHour: 1n }, { pricePerHour: 2n, offer: 'silent' }, { pricePerHour: 3n, offer: 'asked' }],
    async ([first], lose) => lose(first!.network.peer),
  )
  assert.is(auction.bids.length, 3)
  assert.is(excluded(0), 'STANDING_LOST: OPENING_DIFFERS')
  assert.is(excluded(1), 'OFFER_UNKNOWN')
  assert.is(excluded(2), undefined)
  assert.ok(tookMs < 4_000, `a silent bidder held it up for ${tookMs} ms`)
})

test('commitments and bids of somebody who is not asked change nothing', async () => {
  const { auction, refusals, committed } = await hold([{ pricePerHour: 200n }], async ([bidder]) => {
    await bidder!.network.inject('/nightshift/localnet/auction/1.0.0', new Uint8Array([1, 2, 3]))
  })
  assert.is(auction.bids.length, 1)
  assert.is(committed.length, 1)
  assert.equal(refusals, [])
})

test('enough bids close the auction before the others have revealed, and nobody is blamed for that', async () => {
  const late: Script = { pricePerHour: 100n, reveal: async () => {} }
  const { auction, tookMs } = await hold([{ pricePerHour: 300n }, { pricePerHour: 200n }, late], undefined, {
    enough: 2,
  })
  assert.is(auction.bids.length, 2)
  assert.ok(tookMs < 2_000, `${tookMs} ms`)
  assert.equal(auction.withheld, [])
})

test('a result carries every fact that it was decided by, and whoever saw the commitments finds it fair', async () => {
  const conduct: Record<string, { reliability: number; leases: number }> = {}
  const latency: Record<string, number> = {}
  const scoring = makeScoring({ price: 10, reliability: 60, latency: 30 })
  const commitments = new Map<string, Uint8Array>()
  const { auction, auctioneer, bidders, clock } = await hold(
    [{ pricePerHour: 300n }, { pricePerHour: 200n }, { pricePerHour: 100n }],
    async (bidders) => {
      const [good, fair, bad] = bidders.map(({ network }) => network.peer)
      Object.assign(conduct, {
        [good!]: { reliability: 0.99, leases: 40 },
        [fair!]: { reliability: 0.5, leases: 3 },
        [bad!]: { reliability: 0.1, leases: 9 },
      })
      Object.assign(latency, { [good!]: 20.5, [fair!]: 20, [bad!]: 400 })
      for (const { auctions } of bidders) {
        auctions.onCommitment(({ peer, hash }) => void commitments.set(peer, hash))
      }
    },
    { scoring, pricing: PricingRule.SECOND_PRICE },
    { conductOf: async (peer) => conduct[peer]!, latencyOf: async (peer) => latency[peer]! },
  )
  const results: Result[] = []
  bidders[1]!.auctions.onResult(({ result }) => void results.push(result))
  const { winners } = await drive(clock, auctioneer.announce(auction, 0, new Map()))
  assert.is(winners[0]?.bid.peer, bidders[0]!.network.peer)
  const result = results[0]!
  const facts = result.bids.map(({ reliability, leases, latencyMs, gflops, stake, owner }) => {
    assert.is(owner.length, 32)
    return [reliability, leases, latencyMs, gflops, stake]
  })
  assert.equal(
    facts.sort(([a], [b]) => Number(b) - Number(a)),
    [
      [9_900, 40, 21, 41_000, 1_000n],
      [5_000, 3, 20, 41_000, 1_000n],
      [1_000, 9, 400, 41_000, 1_000n],
    ],
  )
  const seen = { order: auction.order, orderId: auction.orderId, commitments }
  const audit = await judgeResult(seen, result)
  assert.equal(audit.findings, [])
  assert.ok(winners[0]!.pricePerHour > 300n, 'its better record is worth more than its bid')
})

test('what a bidder’s conduct or way is, is not waited for', async () => {
  const never = () => new Promise<never>(() => {})
  const { auction, tookMs } = await hold(
    [{ pricePerHour: 300n }],
    undefined,
    { scoring: makeScoring({ reliability: 1, latency: 1 }) },
    { conductOf: never, latencyOf: never },
  )
  assert.equal(
    auction.bids.map(({ excluded, reliability, latencyMs }) => [excluded, reliability, latencyMs]),
    [[undefined, undefined, undefined]],
  )
  assert.ok(tookMs < 3_000, `${tookMs} ms`)
})

/** A bid of any bytes, signed as bids are. */
const rawBid = (orderId: Uint8Array, price: number[], key: MemoryNetwork['privateKey']) => {
  const field = (number: number, bytes: Uint8Array) => [(number << 3) | 2, bytes.length, ...bytes]
  const rest = [...field(3, fill(32, 5)), ...field(4, fill(32, 6))]
  const payload = Uint8Array.of(...field(1, orderId), 2 << 3, ...price, ...rest)
  return seal({ word: 'auction/bid', payload, key }).then((bid) => ({ bid, payload }))
}

const PRICES: ReadonlyArray<[string, number[], string]> = [
  ['zero', [0], 'PRICE_OUT_OF_RANGE'],
  ['minus one', [...Array(9).fill(0xff), 0x01], 'ABOVE_CEILING'],
  ['beyond a u64', [...Array(9).fill(0xff), 0x7f], 'ABOVE_CEILING'],
  ['without an end', Array(12).fill(0xff), 'MALFORMED'],
]
for (const [what, price, refusal] of PRICES) {
  test(`a committed bid of ${what} is ${refusal}, and the auction goes on`, async () => {
    let answered: string | undefined
    const { auction } = await hold(
      [{ pricePerHour: 200n }, { pricePerHour: 1n, bids: false }],
      async (all) => {
        const { network, auctions } = all[1]!
        auctions.onOrder(async ({ orderId, peer }) => {
          const { bid, payload } = await rawBid(orderId, price, network.privateKey)
          await auctions.publish({ commitment: { orderId, hash: commitmentOf(network.peer, payload) } })
          do {
            await new Promise((resolve) => setTimeout(resolve, 1))
            answered = (await network.engine.request(revealProtocol, peer, { bid })).refused
          } while (answered === 'TOO_EARLY')
        })
      },
    )
    assert.is(answered, refusal)
    assert.equal(
      auction.bids.map(({ pricePerHour }) => pricePerHour),
      [200n],
    )
  })
}

test('a bid for an order that nobody made, without a commitment, in another’s name or too late is refused by name', async () => {
  const answers: string[] = []
  const honest: Script = { pricePerHour: 200n }
  const { bidders, auction, network } = await hold(
    [honest, { pricePerHour: 1n, bids: false }],
    async (all) => {
      const { network: stranger, auctions } = all[1]!
      auctions.onOrder(({ orderId, peer }) => {
        // After the others have committed, before they reveal.
        auctions.onCommitment(async () => {
          const ask = async (bid: Uint8Array) =>
            void answers.push((await stranger.engine.request(revealProtocol, peer, { bid })).refused)
          await ask((await rawBid(fill(32, 99), [5], stranger.privateKey)).bid)
          await ask((await rawBid(orderId, [5], all[0]!.network.privateKey)).bid)
          await ask(fill(100, 1))
        })
      })
    },
  )
  const late = await rawBid(auction.orderId, [5], bidders[1]!.network.privateKey)
  const { refused } = await bidders[1]!.network.engine.request(revealProtocol, network.peer, {
    bid: late.bid,
  })
  assert.equal([...answers, refused], ['UNKNOWN_ORDER', 'MALFORMED', 'ENVELOPE_MALFORMED', 'UNKNOWN_ORDER'])
  assert.is(auction.bids.length, 1)
})

test.run()
