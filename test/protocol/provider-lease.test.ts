import * as assert from 'uvu/assert'
import { sealAnnouncement } from '../../node/market/announcements.js'
import { systemClock } from '../../node/system/clock.js'
import { windowsOf } from '../../protocols/auction/rules.js'
import type { Order } from '../../protocols/auction/wire.js'
import { toHex } from '../../protocols/bytes.js'
import { leaseProtocol } from '../../protocols/lease/protocol.js'
import type { Terms } from '../../protocols/lease/wire.js'
import { createVirtualClock, settle, until } from '../support/clock.js'
import { makeResult } from '../support/messages.js'
import { PRICE, type ScriptedRenter } from '../support/provider.js'
import { suite } from '../support/suite.js'
import { withWorld } from '../support/world.js'

const test = suite('a provider in auctions and leases')

async function bidFor(renter: ScriptedRenter, fields: Partial<Order> = {}) {
  const before = renter.bids.length
  const ordered = await renter.order(fields)
  await until(() => renter.bids.length > before)
  return ordered
}

test('a fitting order is committed to, then revealed, at the price of the operator', () =>
  withWorld(async ({ house, renter }) => {
    const ordered = await bidFor(renter)
    assert.ok(
      systemClock.now() >= windowsOf(ordered.order).commitUntil,
      'not before the commitments are closed',
    )
    assert.equal(renter.commitments, [house.network.peer])
    assert.is(renter.bids[0]?.peer, house.network.peer)
    assert.is(renter.bids[0]?.bid.pricePerHour, PRICE)
  }))

test('an order that does not fit is passed over, and the reason is counted', () =>
  withWorld(
    async ({ house, renter }) => {
      await renter.order({ ceilingPricePerHour: PRICE - 1n })
      await renter.order({}, { gpu: true })
      await renter.order({}, { memoryBytes: 2n ** 40n })
      await renter.order({}, { devices: 2 })
      await renter.order({}, { runtime: 'container' })
      await renter.order({}, { deny: [house.network.peer] })
      await renter.order({}, { locations: ['FR'] })
      await renter.order({}, { minimumStake: 100_001n })
      await renter.order({ sliceMs: 120_000 })
      const { counters } = house.provider.status()
      await until(() => house.provider.status().counters.orders === 9)
      await until(() => Object.keys(house.provider.status().counters.passed).length === 9)
      assert.equal(house.provider.status().counters.passed, {
        PRICE: 1,
        NOT_A_GPU: 1,
        MEMORY: 1,
        DEVICES: 1,
        RUNTIME: 1,
        DENIED: 1,
        LOCATION: 1,
        STAKE: 1,
        SLICE: 1,
      })
      assert.is(counters.bids, 0)
      assert.equal(renter.commitments, [])
    },
    { maxSliceMs: 60_000 },
  ))

test('a flood of orders makes one bid at a time, and the devices are free again when nobody awards it', () => {
  const clock = createVirtualClock()
  return withWorld(
    async ({ house, renter }) => {
      for (let index = 0; index < 10; index++) await renter.order()
      const status = () => house.provider.status()
      while (status().counters.bids + (status().counters.passed.DEVICES ?? 0) < 10) await clock.advance(1)
      assert.is(status().counters.bids, 1)
      assert.is(status().counters.passed.DEVICES, 9)
      await clock.advance(20_000)
      await renter.order()
      while (status().counters.bids < 2) await clock.advance(1)
    },
    { clock },
  )
})

test('a renter that is early asks again; one that refuses frees the devices', () =>
  withWorld(async ({ house, renter }) => {
    renter.answerReveals('TOO_EARLY')
    await renter.order()
    await until(() => house.provider.status().counters.bids === 1)
    await systemClock.sleep(500)
    assert.is(renter.bids.length, 0)
    renter.answerReveals('')
    await until(() => renter.bids.length === 1)
    const { orderId } = { orderId: renter.bids[0]!.bid.orderId }
    await renter.topic.publish({ result: makeResult({ orderId }) })
    renter.answerReveals('ABOVE_CEILING')
    await until(async () => {
      await renter.order()
      return house.provider.status().counters.bids >= 2
    })
    renter.answerReveals('')
    const bids = renter.bids.length
    await until(async () => {
      await renter.order()
      await systemClock.sleep(400)
      return renter.bids.length > bids
    })
  }))

test('a later round of the result awards a bid that had lost', () =>
  withWorld(async ({ house, renter, renterToo }) => {
    const winner = (await renterToo()).network.peer
    const ordered = await bidFor(renter)
    await renter.award(ordered, winner, PRICE - 1n, 0)
    const result = await renter.award(ordered, house.network.peer, PRICE, 1)
    await until(() => house.provider.status().counters.won === 1)
    const signed = await renter.propose(ordered, result, renter.terms(ordered, house.network.peer))
    assert.is(signed.refused, '')
  }))

test('a proposal is signed only for its own order, result, bid and terms', () =>
  withWorld(async ({ chain, house, renter, renterToo }) => {
    const self = house.network.peer
    const ordered = await bidFor(renter)
    const mallory = await renterToo()
    const result = await renter.award(ordered, self)
    const terms = renter.terms(ordered, self)
    const propose = async (change: {
      by?: ScriptedRenter
      order?: Uint8Array
      result?: Uint8Array
      terms?: Partial<Terms>
      transaction?: Uint8Array
    }) => {
      const { by = renter, order = ordered.envelope, transaction } = change
      const changed = { ...ordered, envelope: order }
      const { refused } = await by.propose(
        changed,
        change.result ?? result,
        { ...terms, ...change.terms },
        transaction,
      )
      return refused
    }
    const forged = async (
      winner: string,
      pricePerHour: bigint,
      author: ScriptedRenter,
      orderId = ordered.orderId,
    ) =>
      (
        await sealAnnouncement(
          { result: makeResult({ orderId, winner, pricePerHour, round: 5 }) },
          author.network.privateKey,
        )
      ).envelope

    assert.is(await propose({ by: mallory }), 'UNKNOWN_ORDER', 'a stranger shows the order of another')
    assert.is(await propose({ order: result }), 'UNKNOWN_ORDER')
    assert.is(await propose({ order: new Uint8Array(10) }), 'UNKNOWN_ORDER')
    assert.is(await propose({ result: await forged(self, PRICE, mallory) }), 'NOT_THE_WINNER', 'forged')
    assert.is(await propose({ result: await forged(mallory.network.peer, PRICE, renter) }), 'NOT_THE_WINNER')
    assert.is(
      await propose({ result: await forged(self, PRICE, renter, new Uint8Array(32)) }),
      'NOT_THE_WINNER',
      'of another order',
    )
    assert.is(await propose({ result: ordered.envelope }), 'NOT_THE_WINNER')
    assert.is(await propose({ result: await forged(self, PRICE - 1n, renter) }), 'PRICE_BELOW_BID')
    const wrong: Array<Partial<Terms>> = [
      { pricePerHour: PRICE - 1n },
      { durationS: 601 },
      { sliceMs: 999 },
      { wallet: new Uint8Array(32) },
      { jobHash: new Uint8Array(32) },
      { devices: 0 },
      { renter: mallory.network.peer },
      { market: new Uint8Array(32) },
      { orderId: new Uint8Array(32) },
    ]
    for (const change of wrong) {
      assert.is(await propose({ terms: change }), 'TERMS_DIFFER', Object.keys(change).join())
    }
    assert.is(await propose({ transaction: new Uint8Array(5) }), 'BAD_TRANSACTION')
    const unordered = await sealAnnouncement(
      { order: { ...ordered.order, nonce: new Uint8Array(16) } },
      renter.network.privateKey,
    )
    assert.is(
      await propose({ order: unordered.envelope }),
      'NOT_THE_WINNER',
      'the result is of another order',
    )
    await house.provider.pause('a game')
    assert.is(await propose({}), 'PAUSED')
    await house.provider.resume()
    assert.equal(house.provider.status().leases, [])
    assert.is(await propose({}), '')
    assert.is(await propose({}), '', 'a lost answer is given again')
    assert.is(house.provider.status().leases.length, 1)
    assert.is(chain.leases.size, 0)
  }))

test('an order that was not bid for is not leased, even when its author says that this node has won', () =>
  withWorld(async ({ house, renter }) => {
    const ordered = await renter.order({ ceilingPricePerHour: 1n })
    const result = await renter.award(ordered, house.network.peer, 1n)
    const signed = await renter.propose(ordered, result, {
      ...renter.terms(ordered, house.network.peer),
      pricePerHour: 1n,
    })
    assert.is(signed.refused, 'UNKNOWN_ORDER')
  }))

test('a second lease is not signed while the devices are taken', () =>
  withWorld(async ({ house, renter }) => {
    const self = house.network.peer
    const first = await bidFor(renter)
    await renter.award(first, '', 0n)
    const second = await bidFor(renter)
    const signed = await renter.propose(second, await renter.award(second, self), renter.terms(second, self))
    assert.is(signed.refused, '')
    const late = await renter.propose(
      first,
      await renter.award(first, self, PRICE, 1),
      renter.terms(first, self),
    )
    assert.is(late.refused, 'NO_CAPACITY')
  }))

test('the record is stored before the signature goes out: a full disk signs nothing', () =>
  withWorld(async ({ house, renter }) => {
    const self = house.network.peer
    const ordered = await bidFor(renter)
    const result = await renter.award(ordered, self)
    house.store.fail(new Error('the disk is full'))
    const failed = await renter.propose(ordered, result, renter.terms(ordered, self)).then(
      () => 'signed',
      () => 'failed',
    )
    assert.is(failed, 'failed')
    assert.equal(house.provider.status().leases, [])
    house.store.fail(undefined)
    assert.is((await renter.propose(ordered, result, renter.terms(ordered, self))).refused, '')
  }))

test('Opened is believed only of its own renter and of the chain', () =>
  withWorld(async ({ chain, house, renter, renterToo }) => {
    const self = house.network.peer
    const ordered = await bidFor(renter)
    const signed = await renter.propose(
      ordered,
      await renter.award(ordered, self),
      renter.terms(ordered, self),
    )
    const mallory = await renterToo()
    const tell = async (by: ScriptedRenter, lease: Uint8Array) =>
      (await by.network.engine.request(leaseProtocol, self, { opened: { lease, signature: 'x' } })).refused
    assert.is(await tell(mallory, signed.lease), 'UNKNOWN_LEASE')
    assert.is(await tell(renter, new Uint8Array(32)), 'UNKNOWN_LEASE')
    await chain.escrow().openLease(signed.transaction, signed.signature)
    chain.leases.get(toHex(signed.lease))!.pricePerHour = 1n
    assert.is(await tell(renter, signed.lease), 'LEASE_DIFFERS')
    await until(() => house.provider.status().leases[0]?.state === 'closed')
    assert.is(house.provider.status().leases[0]?.because, 'LEASE_DIFFERS')
  }))

test('a signed lease that never appears on the chain gives its devices back after two minutes', () => {
  const clock = createVirtualClock()
  return withWorld(
    async ({ house, renter }) => {
      const self = house.network.peer
      const ordered = await renter.order()
      while (renter.bids.length === 0) await clock.advance(5)
      const signed = await renter.propose(
        ordered,
        await renter.award(ordered, self),
        renter.terms(ordered, self),
      )
      assert.is(signed.refused, '')
      assert.is(house.provider.status().availability, 'BUSY')
      await clock.advance(119_000)
      assert.is(house.provider.status().leases.length, 1)
      await clock.advance(5_000)
      while (house.provider.status().leases.length > 0) await clock.advance(100)
      assert.is(house.provider.status().availability, 'FREE')
    },
    { clock, reconcilePeriodMs: 1_000 },
  )
})

test('a lease whose Opened was lost is found on the chain', () =>
  withWorld(async ({ chain, house, renter }) => {
    const self = house.network.peer
    const ordered = await bidFor(renter)
    const signed = await renter.propose(
      ordered,
      await renter.award(ordered, self),
      renter.terms(ordered, self),
    )
    await chain.escrow().openLease(signed.transaction, signed.signature)
    await until(() => house.provider.status().leases[0]?.state === 'open')
  }))

test('a renter who opens a lease and sends nothing gets no more than two minutes of the devices', () => {
  const clock = createVirtualClock()
  return withWorld(
    async ({ house, renter }) => {
      const leasing = renter.lease(house.network.peer, { durationS: 3_600 })
      let isLeased = false
      void leasing.then(() => (isLeased = true))
      while (!isLeased) await clock.advance(5)
      assert.is(house.provider.status().availability, 'BUSY')
      await clock.advance(140_000)
      while (house.provider.status().availability !== 'FREE') await clock.advance(1_000)
      const talk = await renter.startJob(await leasing, [{ name: 'data', bytes: new Uint8Array(5) }])
      assert.is((await talk.receive())?.refused?.reason, 'LEASE_CLOSED')
    },
    { clock, reconcilePeriodMs: 1_000 },
  )
})

test('a renter that names the same winner round after round does not keep its devices promised for ever', () =>
  withWorld(async ({ house, renter, clock }) => {
    const ordered = await renter.order()
    await until(() => renter.bids.length === 1 && clock.now() > windowsOf(ordered.order).commitUntil)
    for (const round of [0, 1, 2]) await renter.award(ordered, house.network.peer, PRICE, round)
    await until(() => house.provider.status().counters.won > 0)
    await settle()
    assert.is(house.provider.status().counters.won, 1)
  }))

test.run()
