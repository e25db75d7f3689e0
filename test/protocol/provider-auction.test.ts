import * as assert from 'uvu/assert'
import { systemClock } from '../../node/system/clock.js'
import { BACKING } from '../../protocols/auction/backing.js'
import type { Clock } from '../../protocols/ports.js'
import { createVirtualClock, until } from '../support/clock.js'
import { makeResult } from '../support/messages.js'
import { PRICE } from '../support/provider.js'
import { suite } from '../support/suite.js'
import { withWorld } from '../support/world.js'

const test = suite('a provider judges auctions')

for (const aheadMs of [-4_000, 4_000]) {
  const word = aheadMs > 0 ? 'ahead' : 'behind'
  test(`a provider whose clock is ${word} by more than both windows bids in time all the same`, () => {
    const clock = createVirtualClock()
    const providerClock: Clock = { ...clock, now: () => clock.now() + aheadMs }
    return withWorld(
      async ({ house, renter }) => {
        await renter.order({ commitMs: 300, revealMs: 1_000 })
        await clock.advance(290)
        assert.equal(renter.commitments, [house.network.peer])
        assert.is(renter.bids.length, 0, 'nothing is revealed before the commitments are closed')
        await clock.advance(500)
        assert.is(renter.bids.length, 1)
        assert.is(house.provider.status().counters.passed.TOO_LATE, undefined)
      },
      { clock, providerClock },
    )
  })
}

test('a result that denies the bid that was taken, or pays a winner wrongly, is counted as unfair', () =>
  withWorld(async ({ house, renter }) => {
    const unfair = () => house.provider.status().counters.unfair
    const ordered = await renter.order()
    await until(() => renter.bids.length === 1)
    // The confirmation is on its way back.
    await systemClock.sleep(50)
    const { orderId } = ordered
    await renter.topic.publish({ result: makeResult({ orderId, withheld: [house.network.peer] }) })
    await until(() => unfair() === 1)
    assert.is(house.provider.status().counters.won, 0)
  }))

for (const [what, award, heldMs] of [
  ['never publishes a result', false, BACKING.resultMs],
  ['awards and never proposes a lease', true, BACKING.awardMs],
] as const) {
  test(`a renter that ${what} keeps devices promised for ${heldMs / 1_000} s, and costs nothing more`, () => {
    const clock = createVirtualClock()
    return withWorld(
      async ({ house, renter }) => {
        const promised = () => house.provider.status().promised
        const ordered = await renter.order({ commitMs: 300, revealMs: 1_000 })
        await clock.advance(400)
        assert.is(renter.bids.length, 1)
        assert.is(promised(), 1)
        if (award) await renter.award(ordered, house.network.peer, PRICE, 0)
        await clock.advance(900)
        assert.is(house.provider.status().counters.won, award ? 1 : 0)
        await clock.advance(heldMs - 1_000)
        assert.is(promised(), 1)
        await clock.advance(1_100)
        assert.is(promised(), 0)
        await renter.order({ commitMs: 300, revealMs: 1_000 })
        await clock.advance(400)
        assert.is(renter.bids.length, 2, 'and it bids again')
      },
      { clock },
    )
  })
}

test('a second winner signs for what the result pays it, and for nothing else', () =>
  withWorld(async ({ house, renter, renterToo }) => {
    const self = house.network.peer
    const first = (await renterToo()).network.peer
    const ordered = await renter.order({ count: 2 })
    await until(() => renter.bids.length === 1)
    const winners = [
      { peer: first, pricePerHour: PRICE - 5n },
      { peer: self, pricePerHour: PRICE + 7n },
    ]
    const { orderId } = ordered
    const { envelope } = await renter.topic.publish({
      result: makeResult({ orderId, winner: first, pricePerHour: PRICE - 5n, winners }),
    })
    await until(() => house.provider.status().counters.won === 1)
    const propose = (pricePerHour: bigint) =>
      renter.propose(ordered, envelope, renter.terms(ordered, self, { pricePerHour }))
    assert.is((await propose(PRICE - 5n)).refused, 'TERMS_DIFFER')
    assert.is((await propose(PRICE + 7n)).refused, '')
  }))

test('an order that came while the device was promised is bid for as soon as the other auction is lost', () =>
  withWorld(async ({ house, renter, renterToo }) => {
    const other = (await renterToo()).network.peer
    const { passed } = house.provider.status().counters
    assert.is(passed.DEVICES, undefined)
    const first = await renter.order()
    await until(() => renter.commitments.length === 1)
    await renter.order({ commitMs: 60_000 })
    await until(() => house.provider.status().counters.passed.DEVICES === 1)
    assert.is(renter.commitments.length, 1)
    await until(() => renter.bids.length === 1)
    await renter.topic.publish({ result: makeResult({ orderId: first.orderId, winner: other }) })
    await until(() => renter.commitments.length === 2)
  }))

test.run()
