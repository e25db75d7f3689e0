import * as assert from 'uvu/assert'
import { createStanding } from '../../node/renter/standing.js'
import { createVirtualClock } from '../support/clock.js'
import { openDisk } from '../support/renter.js'
import { suite } from '../support/suite.js'

const test = suite('the standing of providers')
const HOUR_MS = 3_600_000

test('a fault is forgotten after an hour, a lie after a month, a restart in between or not', async () => {
  const disk = await openDisk()
  const clock = createVirtualClock()
  let standing = createStanding({ store: disk.store, clock })
  await standing.lose('slow', 'TOO_SLOW', false)
  await standing.lose('liar', 'OPENING_DIFFERS', true)
  assert.is(await standing.lostBecause('honest'), undefined)
  await clock.advance(HOUR_MS - 1)
  standing = createStanding({ store: await disk.reopen(), clock })
  assert.is(await standing.lostBecause('slow'), 'TOO_SLOW')
  await clock.advance(1)
  assert.is(await standing.lostBecause('slow'), undefined)
  await clock.advance(29 * 24 * HOUR_MS)
  assert.is(await standing.lostBecause('liar'), 'OPENING_DIFFERS')
  await clock.advance(24 * HOUR_MS)
  assert.is(await standing.lostBecause('liar'), undefined)
  await disk.remove()
})

test('a fault does not shorten what a lie has cost', async () => {
  const disk = await openDisk()
  const clock = createVirtualClock()
  const standing = createStanding({ store: disk.store, clock })
  await standing.lose('liar', 'OPENING_DIFFERS', true)
  await standing.lose('liar', 'PROVIDER_SILENT', false)
  await clock.advance(2 * HOUR_MS)
  assert.is(await standing.lostBecause('liar'), 'OPENING_DIFFERS')
  await disk.remove()
})

test('a bidder that was silent is not waited for within an hour, and keeps its standing', async () => {
  const disk = await openDisk()
  const clock = createVirtualClock()
  const standing = createStanding({ store: disk.store, clock })
  await standing.noteSilence('silent')
  await standing.lose('slow', 'TOO_SLOW', false)
  const awaited = async () =>
    Promise.all(['silent', 'slow', 'honest'].map((peer) => standing.isAwaited(peer)))
  assert.equal(await awaited(), [false, false, true])
  assert.is(await standing.lostBecause('silent'), undefined)
  await clock.advance(HOUR_MS)
  assert.equal(await awaited(), [true, true, true])
  await disk.remove()
})

test.run()
