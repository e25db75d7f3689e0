import { generateKeyPair } from '@libp2p/crypto/keys'
import * as assert from 'uvu/assert'
import { sealAnnouncement } from '../../node/market/announcements.js'
import { createNewest } from '../../node/market/newest.js'
import { auctionRecordRules, sealParts } from '../../node/market/records.js'
import type { RecordRules } from '../../node/net/ports.js'
import { systemRandom } from '../../node/system/random.js'
import { sealBid } from '../../protocols/auction/bid.js'
import type { Result } from '../../protocols/auction/wire.js'
import { equal, toHex } from '../../protocols/bytes.js'
import { topicName } from '../../protocols/descriptor.js'
import type { NodeKey } from '../../protocols/envelope.js'
import { peerIdFromSolanaKey } from '../../protocols/peer.js'
import { startWatcher, type Watcher } from '../support/auction.js'
import { fill, makeResult, makeRevealed } from '../support/messages.js'
import { eventually, startNetwork } from '../support/network.js'
import { suite } from '../support/suite.js'

const test = suite('auctions for those who were not there')

const SHORT = { commitMs: 5_000, revealMs: 500 }

async function within(count: number, body: (...watchers: Watcher[]) => Promise<void>): Promise<void> {
  const watchers: Watcher[] = []
  try {
    for (let index = 0; index < count; index++) watchers.push(await startWatcher(watchers.slice(0, 1)))
    const topic = topicName('testing', 'auction')
    for (const { network } of watchers) await eventually(() => network.gossip.peers(topic).length > 0)
    await eventually(() => watchers[0]!.network.gossip.peers(topic).length === count - 1)
    await body(...watchers)
  } finally {
    await Promise.all(watchers.map((watcher) => watcher.stop()))
  }
}

const commit = ({ topic }: Watcher, orderId: Uint8Array) =>
  topic.publish({ commitment: { orderId, hash: systemRandom.bytes(32) } })

const resultOf = (orderId: Uint8Array, change: Partial<Result> = {}): Result =>
  makeResult({ orderId, winner: '', pricePerHour: 0n, ...change })

test('who was not there asks one that was, and gets everything but the time', async () => {
  await within(2, async (renter, neighbour) => {
    const { orderId } = await renter.order(SHORT)
    await eventually(() => neighbour.history.get(orderId) !== undefined)
    await commit(neighbour, orderId)
    await renter.topic.publish({ result: resultOf(orderId) })
    await eventually(() => neighbour.history.get(orderId)?.results.length === 1)
    const late = await startWatcher([neighbour])
    try {
      await eventually(() => late.network.peers().includes(neighbour.network.peer))
      assert.is(await late.logs.ask(neighbour.network.peer, orderId), true)
      const record = late.history.get(orderId)!
      assert.is(record.peer, renter.network.peer)
      assert.equal(
        record.commitments.map(({ peer, receivedAtMs }) => [peer, receivedAtMs]),
        [[neighbour.network.peer, undefined]],
      )
      assert.is(record.results.length, 1)
      assert.is(await late.logs.ask(neighbour.network.peer, orderId), false, 'nothing is new')
      assert.is(await late.logs.ask(neighbour.network.peer, fill(32, 8)), false, 'nobody knows of it')
    } finally {
      await late.stop()
    }
  })
})

/** Bids of as many providers as an auction takes: four records' worth. */
async function manyBids(orderId: Uint8Array): Promise<Result['bids']> {
  const author = await makeAuthor()
  const bids: Result['bids'] = []
  for (let index = 0; index < 128; index++) {
    const bid = {
      orderId,
      pricePerHour: BigInt(index + 1),
      salt: systemRandom.bytes(32),
      payout: fill(32, 1),
    }
    bids.push({
      envelope: (await sealBid(bid, author)).envelope,
      outcome: 'qualified',
      stake: 5n,
      owner: fill(32, 2),
      hosts: [],
    })
  }
  return bids
}

/** An author without a node. */
async function makeAuthor(): Promise<{ peer: string; privateKey: NodeKey }> {
  const privateKey = await generateKeyPair('Ed25519')
  return { peer: peerIdFromSolanaKey(privateKey.publicKey.raw), privateKey }
}

test('who comes when all is over finds order, commitment and result in the table, 128 bids and all', async () => {
  await within(4, async (renter, provider, ...others) => {
    const { orderId, envelope } = await renter.order(SHORT)
    await eventually(() => provider!.history.get(orderId) !== undefined)
    const { envelope: commitment } = await commit(provider!, orderId)
    const bids = await manyBids(orderId)
    const { envelope: result } = await renter.topic.publish({ result: resultOf(orderId, { bids }) })
    assert.ok(result.length > 16_384, `${result.length} bytes are more than one record`)
    await eventually(() => renter.records.pending() === 0 && provider!.records.pending() === 0)
    const late = await startWatcher([others[0]!])
    try {
      await eventually(() => late.network.peers().length > 1)
      assert.is(late.history.get(orderId), undefined, 'gossip and neighbours tell nothing of what is over')
      const found = async () => {
        const [order, promise, outcome] = await Promise.all([
          late.records.order(orderId),
          late.records.commitment(orderId, provider!.network.peer),
          late.records.result(orderId, renter.network.peer),
        ])
        return order && promise && outcome ? [order, promise, outcome] : undefined
      }
      await eventually(async () => (await found()) !== undefined)
      assert.equal(await found(), [envelope, commitment, result])
      for (const each of [envelope, commitment, result]) assert.ok(await late.history.add(each))
      assert.is(late.history.get(orderId)?.commitments[0]?.receivedAtMs, undefined, 'nobody here saw when')
      assert.is(await late.records.commitment(orderId, renter.network.peer), undefined)
      assert.ok(await late.logs.ask(renter.network.peer, orderId).then((isNew) => !isNew))
    } finally {
      await late.stop()
    }
  })
})

const bidOf = async (bidder: Watcher, orderId: Uint8Array, pricePerHour: bigint) => {
  const bid = { orderId, pricePerHour, salt: systemRandom.bytes(32), payout: fill(32, 1) }
  const { envelope, commitment } = await sealBid(bid, bidder.network)
  await bidder.topic.publish({ commitment: { orderId, hash: commitment } })
  return (outcome: string) => makeRevealed({ envelope, outcome })
}

test('every loser can audit: a fair auction is fair to all, and whoever came late says what it cannot know', async () => {
  await within(3, async (renter, winner, loser) => {
    const { orderId } = await renter.order(SHORT)
    for (const { history } of [winner!, loser!]) await eventually(() => history.get(orderId) !== undefined)
    const bids = [
      (await bidOf(winner!, orderId, 200n))('won'),
      (await bidOf(loser!, orderId, 300n))('qualified'),
    ]
    for (const { history } of [renter, winner!, loser!]) {
      await eventually(() => history.get(orderId)?.commitments.length === 2)
    }
    const { peer } = winner!.network
    await renter.topic.publish({ result: resultOf(orderId, { bids, winner: peer, pricePerHour: 200n }) })
    for (const { history, auditor } of [renter, winner!, loser!]) {
      await eventually(() => history.get(orderId)?.results.length === 1)
      const audit = await auditor.audit(orderId)
      assert.is(audit.verdict, 'fair', JSON.stringify(audit.findings))
      assert.equal(audit.winners, [{ peer, pricePerHour: 200n }])
      assert.equal(
        audit.bids.map(({ pricePerHour, outcome }) => [pricePerHour, outcome]),
        [
          [200n, 'won'],
          [300n, 'qualified'],
        ],
      )
    }
    const late = await startWatcher([loser!])
    try {
      await eventually(() => late.network.peers().includes(loser!.network.peer))
      const audit = await late.auditor.audit(orderId)
      assert.is(audit.verdict, 'fair', JSON.stringify(audit.findings))
      assert.match(audit.unchecked.join('; '), '2 commitments were handed over later')
      assert.is((await late.auditor.audit(fill(32, 9))).verdict, 'unknown')
    } finally {
      await late.stop()
    }
  })
})

test('a dearer winner, a bid left out and two results of one round are found by whoever looks', async () => {
  await within(3, async (renter, cheap, dear) => {
    const { orderId } = await renter.order(SHORT)
    for (const { history } of [cheap!, dear!]) await eventually(() => history.get(orderId) !== undefined)
    const cheaper = await bidOf(cheap!, orderId, 200n)
    const dearer = (await bidOf(dear!, orderId, 300n))('won')
    for (const { history } of [renter, cheap!, dear!]) {
      await eventually(() => history.get(orderId)?.commitments.length === 2)
    }
    const won = { winner: dear!.network.peer, pricePerHour: 300n }
    await renter.topic.publish({ result: resultOf(orderId, { bids: [dearer], ...won }) })
    await eventually(() => cheap!.history.get(orderId)?.results.length === 1)
    const leftOut = await cheap!.auditor.audit(orderId)
    assert.is(leftOut.verdict, 'unproven')
    assert.equal(
      leftOut.findings.map(({ code, peer }) => [code, peer]),
      [['LEFT_OUT', cheap!.network.peer]],
    )
    const both = { bids: [cheaper('qualified'), dearer], round: 1, ...won }
    await renter.topic.publish({ result: resultOf(orderId, both) })
    await eventually(() => cheap!.history.get(orderId)?.results.length === 2)
    const unfair = await cheap!.auditor.audit(orderId)
    assert.is(unfair.verdict, 'unfair')
    assert.ok(unfair.findings.some(({ code, round }) => code === 'WRONG_WINNER' && round === 1))
    const other = resultOf(orderId, { ...both, bids: [dearer] })
    const second = await sealAnnouncement({ result: other }, renter.network.privateKey)
    assert.ok(await cheap!.history.add(second.envelope), 'somebody hands it over')
    const twice = await cheap!.auditor.audit(orderId)
    assert.ok(twice.findings.some(({ code, weight }) => code === 'RESULT_TWICE' && weight === 'unfair'))
  })
})

const STALE: RecordRules = { validate: () => true, select: () => 0 }

test(
  'a result that is rolled back in the table stays rolled back nowhere, and one that is forged is not taken',
  async () => {
    await within(5, async (renter, ...others) => {
      const { orderId } = await renter.order(SHORT)
      await eventually(() => others.every(({ history }) => history.get(orderId) !== undefined))
      const { envelope: first } = await renter.topic.publish({ result: resultOf(orderId) })
      await eventually(() => renter.records.pending() === 0)
      await eventually(
        async () => (await others[0]!.records.result(orderId, renter.network.peer)) !== undefined,
      )
      const { envelope: second } = await renter.topic.publish({ result: resultOf(orderId, { round: 1 }) })
      const newest = async ({ records }: Watcher) => records.result(orderId, renter.network.peer)
      for (const watcher of others) {
        await eventually(async () => equal((await newest(watcher)) ?? new Uint8Array(), second))
      }
      const key = `result/${toHex(orderId)}/${renter.network.peer}/0`
      const [old] = await sealParts(renter.network.privateKey, { orderId, round: 0, result: first })
      const rollers = await Promise.all(
        [0, 1].map(() => startNetwork({ bootstrap: renter.network.addresses() })),
      )
      try {
        for (const roller of rollers) {
          await eventually(() => roller.peers().length > 0)
          // Neither takes the better one when somebody corrects it.
          roller.dht.registerRecord('result', { ...STALE, validate: (_key, value) => equal(value, old!) })
          await roller.dht.put(key, old!).catch(() => {})
        }
        for (const watcher of [renter, ...others]) assert.equal(await newest(watcher), second)
        const [forger] = rollers
        forger!.dht.registerRecord('result', STALE)
        const lie = await sealAnnouncement({ result: resultOf(orderId, { round: 9 }) }, forger!.privateKey)
        const [forged] = await sealParts(forger!.privateKey, { orderId, round: 9, result: lie.envelope })
        await forger!.dht.put(key, forged!).catch(() => {})
        for (const watcher of [renter, ...others]) assert.equal(await newest(watcher), second)
      } finally {
        await Promise.all(rollers.map((roller) => roller.stop()))
      }
    })
  },
  { timeoutMs: 120_000 },
)

test('a record is taken only under the key that its content and its author give it', async () => {
  const [author, other] = [await makeAuthor(), await makeAuthor()]
  const rules = auctionRecordRules()
  const order = toHex(fill(32, 3))
  const commitment = await sealAnnouncement(
    { commitment: { orderId: fill(32, 3), hash: fill(32, 1) } },
    author.privateKey,
  )
  assert.is(await rules.commitment.validate(`${order}/${author.peer}`, commitment.envelope), true)
  assert.is(await rules.commitment.validate(`${order}/${other.peer}`, commitment.envelope), false)
  assert.is(
    await rules.commitment.validate(`${toHex(fill(32, 4))}/${author.peer}`, commitment.envelope),
    false,
  )
  assert.is(await rules.order.validate(order, commitment.envelope), false)
  const part = async (round: number, by = author) =>
    (await sealParts(by.privateKey, { orderId: fill(32, 3), round, result: fill(40_000, 7) }))[1]!
  const key = `${order}/${author.peer}/1`
  assert.is(await rules.result.validate(key, await part(2)), true)
  assert.is(await rules.result.validate(`${order}/${author.peer}/0`, await part(2)), false, 'another part')
  assert.is(await rules.result.validate(key, await part(3, other)), false, 'another author')
  assert.is(await rules.result.validate(key, await part(1)), false, 'an older round')
  assert.is(await rules.result.validate(key, await part(2)), true, 'the same again')
  assert.is(await rules.result.validate(key, fill(50, 9)), false)
  assert.is(rules.result.select(key, [await part(1), await part(4), await part(2)]), 1)
})

test('a flood of records does not make a node forget how far an auction had come that it knows', async () => {
  const known = toHex(fill(32, 3))
  const newest = createNewest({ isOurs: (key) => key.startsWith(known), maxKeys: 64 })
  assert.ok(newest.take(`${known}/renter/0`, 'renter', 2))
  assert.ok(newest.take('other/stranger/0', 'stranger', 2))
  for (let count = 0; count < 1_000; count++) assert.ok(newest.take(`x${count}`, 'one name', 0))
  assert.not.ok(newest.take('other/stranger/0', 'stranger', 1), 'one name has a share of the memory')
  for (let count = 0; count < 1_000; count++) assert.ok(newest.take(`y${count}`, `name ${count}`, 0))
  assert.not.ok(newest.take(`${known}/renter/0`, 'renter', 1), 'what is known here stays')
  assert.ok(newest.take('other/stranger/0', 'stranger', 1), 'and of the rest the oldest goes')
})

test('the rounds of an auction that a node knows outlast those of strangers', async () => {
  const [renter, flooder] = [await makeAuthor(), await makeAuthor()]
  const ours = toHex(fill(32, 3))
  const rules = auctionRecordRules((order) => order === ours)
  const put = async (author: typeof renter, number: number, round: number) => {
    const orderId = fill(32, number)
    const [part] = await sealParts(author.privateKey, { orderId, round, result: fill(10, 7) })
    return rules.result.validate(`${toHex(orderId)}/${author.peer}/0`, part!)
  }
  assert.is(await put(renter, 3, 2), true)
  for (let number = 10; number < 250; number++) assert.is(await put(flooder, number, 0), true)
  assert.is(await put(renter, 3, 1), false)
})

test.run()
