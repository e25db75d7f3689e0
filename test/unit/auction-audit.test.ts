import { generateKeyPair } from '@libp2p/crypto/keys'
import * as assert from 'uvu/assert'
import { FINDINGS, type Finding, judgeResult, type SeenAuction } from '../../protocols/auction/audit.js'
import { award, type Candidate } from '../../protocols/auction/award.js'
import { sealBid } from '../../protocols/auction/bid.js'
import { type Order, PricingRule, type Result } from '../../protocols/auction/wire.js'
import { fromHex } from '../../protocols/bytes.js'
import type { NodeKey } from '../../protocols/envelope.js'
import { peerIdFromSolanaKey } from '../../protocols/peer.js'
import { fill, makeBid, makeOrder, makeResult, makeScoring } from '../support/messages.js'
import { suite } from '../support/suite.js'

const test = suite('a published result is audited')
const ORDER_ID = fill(32, 4)
const { SECOND_PRICE } = PricingRule

interface Bidder {
  peer: string
  privateKey: NodeKey
}

const BIDDERS: Bidder[] = await Promise.all(
  Array.from({ length: 4 }, async () => {
    const privateKey = await generateKeyPair('Ed25519')
    return { peer: peerIdFromSolanaKey(privateKey.publicKey.raw), privateKey }
  }),
)
const PRICES = [300n, 100n, 200n, 400n]

/** Everybody commits and reveals; the renter publishes what the rules give, with the facts that it says it has. */
async function hold(
  changes: Partial<Order> = {},
  facts: ReadonlyArray<Partial<Candidate>> = [],
): Promise<{ seen: SeenAuction & { commitments: Map<string, Uint8Array> }; result: Result }> {
  const order = makeOrder(changes)
  const commitments = new Map<string, Uint8Array>()
  const bids: Array<Candidate & { envelope: Uint8Array }> = []
  for (const [at, bidder] of BIDDERS.entries()) {
    const pricePerHour = PRICES[at]!
    const sealed = await sealBid(makeBid({ orderId: ORDER_ID, pricePerHour, salt: fill(32, at) }), bidder)
    commitments.set(bidder.peer, sealed.commitment)
    bids.push({ peer: bidder.peer, pricePerHour, stake: 1_000n, envelope: sealed.envelope, ...facts[at] })
  }
  const winners = award({ order, orderId: ORDER_ID }, bids)
  const named = winners.map(({ peer }) => peer)
  const result = makeResult({
    orderId: ORDER_ID,
    winner: winners[0]?.peer ?? '',
    pricePerHour: winners[0]?.pricePerHour ?? 0n,
    winners,
    bids: bids.map(({ peer, envelope, stake, owner = '', hosts = [], excluded, ...rest }) => ({
      envelope,
      stake,
      owner: fromHex(owner),
      hosts: [...hosts],
      outcome: excluded ?? (named.includes(peer) ? 'won' : 'qualified'),
      reliability: rest.reliability,
      leases: rest.leases,
      gflops: rest.gflops,
      latencyMs: rest.latencyMs,
    })),
  })
  return { seen: { order, orderId: ORDER_ID, commitments }, result }
}

const RULES: ReadonlyArray<[string, Partial<Order>, ReadonlyArray<Partial<Candidate>>?]> = [
  ['the cheapest', {}],
  ['second price', { pricing: SECOND_PRICE }],
  ['two winners', { count: 2 }],
  ['two winners at the third price', { count: 2, pricing: SECOND_PRICE }],
  [
    'weights',
    { scoring: makeScoring({ price: 1, reliability: 50, speed: 20, exploration: 5 }), pricing: SECOND_PRICE },
    [{ reliability: 9_000, leases: 40, gflops: 10 }, { reliability: 100, leases: 50 }, {}, { latencyMs: 4 }],
  ],
  ['one owner twice', { count: 2 }, [{}, { owner: 'aa'.repeat(32) }, { owner: 'aa'.repeat(32) }]],
  ['nobody, for too few', { count: 4 }, [{ owner: 'aa'.repeat(32) }, { owner: 'aa'.repeat(32) }]],
]
for (const [name, changes, facts] of RULES) {
  test(`an honest result is fair: ${name}`, async () => {
    const { seen, result } = await hold(changes, facts)
    const audit = await judgeResult(seen, result)
    assert.equal(audit.findings, [])
    assert.is(audit.verdict, 'fair')
    assert.is(audit.bids.length, 4)
    assert.equal(audit.winners, result.winners)
  })
}

type Tamper = (result: Result, seen: Awaited<ReturnType<typeof hold>>['seen']) => void

const swapWinner: Tamper = (result) => {
  const loser = BIDDERS[0]!.peer
  result.winner = loser
  result.pricePerHour = 300n
  result.winners = [{ peer: loser, pricePerHour: 300n }]
  result.bids[0]!.outcome = 'won'
  result.bids[1]!.outcome = 'qualified'
}
const dropBid: Tamper = (result) => {
  result.bids.splice(0, 1)
}

const TAMPERED: Readonly<
  Record<keyof typeof FINDINGS, ReadonlyArray<[Partial<Order>, Tamper, Finding['code'][]]>>
> = {
  FOREIGN_RESULT: [[{}, (result) => void (result.orderId = fill(32, 9)), ['FOREIGN_RESULT']]],
  BID_UNREADABLE: [
    [{}, (result) => void (result.bids[0]!.envelope = fill(200, 3)), ['BID_UNREADABLE', 'LEFT_OUT']],
  ],
  BID_TWICE: [[{}, (result) => void result.bids.push(result.bids[0]!), ['BID_TWICE']]],
  BID_DIFFERS: [[{}, (_, seen) => void seen.commitments.set(BIDDERS[0]!.peer, fill(32, 1)), ['BID_DIFFERS']]],
  BID_OUT_OF_RANGE: [[{ ceilingPricePerHour: 350n }, () => {}, ['BID_OUT_OF_RANGE']]],
  BID_DENIED: [
    [
      {},
      (result, seen) => {
        dropBid(result, seen)
        result.withheld = [BIDDERS[0]!.peer]
        seen.revealedBy = BIDDERS[0]!.peer
      },
      ['BID_DENIED'],
    ],
  ],
  WRONG_WINNER: [
    [{}, swapWinner, ['WRONG_WINNER']],
    [
      {},
      (result) => {
        Object.assign(result, { winner: '', pricePerHour: 0n, winners: [] })
        result.bids[1]!.outcome = 'qualified'
      },
      ['WRONG_WINNER'],
    ],
    [
      {},
      (result) => {
        const stranger = peerIdFromSolanaKey(fill(32, 8))
        Object.assign(result, { winner: stranger, winners: [{ peer: stranger, pricePerHour: 100n }] })
        result.bids[1]!.outcome = 'qualified'
      },
      ['WRONG_WINNER', 'WRONG_WINNER'],
    ],
  ],
  WRONG_PRICE: [
    [{}, (result) => void (result.winners[0]!.pricePerHour = 99n), ['WRONG_PRICE']],
    [{ pricing: SECOND_PRICE }, (result) => void (result.winners[0]!.pricePerHour = 150n), ['WRONG_PRICE']],
    [
      { count: 2, pricing: SECOND_PRICE },
      (result) => void (result.winners[0]!.pricePerHour = 150n),
      ['WRONG_PRICE'],
    ],
  ],
  WRONG_COUNT: [
    [
      { count: 2 },
      (result) => {
        result.winners.pop()
        result.bids[2]!.outcome = 'qualified'
      },
      ['WRONG_COUNT', 'WRONG_WINNER'],
    ],
  ],
  WRONG_OUTCOME: [[{}, (result) => void (result.bids[0]!.outcome = 'won'), ['WRONG_OUTCOME']]],
  BID_UNSEEN: [[{}, (_, seen) => void seen.commitments.delete(BIDDERS[0]!.peer), ['BID_UNSEEN']]],
  LEFT_OUT: [[{}, dropBid, ['LEFT_OUT']]],
  EXCLUDED: [
    [
      {},
      (result, seen) => {
        swapWinner(result, seen)
        result.bids[1]!.outcome = 'MEMORY'
        result.bids[2]!.outcome = 'MEMORY'
      },
      ['EXCLUDED', 'EXCLUDED'],
    ],
  ],
  EARLIER_PRICE: [
    [
      { count: 2, pricing: SECOND_PRICE },
      (result) => {
        result.round = 1
        result.winners[0]!.pricePerHour = 150n
      },
      ['EARLIER_PRICE'],
    ],
  ],
  WITHHELD: [
    [
      {},
      (result, seen) => {
        dropBid(result, seen)
        result.withheld = [BIDDERS[0]!.peer]
      },
      ['WITHHELD'],
    ],
  ],
  CLOSED_EARLY: [[{ enough: 3 }, dropBid, ['CLOSED_EARLY']]],
}

for (const [code, rows] of Object.entries(TAMPERED)) {
  test(`${code} is found in ${rows.length} results`, async () => {
    assert.ok(rows.length > 0)
    for (const [changes, tamper, expected] of rows) {
      const { seen, result } = await hold(changes)
      tamper(result, seen)
      const audit = await judgeResult(seen, result)
      assert.equal(audit.findings.map((found) => found.code).sort(), [...expected].sort())
      const weights = audit.findings.map(({ weight }) => weight)
      const worst =
        (['unfair', 'cheated', 'unproven'] as const).find((each) => weights.includes(each)) ?? 'fair'
      assert.is(audit.verdict, worst)
      assert.ok(audit.findings.every((found) => found.weight === FINDINGS[found.code] && found.detail !== ''))
    }
  })
}

test('an order that asks for several accepts that whoever has signed stays beside a better bid of its owner', async () => {
  const { seen, result } = await hold({ count: 2 }, [
    {},
    { owner: 'aa'.repeat(32) },
    { owner: 'aa'.repeat(32) },
  ])
  // Round 1: the third (200) signed in place of the second (100), which comes back into the list as qualified.
  result.round = 1
  result.winners = [
    { peer: BIDDERS[2]!.peer, pricePerHour: 200n },
    { peer: BIDDERS[0]!.peer, pricePerHour: 300n },
  ]
  Object.assign(result, { winner: BIDDERS[2]!.peer, pricePerHour: 200n })
  result.bids[1]!.outcome = 'qualified'
  result.bids[2]!.outcome = 'won'
  assert.is((await judgeResult(seen, result)).verdict, 'fair')
  assert.is((await judgeResult(seen, { ...result, round: 0 })).verdict, 'unfair')
})

test.run()
