import { generateKeyPair } from '@libp2p/crypto/keys'
import fc from 'fast-check'
import * as assert from 'uvu/assert'
import { sealBid } from '../../protocols/auction/bid.js'
import { hostsOf } from '../../protocols/auction/hosts.js'
import {
  AUCTION_LIMITS,
  commitmentOf,
  findMalformedResult,
  judgeBid,
  judgeOrder,
  type OrderRefusal,
  orderIdOf,
  phaseOf,
  prizeOf,
  shiftOf,
  windowsOf,
  winnersOf,
} from '../../protocols/auction/rules.js'
import { Announcement, Bid, Order, PricingRule, type Result } from '../../protocols/auction/wire.js'
import { toHex } from '../../protocols/bytes.js'
import { ENVELOPE_OVERHEAD_BYTES } from '../../protocols/envelope.js'
import { Requirements } from '../../protocols/inventory/wire.js'
import { U64_MAX } from '../../protocols/money.js'
import { peerIdFromSolanaKey } from '../../protocols/peer.js'
import {
  fill,
  MARKET,
  makeBid,
  makeOrder,
  makeRequirements,
  makeResult,
  makeRevealed,
  makeScoring,
  NOW,
} from '../support/messages.js'
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
  const scoring = makeScoring({ price: 1, stake: L.maxWeights - 1 })
  assert.is(judgeOrder(makeOrder({ scoring, count: L.maxCount, enough: L.maxBids }), FACTS), undefined)
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
    { count: 0 },
    { count: L.maxCount + 1 },
    { count: 1.5 },
    { enough: 0 },
    { count: 3, enough: 2 },
    { enough: L.maxBids + 1 },
    // Where the price counts for nothing, everybody would bid the ceiling.
    { scoring: makeScoring({ price: 0, stake: 1 }) },
    { scoring: makeScoring({ price: L.maxWeights, speed: 1 }) },
    { scoring: makeScoring({ latency: 2 ** 32 - 1 }) },
    { scoring: makeScoring({ stake: Number.NaN }) },
    // No devices cost nothing and are free everywhere.
    requiring({ devices: 0 }),
    { requirements: new Uint8Array(0) },
    { requirements: Uint8Array.of(255, 255, 255) },
  ],
  FOREIGN_MARKET: [{ market: fill(32, 8) }],
  CLOSED: [{ timeMs: NOW - 1_000 - L.maxSkewMs }, { timeMs: 0 }],
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

test('a clock that is ahead or behind judges an order by when it came, within the skew that clocks may have', () => {
  const order = makeOrder({ commitMs: 500, revealMs: 500 })
  const shift = (lateMs: number) => shiftOf(order, NOW + lateMs)
  assert.equal([0, 1, 499].map(shift), [0, 0, 0], 'in time: nothing is known of the clocks')
  assert.equal([500, 2_000, L.maxSkewMs].map(shift), [500, 2_000, L.maxSkewMs])
  assert.equal([L.maxSkewMs + 9, -1, -L.maxSkewMs - 9].map(shift), [L.maxSkewMs, -1, -L.maxSkewMs])
  for (const lateMs of [-L.maxSkewMs, -3_000, 2_000, L.maxSkewMs]) {
    const now = NOW + lateMs
    assert.is(judgeOrder(order, { ...FACTS, now }), undefined, `${lateMs} ms`)
    assert.is(phaseOf(order, now - shiftOf(order, now)), 'committing')
  }
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
    walletProof: fill(64, 9),
    walletUntilMs: NOW,
    sliceMs: 10_001,
    wallet: fill(32, 9),
    addresses: [],
    scoring: { price: 1, stake: 0, reliability: 0, speed: 0, latency: 0, exploration: 0 },
    count: 2,
    enough: 3,
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

const WINNER = peerIdFromSolanaKey(fill(32, 1))
const SECOND = peerIdFromSolanaKey(fill(32, 2))

test('a result names its winners, with what each is paid', () => {
  const winners = [
    { peer: WINNER, pricePerHour: 5n },
    { peer: SECOND, pricePerHour: 6n },
  ]
  const result = makeResult({ winner: WINNER, pricePerHour: 5n, winners, withheld: [SECOND] })
  assert.is(findMalformedResult(result), undefined)
  assert.is(findMalformedResult(makeResult()), undefined)
  assert.equal(winnersOf(result), winners)
  assert.is(prizeOf(result, SECOND), 6n)
  assert.is(prizeOf(result, 'somebody else'), undefined)
  assert.equal(winnersOf(makeResult()), [])
  assert.equal(winnersOf({ ...result, winners: [] }), [winners[0]], 'as earlier versions say it')
})

const RESULTS_MALFORMED: ReadonlyArray<Partial<Result>> = [
  { orderId: fill(31, 1) },
  { winner: 'nobody' },
  { winner: WINNER, pricePerHour: 5n, winners: [{ peer: SECOND, pricePerHour: 5n }] },
  { winner: WINNER, pricePerHour: 5n, winners: [{ peer: WINNER, pricePerHour: 6n }] },
  { winner: WINNER, winners: Array.from({ length: 2 }, () => ({ peer: WINNER, pricePerHour: 0n })) },
  {
    winner: WINNER,
    winners: Array.from({ length: L.maxCount + 1 }, () => ({ peer: WINNER, pricePerHour: 0n })),
  },
  { withheld: ['nobody'] },
  { withheld: Array.from({ length: L.maxBids + 1 }, () => WINNER) },
  { bids: Array.from({ length: L.maxBids + 1 }, () => makeRevealed()) },
  { bids: [makeRevealed({ owner: fill(31, 1) })] },
  { bids: [makeRevealed({ hosts: ['1.1.1.1', '1.1.1.2', '1.1.1.3'] })] },
  { bids: [makeRevealed({ hosts: ['x'.repeat(20)] })] },
]
test(`${RESULTS_MALFORMED.length} results are no results`, () => {
  for (const changes of RESULTS_MALFORMED) {
    assert.ok(findMalformedResult(makeResult(changes)) !== undefined, Object.keys(changes).join())
  }
})

test('a result with the most bids, every fact and every winner fits into an announcement', async () => {
  const key = await generateKeyPair('Ed25519')
  const { envelope } = await sealBid(makeBid({ pricePerHour: U64_MAX }), { peer: WINNER, privateKey: key })
  const bid = makeRevealed({
    envelope,
    outcome: 'STANDING_LOST: RESULT_BELOW_EXPECTATION',
    stake: U64_MAX,
    reliability: 10_000,
    leases: 2 ** 32 - 1,
    gflops: 2 ** 32 - 1,
    latencyMs: 2 ** 32 - 1,
    owner: fill(32, 255),
    hosts: ['2001:db88:1111:2222', '2001:db88:1111:2223'],
  })
  const winners = Array.from({ length: L.maxCount }, () => ({ peer: WINNER, pricePerHour: U64_MAX }))
  const bids = Array.from({ length: L.maxBids }, () => bid)
  const result = makeResult({ winner: WINNER, pricePerHour: U64_MAX, bids, winners, round: 127 })
  const bytes = Announcement.encode({ result }).length + ENVELOPE_OVERHEAD_BYTES
  assert.ok(bytes <= L.maxBytes, `${bytes} bytes`)
})

test('what a host is called: public networks only', () => {
  const hosts = hostsOf([
    '/ip4/93.184.216.34/tcp/4001/p2p/x',
    '/ip4/93.184.216.34/udp/4001/quic-v1',
    '/ip6/2001:db8:1:2:3:4:5:6/tcp/4001',
  ])
  assert.equal(hosts, ['2001:db8:1:2', '93.184.216.34'])
  assert.equal(hostsOf(['/ip6/2001:0DB8:1:2::9/tcp/1']), ['2001:db8:1:2'], 'one network, however it is spelt')
  const none = [
    '/ip4/127.0.0.1/tcp/1',
    '/ip4/10.1.2.3/tcp/1',
    '/ip4/100.64.9.9/tcp/1',
    '/ip4/169.254.1.1/tcp/1',
    '/ip4/172.31.255.255/tcp/1',
    '/ip4/192.168.1.1/tcp/1',
    '/ip4/239.1.1.1/tcp/1',
    '/ip4/1.2.3.4/tcp/1/p2p/x/p2p-circuit',
    '/ip4/1.2.3.256/tcp/1',
    '/ip4/01.2.3.4/tcp/1',
    '/ip6/::1/tcp/1',
    '/ip6/fe80::1/tcp/1',
    '/ip6/fd00::1/tcp/1',
    '/ip6/2001::1::2/tcp/1',
    '/ip6/2001:1/tcp/1',
    '/dns4/example.org/tcp/1',
    '',
  ]
  for (const address of none) assert.equal(hostsOf([address]), [], address)
  assert.is(hostsOf(Array.from({ length: 9 }, (_, at) => `/ip4/8.8.8.${at}/tcp/1`)).length, 2)
})

test.run()
