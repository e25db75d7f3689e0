import * as assert from 'uvu/assert'
import { openBids } from '../../node/provider/bids.js'
import { createVirtualClock } from '../support/clock.js'
import { fill, NOW } from '../support/messages.js'
import { openDisk } from '../support/renter.js'
import { suite } from '../support/suite.js'

const test = suite('bids of a provider')

const bidFor = (number: number) => ({
  orderId: fill(32, number),
  renter: 'renter',
  pricePerHour: 1n,
  devices: 1,
  envelope: fill(8, number),
  expiresAtMs: NOW + number * 1_000,
})

test('a flood of orders takes the places of the oldest bids, not of the next one, also after a restart', async () => {
  const disk = await openDisk()
  try {
    const clock = createVirtualClock(NOW)
    const open = () => openBids({ store: disk.store, clock, maxBids: 3 })
    const bids = await open()
    for (const number of [1, 2, 3, 4]) await bids.put(bidFor(number))
    assert.is(await bids.get(fill(32, 1)), undefined)
    assert.is((await bids.get(fill(32, 4)))?.renter, 'renter')
    await disk.reopen()
    const again = await open()
    await again.put(bidFor(5))
    assert.is(await again.get(fill(32, 2)), undefined)
    for (const number of [3, 4, 5]) assert.ok(await again.get(fill(32, number)))
    await clock.advance(4_000)
    await again.sweep()
    assert.is(await again.get(fill(32, 4)), undefined)
    assert.ok(await again.get(fill(32, 5)))
  } finally {
    await disk.remove()
  }
})

test.run()
