import * as assert from 'uvu/assert'
import { createAuctionTopic } from '../../node/market/announcements.js'
import { createHeartbeatTopic } from '../../node/market/heartbeats.js'
import { createAuctioneer } from '../../node/renter/auction.js'
import { createInventory } from '../../node/renter/inventory.js'
import { createStanding } from '../../node/renter/standing.js'
import { silentLog } from '../../node/system/log.js'
import { Requirements } from '../../protocols/inventory/wire.js'
import { type Bidder, joinBidder, type Script } from '../support/bidder.js'
import { createVirtualClock } from '../support/clock.js'
import { createHub } from '../support/memory.js'
import { MARKET, makeOrder, makeRequirements, NOW } from '../support/messages.js'
import { createMemoryEscrow, drive, openDisk } from '../support/renter.js'
import { suite } from '../support/suite.js'

const test = suite('the renter holds an auction')

async function hold(
  scripts: Script[],
  prepare: (bidders: Bidder[], lose: (peer: string) => Promise<void>) => Promise<void> = async () => {},
) {
  const disk = await openDisk()
  const clock = createVirtualClock(NOW)
  const escrow = createMemoryEscrow(clock)
  const hub = createHub()
  const network = await hub.join()
  const options = { network, market: MARKET, clock, log: silentLog }
  const heartbeats = createHeartbeatTopic(options)
  const topic = createAuctionTopic(options)
  const standing = createStanding({ store: disk.store, clock })
  const { engine } = network
  const inventory = createInventory({ heartbeats, engine, escrow, clock, log: silentLog, market: MARKET })
  const auctioneer = await createAuctioneer({
    self: network.peer,
    engine,
    topic,
    inventory,
    standing,
    clock,
    log: silentLog,
  })
  const bidders: Bidder[] = []
  for (const script of scripts) bidders.push(await joinBidder(hub, { clock, escrow }, script))
  await prepare(bidders, (peer) => standing.lose(peer, 'OPENING_DIFFERS', true))
  const refusals: string[] = []
  const committed: string[] = []
  const events = {
    onOrdered: () => {},
    onCommitted: (peer: string) => void committed.push(peer),
    onRefused: (_peer: string, _price: bigint, reason: string) => void refusals.push(reason),
  }
  const startedMs = clock.elapsed()
  const requirements = Requirements.encode(makeRequirements({ minimumStake: 10n }))
  const order = makeOrder({ timeMs: clock.now(), commitMs: 500, revealMs: 5_000, requirements })
  const auction = await drive(clock, auctioneer.hold(order, events, new AbortController().signal))
  const tookMs = clock.elapsed() - startedMs
  await disk.remove()
  const excluded = (at: number) =>
    auction.bids.find(({ peer }) => peer === bidders[at]?.network.peer)?.excluded
  return { auction, auctioneer, refusals, committed, tookMs, bidders, excluded, clock }
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

test.run()
