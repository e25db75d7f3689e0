import fc from 'fast-check'
import * as assert from 'uvu/assert'
import {
  areOne,
  award,
  type Candidate,
  FULL_MARK,
  marksOf,
  PROVEN_LEASES,
  rankBids,
  score,
} from '../../protocols/auction/award.js'
import { type Order, PricingRule } from '../../protocols/auction/wire.js'
import { Requirements } from '../../protocols/inventory/wire.js'
import { U64_MAX } from '../../protocols/money.js'
import { fill, makeOrder, makeRequirements, makeScoring } from '../support/messages.js'
import { suite } from '../support/suite.js'

const test = suite('who wins an auction, and for how much')
const ORDER_ID = fill(32, 4)
const { FIRST_PRICE, SECOND_PRICE } = PricingRule

function terms(changes: Partial<Order> = {}) {
  return { order: makeOrder(changes), orderId: ORDER_ID }
}

function bid(peer: string, pricePerHour: bigint, changes: Partial<Candidate> = {}): Candidate {
  return { peer, pricePerHour, stake: 0n, ...changes }
}

const CEILING = makeOrder().ceilingPricePerHour
const peer = fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f', 'g')
const figure = fc.option(fc.oneof(fc.nat(20), fc.nat(10_000)), { nil: undefined })
const candidate: fc.Arbitrary<Candidate> = fc.record({
  peer,
  pricePerHour: fc.oneof(fc.bigInt(1n, 4n), fc.bigInt(1n, CEILING)),
  stake: fc.oneof(fc.bigInt(0n, 2n), fc.bigInt(0n, U64_MAX)),
  reliability: figure,
  leases: figure,
  gflops: figure,
  latencyMs: figure,
  owner: fc.constantFrom(undefined, '', 'x', 'y'),
  hosts: fc.subarray(['1.1.1.1', '2.2.2.2']),
  excluded: fc.constantFrom(undefined, undefined, undefined, 'PRICE', ''),
})
/** One bid per peer, as the renter takes them. */
const candidates = fc.uniqueArray(candidate, { maxLength: 7, selector: ({ peer }) => peer })
const scoring = fc.option(
  fc.record({
    price: fc.integer({ min: 1, max: 100 }),
    stake: fc.nat(100),
    reliability: fc.nat(100),
    speed: fc.nat(100),
    latency: fc.nat(100),
    exploration: fc.nat(100),
  }),
  { nil: undefined },
)
const order = fc
  .record({
    pricing: fc.constantFrom(FIRST_PRICE, SECOND_PRICE),
    scoring,
    count: fc.integer({ min: 1, max: 4 }),
  })
  .map(({ scoring, ...rest }) => makeOrder({ ...rest, ...(scoring && { scoring }) }))

test('who wins, and for how much, does not depend on the order in which bids arrived', () => {
  const shuffled = candidates.chain((list) =>
    fc.tuple(
      fc.constant(list),
      fc.shuffledSubarray(list, { minLength: list.length, maxLength: list.length }),
    ),
  )
  fc.assert(
    fc.property(shuffled, order, ([list, other], order) => {
      const auction = { order, orderId: ORDER_ID }
      assert.equal(award(auction, other), award(auction, list))
    }),
  )
})

test('all winners qualify, stand apart, and no better bid that fits beside them is passed over; all or none', () => {
  let awarded = 0
  fc.assert(
    fc.property(candidates, order, (list, order) => {
      const auction = { order, orderId: ORDER_ID }
      const winners = award(auction, list)
      const ranked = rankBids(auction, list)
      const byPeer = new Map(ranked.map((each) => [each.peer, each]))
      if (winners.length === 0) return
      awarded++
      assert.is(winners.length, order.count)
      const chosen = winners.map(({ peer }) => byPeer.get(peer)!)
      assert.ok(chosen.every((each) => each !== undefined && each.excluded === undefined))
      chosen.forEach((each, at) => {
        for (const other of chosen.slice(at + 1)) assert.not(areOne(each, other))
      })
      const last = ranked.indexOf(chosen.at(-1)!)
      for (const passed of ranked.slice(0, last)) {
        if (chosen.includes(passed)) continue
        const better = chosen.filter((each) => ranked.indexOf(each) < ranked.indexOf(passed))
        assert.ok(
          better.some((each) => areOne(each, passed)),
          `${passed.peer} was passed over`,
        )
      }
    }),
    { numRuns: 500 },
  )
  assert.ok(awarded > 50)
})

test('fewer than the order asks for win nothing at all', () => {
  const list = [
    bid('a', 1n, { owner: 'x' }),
    bid('b', 2n, { owner: 'x' }),
    bid('c', 3n, { excluded: 'GFLOPS' }),
  ]
  assert.equal(award(terms({ count: 2 }), list), [])
  assert.is(award(terms({ count: 1 }), list).length, 1)
  assert.equal(award(terms(), []), [])
})

test('several winners have distinct owners and hosts; unknown owners and private hosts say nothing', () => {
  const list = [
    bid('a', 1n, { owner: 'x' }),
    bid('b', 2n, { owner: 'x' }),
    bid('c', 3n, { owner: '', hosts: ['1.1.1.1'] }),
    bid('d', 4n, { owner: 'y', hosts: ['2.2.2.2', '1.1.1.1'] }),
    bid('e', 5n, { owner: '', hosts: [] }),
  ]
  assert.equal(
    award(terms({ count: 3 }), list).map(({ peer }) => peer),
    ['a', 'c', 'e'],
  )
})

test('first price pays the bid; second price pays from the bid to the ceiling, to the same winners', () => {
  fc.assert(
    fc.property(candidates, order, (list, order) => {
      const pay = (pricing: PricingRule) => award({ order: { ...order, pricing }, orderId: ORDER_ID }, list)
      const [first, second] = [pay(FIRST_PRICE), pay(SECOND_PRICE)]
      assert.equal(
        first.map(({ peer }) => peer),
        second.map(({ peer }) => peer),
      )
      first.forEach(({ peer, pricePerHour }, at) => {
        assert.is(pricePerHour, list.find((each) => each.peer === peer)?.pricePerHour)
        assert.ok(second[at]!.pricePerHour >= pricePerHour)
        assert.ok(second[at]!.pricePerHour <= CEILING)
      })
    }),
    { numRuns: 500 },
  )
})

test('with the second price nobody gains by another bid: it wins below the price that it is paid, and loses above', () => {
  let tried = 0
  const owners = candidates.map((list) => list.map((each) => ({ ...each, owner: undefined })))
  fc.assert(
    fc.property(owners, order, fc.bigInt(1n, CEILING), (list, order, other) => {
      const auction = { order: { ...order, pricing: SECOND_PRICE }, orderId: ORDER_ID }
      for (const { peer, pricePerHour: paid } of award(auction, list)) {
        if (other === paid) continue
        const moved = list.map((each) => (each.peer === peer ? { ...each, pricePerHour: other } : each))
        const again = award(auction, moved).find((winner) => winner.peer === peer)
        tried++
        // A mark is a whole number: prices closer than a billionth of the ceiling may have the same.
        if (other < paid) assert.is(again?.pricePerHour, paid)
        else assert.is(again, undefined)
      }
    }),
    { numRuns: 1_000 },
  )
  assert.ok(tried > 100)
})

test('a bidder who got two bids in, or whose owner did, does not set its own second price', () => {
  const second = (list: Candidate[]) => award(terms({ pricing: SECOND_PRICE }), list)
  assert.equal(second([bid('a', 10n), bid('a', 900n), bid('b', 20n)]), [{ peer: 'a', pricePerHour: 20n }])
  assert.equal(second([bid('a', 10n), bid('a', 900n)]), [{ peer: 'a', pricePerHour: CEILING }])
  const owned = [bid('a', 10n, { owner: 'x' }), bid('b', 11n, { owner: 'x' }), bid('c', 20n, { owner: 'y' })]
  assert.equal(second(owned), [{ peer: 'a', pricePerHour: 20n }])
})

test('two winners are both paid the third price', () => {
  const list = [bid('a', 10n), bid('b', 20n), bid('c', 30n), bid('d', 40n)]
  assert.equal(award(terms({ count: 2, pricing: SECOND_PRICE }), list), [
    { peer: 'a', pricePerHour: 30n },
    { peer: 'b', pricePerHour: 30n },
  ])
})

test('who has signed stays, at the price that it has signed', () => {
  const list = [bid('a', 10n, { excluded: 'SILENT' }), bid('b', 20n), bid('c', 30n), bid('d', 40n)]
  const auction = terms({ count: 2, pricing: SECOND_PRICE })
  assert.equal(award(auction, list, new Map([['b', 25n]])), [
    { peer: 'b', pricePerHour: 25n },
    { peer: 'c', pricePerHour: 40n },
  ])
})

test('without a scoring rule the cheapest wins, then the higher stake, the longer conduct, the smaller name', () => {
  const first = (...list: Candidate[]) => award(terms(), list)[0]?.peer
  assert.is(first(bid('a', 11n, { stake: 9n, leases: 99, gflops: 9_999 }), bid('b', 10n)), 'b')
  assert.is(first(bid('a', 10n, { stake: 1n }), bid('b', 10n, { stake: 2n })), 'b')
  assert.is(first(bid('a', 10n, { leases: 3 }), bid('b', 10n, { leases: 4 })), 'b')
  assert.is(first(bid('b', 10n), bid('a', 10n)), 'a')
  assert.is(score(terms(), bid('a', 10n, { stake: 5n })), 0n)
})

test('each weight moves the award by the fact that it is for', () => {
  const better: ReadonlyArray<
    [Partial<ReturnType<typeof makeScoring>>, Partial<Candidate>, Partial<Candidate>]
  > = [
    [{ stake: 99 }, { stake: 5n }, { stake: 1_000_000n }],
    [{ reliability: 99 }, { reliability: 5_000 }, { reliability: 10_000 }],
    [{ speed: 99 }, { gflops: 1_000 }, { gflops: 40_000 }],
    [{ latency: 99 }, { latencyMs: 300 }, { latencyMs: 10 }],
    [{ latency: 99 }, {}, { latencyMs: 10 }],
  ]
  for (const [weights, plain, good] of better) {
    const list = [bid('a', 100_000n, plain), bid('b', 300_000n, good)]
    assert.is(award(terms(), list)[0]?.peer, 'a')
    assert.is(award(terms({ scoring: makeScoring(weights) }), list)[0]?.peer, 'b', Object.keys(weights)[0])
    const mostlyPrice = makeScoring({ ...weights, price: 9_000 })
    assert.is(award(terms({ scoring: mostlyPrice }), list)[0]?.peer, 'a', Object.keys(weights)[0])
  }
})

test('the marks of a worked example', () => {
  const requirements = Requirements.encode(makeRequirements({ minimumGflops: 10_000 }))
  const auction = terms({ requirements, scoring: makeScoring({ price: 70, reliability: 20, speed: 10 }) })
  const marks = marksOf(
    auction,
    bid('a', 250_000n, { stake: 500_000n, reliability: 9_000, leases: 12, gflops: 30_000, latencyMs: 100 }),
  )
  assert.equal(marks, {
    price: (FULL_MARK * 75n) / 100n,
    stake: FULL_MARK / 2n,
    reliability: (FULL_MARK * 90n) / 100n,
    speed: (FULL_MARK * 75n) / 100n,
    latency: FULL_MARK / 2n,
    exploration: 0n,
  })
})

test('the example of protocols/README.md', () => {
  const requirements = Requirements.encode(makeRequirements({ minimumGflops: 10_000 }))
  const scoring = makeScoring({ price: 70, reliability: 20, speed: 10 })
  const list = [
    bid('A', 250_000n, { reliability: 9_000, gflops: 30_000 }),
    bid('B', 200_000n, { gflops: 10_000 }),
    bid('C', 400_000n, { reliability: 10_000, gflops: 90_000 }),
  ]
  const order = { requirements, scoring }
  assert.equal(
    list.map((each) => (score(terms(order), each) * 10n) / FULL_MARK),
    [780n, 610n, 710n],
  )
  assert.equal(award(terms(order), list), [{ peer: 'A', pricePerHour: 250_000n }])
  assert.equal(award(terms({ ...order, pricing: SECOND_PRICE }), list), [
    { peer: 'A', pricePerHour: 350_000n },
  ])
})

test('a mark lies between nothing and the full mark, whatever a peer says of itself', () => {
  const wild = fc.option(fc.double({ noNaN: false }), { nil: undefined })
  const stranger = fc.record({
    reliability: wild,
    leases: wild,
    gflops: wild,
    latencyMs: wild,
    stake: fc.bigInt(),
  })
  fc.assert(
    fc.property(stranger, fc.bigInt(), (facts, pricePerHour) => {
      for (const mark of Object.values(marksOf(terms(), { peer: 'a', pricePerHour, ...facts }))) {
        assert.ok(mark >= 0n && mark <= FULL_MARK, `${mark}`)
      }
    }),
  )
})

test('the share for new providers is drawn by lot, evenly, and only among those without a record', () => {
  const scoring = makeScoring({ price: 90, exploration: 10 })
  const wins = new Map<string, number>()
  for (let at = 0; at < 600; at++) {
    const orderId = new Uint8Array(32)
    new DataView(orderId.buffer).setUint32(0, at)
    const list = [bid('a', 9n), bid('b', 9n), bid('c', 9n), bid('old', 9n, { leases: PROVEN_LEASES })]
    const winner = award({ order: makeOrder({ scoring }), orderId }, list)[0]!.peer
    wins.set(winner, (wins.get(winner) ?? 0) + 1)
  }
  assert.is(wins.get('old'), undefined)
  for (const name of ['a', 'b', 'c']) assert.ok((wins.get(name) ?? 0) > 150, `${name} won ${wins.get(name)}`)
  // Its lot is worth a tenth at most, so it does not beat a price that is better by more.
  const dear = bid('new', CEILING / 2n)
  assert.is(award(terms({ scoring }), [dear, bid('old', 1n, { leases: PROVEN_LEASES })])[0]?.peer, 'old')
})

test.run()
