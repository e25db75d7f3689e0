import { generateKeyPair } from '@libp2p/crypto/keys'
import * as assert from 'uvu/assert'
import { createAuctionTopic, sealAnnouncement } from '../../node/market/announcements.js'
import { openHistory } from '../../node/market/history.js'
import { silentLog } from '../../node/system/log.js'
import { AUCTION_LIMITS } from '../../protocols/auction/rules.js'
import { Announcement } from '../../protocols/auction/wire.js'
import { seal } from '../../protocols/envelope.js'
import { createVirtualClock } from '../support/clock.js'
import { createHub } from '../support/memory.js'
import { fill, MARKET, makeOrder, makeResult, NOW } from '../support/messages.js'
import { type Disk, openDisk } from '../support/renter.js'
import { suite } from '../support/suite.js'

const test = suite('the auctions that a node has seen')

let disk: Disk
test.after(() => disk.remove())

/** Two nodes, of which one remembers, on a disk of its own. */
async function join(options: { maxAuctions?: number } = {}) {
  await disk?.remove()
  disk = await openDisk()
  const hub = createHub()
  const clock = createVirtualClock(NOW)
  const [self, other] = [await hub.join(), await hub.join()]
  const topicOf = (network: typeof self) =>
    createAuctionTopic({ network, market: MARKET, clock, log: silentLog })
  const topics = { self: topicOf(self), other: topicOf(other) }
  const open = () =>
    openHistory({
      self: self.peer,
      market: MARKET,
      topic: topics.self,
      store: disk.store,
      clock,
      log: silentLog,
      ...options,
    })
  return { clock, self, other, topics, open }
}

const order = (nonce: number) => ({ order: makeOrder({ nonce: fill(16, nonce) }) })

test('what was seen survives a restart: order, commitments with their times, results', async () => {
  const { clock, topics, other, open } = await join()
  const history = await open()
  const { orderId } = await topics.self.publish(order(1))
  await topics.other.publish({ commitment: { orderId, hash: fill(32, 1) } })
  await clock.advance(2_000)
  await topics.self.publish({ result: makeResult({ orderId }) })
  const before = history.get(orderId)!
  await history.close()
  await disk.reopen()
  const after = (await open()).get(orderId)!
  assert.equal(after, before)
  assert.equal(
    after.commitments.map(({ peer, receivedAtMs }) => [peer, receivedAtMs]),
    [[other.peer, NOW]],
  )
  assert.is(after.results.length, 1)
})

test('of the auctions of others those with the smallest deposits make room first', async () => {
  const { topics, open } = await join({ maxAuctions: 2 })
  const history = await open()
  const well = { order: makeOrder({ nonce: fill(16, 1), durationS: 7_200 }) }
  const { orderId } = await topics.other.publish(well)
  for (let nonce = 2; nonce < 12; nonce++) await topics.other.publish(order(nonce))
  assert.ok(history.get(orderId) !== undefined)
  assert.is(history.open().length, 2)
  await history.close()
})

test('the own auction is on the disk before it is over, so that a crash loses no commitment', async () => {
  const { topics, open } = await join()
  const history = await open()
  const { orderId } = await topics.self.publish(order(1))
  await topics.other.publish({ commitment: { orderId, hash: fill(32, 1) } })
  await history.flush()
  const stored = await disk.store.collection<{ commitments: unknown[] }>('auctions').list()
  assert.is(stored.length, 1)
  assert.is(stored[0]!.value.commitments.length, 1)
  await history.close()
})

test('it is forgotten after a while, and of too many the oldest goes, those of others first', async () => {
  const { clock, topics, open } = await join({ maxAuctions: 2 })
  const history = await open()
  const own = await topics.self.publish(order(1))
  const [first, second] = [await topics.other.publish(order(2)), await topics.other.publish(order(3))]
  assert.ok(history.get(own.orderId) !== undefined)
  assert.is(history.get(first.orderId), undefined)
  assert.ok(history.get(second.orderId) !== undefined)
  await clock.advance(7 * 3_600_000)
  assert.is(history.get(own.orderId), undefined)
  await history.close()
  assert.equal(await disk.store.collection('auctions').list(), [])
})

test('what is handed over is taken with its signature only, and a commitment without its time', async () => {
  const { self, other, topics, open } = await join()
  const history = await open()
  const { orderId } = await topics.self.publish(order(1))
  const commitment = { orderId, hash: fill(32, 1) }
  const sealed = await sealAnnouncement({ commitment }, other.privateKey)
  const forged = sealed.envelope.slice()
  forged[forged.length - 1]! ^= 1
  assert.is(await history.add(forged), false)
  assert.is(await history.add(sealed.envelope), true)
  assert.is(await history.add(sealed.envelope), false, 'once')
  assert.is(history.get(orderId)?.commitments[0]?.receivedAtMs, undefined)
  const result = await sealAnnouncement({ result: makeResult({ orderId }) }, other.privateKey)
  assert.is(await history.add(result.envelope), false, 'not by the author of the order')
  const own = await sealAnnouncement({ result: makeResult({ orderId }) }, self.privateKey)
  assert.is(await history.add(own.envelope), true)
  const foreign = await sealAnnouncement({ order: makeOrder({ market: fill(32, 8) }) }, other.privateKey)
  assert.is(await history.add(foreign.envelope), false)
  await history.close()
})

test('made-up names that are handed over keep no commitment out that came in time', async () => {
  const { topics, other, open } = await join()
  const history = await open()
  const { orderId } = await topics.self.publish(order(1))
  for (let name = 0; name < AUCTION_LIMITS.maxBids; name++) {
    const privateKey = await generateKeyPair('Ed25519')
    const { envelope } = await sealAnnouncement({ commitment: { orderId, hash: fill(32, 1) } }, privateKey)
    assert.is(await history.add(envelope), true)
  }
  await topics.other.publish({ commitment: { orderId, hash: fill(32, 1) } })
  const { commitments } = history.get(orderId)!
  assert.is(commitments.length, AUCTION_LIMITS.maxBids)
  assert.ok(commitments.some(({ peer, receivedAtMs }) => peer === other.peer && receivedAtMs !== undefined))
  await history.close()
})

test('an order or a commitment with more in it than it needs is none', async () => {
  const { topics, other, open } = await join()
  const history = await open()
  const { orderId } = await topics.self.publish(order(1))
  const stuffed = async (announcement: Announcement, bytes: number) => {
    // A field that no version knows, which readers pass over.
    const stuffing = [0x7a, (bytes & 0x7f) | 0x80, (bytes >> 7) & 0x7f]
    const payload = Buffer.concat([
      Announcement.encode(announcement),
      Buffer.from(stuffing),
      new Uint8Array(bytes),
    ])
    return seal({ word: 'auction', payload, key: other.privateKey })
  }
  const commitment = { orderId, hash: fill(32, 1) }
  assert.is(await history.add(await stuffed({ commitment }, 1_000)), false)
  assert.is(await history.add(await stuffed(order(2), 16_380)), false)
  assert.is(await history.add(await stuffed({ commitment }, 200)), true)
  await history.close()
})

test('of the rounds of a result the highest are kept, and an old one takes no newer one’s place', async () => {
  const { topics, self, open } = await join()
  const history = await open()
  const { orderId } = await topics.self.publish(order(1))
  const sealedOf = async (round: number) =>
    (await sealAnnouncement({ result: makeResult({ orderId, round }) }, self.privateKey)).envelope
  for (let round = 1; round <= 10; round++) assert.ok(await history.add(await sealedOf(round)))
  assert.is(await history.add(await sealedOf(0)), false)
  assert.equal(
    history.get(orderId)?.results.map(({ round }) => round),
    [3, 4, 5, 6, 7, 8, 9, 10],
  )
  await history.close()
})

test.run()
