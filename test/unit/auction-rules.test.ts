import fc from 'fast-check'
import * as assert from 'uvu/assert'
import {
  AUCTION_LIMITS,
  award,
  type Candidate,
  commitmentOf,
  judgeBid,
  judgeOrder,
  type OrderRefusal,
  orderIdOf,
  phaseOf,
  rankBids,
  windowsOf,
} from '../../protocols/auction/rules.js'
import { Bid, Order, PricingRule } from '../../protocols/auction/wire.js'
import { toHex } from '../../protocols/bytes.js'
import { Requirements } from '../../protocols/inventory/wire.js'
import { U64_MAX } from '../../protocols/money.js'
import { fill, MARKET, makeBid, makeOrder, makeRequirements, NOW } from '../support/messages.js'
import { suite } from '../support/suite.js'

const test = suite('auction rules')
const L = AUCTION_LIMITS
const FACTS = { now: NOW, market: MARKET }
const PEER = '12D3KooWPeer'

function requiring(changes: Partial<Requirements>): Partial<Order> {
  return { requirements: Requirements.encode(makeRequirements(changes)) }
}

test('a sane order is believed, also with everything at its limit', () => {
  assert.is(judgeOrder(makeOrder(), FACTS), undefined)
  const full = makeOrder({
    durationS: L.maxDurationS,
    sliceMs: 100,
    commitMs: L.maxWindowMs - 1,
    revealMs: 1,
    timeMs: NOW + L.maxSkewMs,
    addresses: Array.from({ length: L.maxAddresses }, () => 'x'.repeat(L.maxAddressChars)),
  })
  assert.is(judgeOrder(full, FACTS), undefined)
  assert.is(judgeOrder(makeOrder({ ceilingPricePerHour: U64_MAX }), FACTS), undefined)
})

const ORDERS_REFUSED: Readonly<Record<OrderRefusal, ReadonlyArray<Partial<Order>>>> = {
  MALFORMED: [
    { market: fill(31, 7) },
    { wallet: new Uint8Array(0) },
    { nonce: fill(15, 1) },
    { jobHash: fill(33, 1) },
    { timeMs: Number.NaN },
    { timeMs: Number.POSITIVE_INFINITY },
    { timeMs: 2 ** 53 },
    { ceilingPricePerHour: 0n },
    { ceilingPricePerHour: -1n },
    { ceilingPricePerHour: U64_MAX + 1n },
    { durationS: 0 },
    { durationS: L.maxDurationS + 1 },
    { durationS: Number.NaN },
    { sliceMs: 99 },
    { sliceMs: 3_600_001 },
    { sliceMs: Number.NaN },
    { commitMs: 0 },
    { revealMs: 0 },
    { commitMs: Number.NaN },
    { commitMs: L.maxWindowMs },
    { commitMs: 2 ** 32 - 1, revealMs: 2 ** 32 - 1 },
    { addresses: Array.from({ length: L.maxAddresses + 1 }, () => '') },
    { addresses: ['x'.repeat(L.maxAddressChars + 1)] },
    // A deposit beyond a u64 would be something else by the time it is on the chain.
    { ceilingPricePerHour: U64_MAX, durationS: 3_601 },
    { ceilingPricePerHour: U64_MAX / 2n, ...requiring({ devices: 3 }) },
    // No devices cost nothing and are free everywhere.
    requiring({ devices: 0 }),
    { requirements: new Uint8Array(0) },
    { requirements: Uint8Array.of(255, 255, 255) },
  ],
  FOREIGN_MARKET: [{ market: fill(32, 8) }],
  CLOSED: [{ timeMs: NOW - 1_000 }, { timeMs: 0 }],
  FROM_THE_FUTURE: [{ timeMs: NOW + L.maxSkewMs + 1 }, { timeMs: Number.MAX_SAFE_INTEGER }],
}
for (const [reason, rows] of Object.entries(ORDERS_REFUSED)) {
  test(`${reason} is what ${rows.length} orders are refused for`, () => {
    assert.ok(rows.length > 0)
    for (const changes of rows) {
      assert.is(judgeOrder(makeOrder(changes), FACTS)?.refused, reason, Object.keys(changes).join())
    }
  })
}

test('an auction goes from committing to revealing to closed and never back', () => {
  const phases = ['committing', 'revealing', 'closed']
  fc.assert(
    fc.property(fc.nat(60_000), fc.nat(60_000), fc.nat(200_000), fc.nat(200_000), (commit, reveal, a, b) => {
      const order = makeOrder({ commitMs: commit, revealMs: reveal })
      const [early, late] = a < b ? [a, b] : [b, a]
      assert.ok(phases.indexOf(phaseOf(order, NOW + early)) <= phases.indexOf(phaseOf(order, NOW + late)))
      const { commitUntil, revealUntil } = windowsOf(order)
      assert.is(phaseOf(order, revealUntil), 'closed')
      assert.is.not(phaseOf(order, commitUntil), 'committing')
    }),
  )
})

const ORDER = makeOrder()
const REVEALING = NOW + 700

function judge(changes: Partial<Bid>, facts: Partial<Parameters<typeof judgeBid>[2]> = {}) {
  const bid = makeBid(changes)
  const payload = Bid.encode(makeBid({ ...changes, pricePerHour: BigInt.asUintN(64, bid.pricePerHour) }))
  const commitment = commitmentOf(PEER, payload)
  return judgeBid(ORDER, bid, { now: REVEALING, peer: PEER, payload, commitment, revealed: false, ...facts })
}

test('the bid that was committed to is taken, up to the ceiling', () => {
  assert.is(judge({}), undefined)
  assert.is(judge({ pricePerHour: 1n }), undefined)
  assert.is(judge({ pricePerHour: ORDER.ceilingPricePerHour }), undefined)
})

type JudgedBid = NonNullable<ReturnType<typeof judgeBid>>['refused']
const BIDS_REFUSED: Readonly<Record<JudgedBid, ReadonlyArray<ReturnType<typeof judgeBid>>>> = {
  MALFORMED: [
    judge({ salt: fill(31, 1) }),
    judge({ salt: new Uint8Array(0) }),
    judge({ payout: fill(33, 1) }),
  ],
  TOO_EARLY: [judge({}, { now: NOW }), judge({}, { now: NOW + 499 }), judge({}, { now: 0 })],
  TOO_LATE: [judge({}, { now: NOW + 1_000 }), judge({}, { now: 2 ** 53 })],
  NO_COMMITMENT: [judge({}, { commitment: undefined })],
  COMMITMENT_DIFFERS: [
    judge({}, { commitment: fill(32, 0) }),
    judge({}, { commitment: new Uint8Array(0) }),
    judge({}, { peer: '12D3KooWOther' }),
    judge({}, { payload: Bid.encode(makeBid({ pricePerHour: 249_999n })) }),
  ],
  ALREADY_REVEALED: [judge({}, { revealed: true })],
  PRICE_OUT_OF_RANGE: [judge({ pricePerHour: 0n }), judge({ pricePerHour: U64_MAX + 1n })],
  ABOVE_CEILING: [judge({ pricePerHour: ORDER.ceilingPricePerHour + 1n }), judge({ pricePerHour: U64_MAX })],
}
for (const [reason, refusals] of Object.entries(BIDS_REFUSED)) {
  test(`${reason} is what ${refusals.length} bids are refused for`, () => {
    assert.ok(refusals.length > 0)
    for (const refusal of refusals) assert.is(refusal?.refused, reason)
  })
}

test('a commitment binds the peer and every field of the bid', () => {
  const base = toHex(commitmentOf(PEER, Bid.encode(makeBid())))
  const changes: ReadonlyArray<Partial<Bid>> = [
    { orderId: fill(32, 9) },
    { pricePerHour: 250_001n },
    { salt: fill(32, 9) },
    { payout: fill(32, 9) },
  ]
  assert.is(new Set(changes.flatMap(Object.keys)).size, Object.keys(makeBid()).length)
  for (const change of changes) {
    assert.is.not(toHex(commitmentOf(PEER, Bid.encode(makeBid(change)))), base)
  }
  assert.is.not(toHex(commitmentOf(`${PEER}x`, Bid.encode(makeBid()))), base)
})

test('an order and a commitment over the same bytes have different names', () => {
  fc.assert(
    fc.property(fc.string({ maxLength: 20 }), fc.uint8Array({ maxLength: 60 }), (peer, payload) => {
      assert.is.not(toHex(orderIdOf(peer, payload)), toHex(commitmentOf(peer, payload)))
    }),
  )
})

test('the name of an order changes with every field', () => {
  const other: Required<Order> = {
    market: fill(32, 9),
    nonce: fill(16, 9),
    timeMs: NOW + 1,
    requirements: Requirements.encode(makeRequirements({ devices: 2 })),
    ceilingPricePerHour: 1n,
    durationS: 3_601,
    commitMs: 501,
    revealMs: 501,
    pricing: PricingRule.SECOND_PRICE,
    jobHash: fill(32, 9),
    sliceMs: 10_001,
    wallet: fill(32, 9),
    addresses: [],
  }
  const names = new Set([toHex(orderIdOf('peer', Order.encode(makeOrder())))])
  for (const field of Object.keys(other) as Array<keyof Order>) {
    names.add(toHex(orderIdOf('peer', Order.encode(makeOrder({ [field]: other[field] })))))
  }
  assert.is(names.size, Object.keys(other).length + 1)
})

test('a pricing rule that this version does not know is not decoded', () => {
  assert.throws(() => Order.decode(Uint8Array.of(...Order.encode(makeOrder()), 9 << 3, 7)))
})

const peer = fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f', '')
const candidate: fc.Arbitrary<Candidate> = fc.record({
  peer,
  pricePerHour: fc.oneof(fc.bigInt(1n, 4n), fc.bigInt(1n, 1_000_000n)),
  stake: fc.oneof(fc.bigInt(0n, 2n), fc.bigInt(0n, U64_MAX)),
  excluded: fc.constantFrom(undefined, undefined, 'PRICE', ''),
})
const candidates = fc.array(candidate, { maxLength: 12 })
const pricing = fc.constantFrom(PricingRule.FIRST_PRICE, PricingRule.SECOND_PRICE)

test('who wins does not depend on the order in which bids arrived', () => {
  fc.assert(
    fc.property(
      candidates.chain((list) =>
        fc.tuple(
          fc.constant(list),
          fc.shuffledSubarray(list, { minLength: list.length, maxLength: list.length }),
        ),
      ),
      pricing,
      ([list, shuffled], rule) => {
        const order = makeOrder({ pricing: rule })
        assert.equal(award(order, shuffled), award(order, list))
      },
    ),
  )
})

test('the winner is qualified, nobody qualified is cheaper, and somebody wins when anybody qualifies', () => {
  let awarded = 0
  fc.assert(
    fc.property(candidates, pricing, (list, rule) => {
      const won = award(makeOrder({ pricing: rule }), list)
      const qualified = list.filter(({ excluded }) => excluded === undefined)
      assert.is(won === undefined, qualified.length === 0)
      if (won === undefined) return
      awarded++
      const [best] = rankBids(list)
      assert.is(won.winner, best!.peer)
      assert.ok(qualified.includes(best!))
      assert.ok(qualified.every(({ pricePerHour }) => pricePerHour >= best!.pricePerHour))
    }),
  )
  assert.ok(awarded > 10)
})

test('the first price is the bid; the second is at least the bid and at most the ceiling', () => {
  fc.assert(
    fc.property(candidates, (list) => {
      const first = award(makeOrder({ pricing: PricingRule.FIRST_PRICE }), list)
      const second = award(makeOrder({ pricing: PricingRule.SECOND_PRICE }), list)
      assert.is(first?.winner, second?.winner)
      if (first === undefined || second === undefined) return
      assert.is(first.pricePerHour, rankBids(list)[0]!.pricePerHour)
      assert.ok(second.pricePerHour >= first.pricePerHour)
      assert.ok(second.pricePerHour <= makeOrder().ceilingPricePerHour)
    }),
  )
})

test('a bidder who got two bids in does not set its own second price', () => {
  const bid = (name: string, pricePerHour: bigint): Candidate => ({ peer: name, pricePerHour, stake: 0n })
  const order = makeOrder({ pricing: PricingRule.SECOND_PRICE })
  const won = award(order, [bid('a', 10n), bid('a', 900n), bid('b', 20n)])
  assert.equal(won, { winner: 'a', pricePerHour: 20n })
  assert.equal(award(order, [bid('a', 10n), bid('a', 900n)])?.pricePerHour, order.ceilingPricePerHour)
})

test('the higher stake wins among equal prices, then the smaller name', () => {
  const bid = (name: string, stake: bigint): Candidate => ({ peer: name, pricePerHour: 10n, stake })
  assert.is(award(makeOrder(), [bid('a', 1n), bid('b', 2n)])?.winner, 'b')
  assert.is(award(makeOrder(), [bid('b', 1n), bid('a', 1n)])?.winner, 'a')
})

test.run()
