import * as assert from 'uvu/assert'
import { createTurnout } from '../../node/provider/turnout.js'
import { systemRandom } from '../../node/system/random.js'
import { BIDDERS, isDrawn, lotOf } from '../../protocols/auction/turnout.js'
import { digest } from '../../protocols/bytes.js'
import { Availability, type Heartbeat } from '../../protocols/heartbeat/wire.js'
import { fill, makeHeartbeat, makeRequirements } from '../support/messages.js'
import { suite } from '../support/suite.js'

const test = suite('who bids')

const order = (index: number) => digest(new TextEncoder().encode(`order ${index}`))
const peers = (count: number) => Array.from({ length: count }, (_, index) => `provider-${index}`)

const secretOf = (peer: string) => digest(new TextEncoder().encode(`secret of ${peer}`))

test('where no more qualify than are wanted, all of them bid', () => {
  for (let index = 0; index < 100; index++) {
    const drawn = peers(BIDDERS).filter((peer) => isDrawn(order(index), secretOf(peer), BIDDERS))
    assert.is(drawn.length, BIDDERS)
  }
  assert.ok(isDrawn(order(0), secretOf('alone'), 0))
})

test('however many qualify, about as many bid as are wanted, for each provider that is asked for', () => {
  for (const count of [1, 3]) {
    const numbers = Array.from(
      { length: 20 },
      (_, index) => peers(1_000).filter((peer) => isDrawn(order(index), secretOf(peer), 1_000, count)).length,
    )
    const mean = numbers.reduce((sum, number) => sum + number, 0) / numbers.length
    assert.ok(Math.abs(mean - BIDDERS * count) < 0.2 * BIDDERS * count, `${mean} bids`)
    assert.ok(Math.min(...numbers) > 0)
  }
})

test('each order draws others, and a provider draws the same however often it is asked', () => {
  const drawnFor = (index: number) =>
    peers(1_000).filter((peer) => isDrawn(order(index), secretOf(peer), 1_000))
  assert.equal(drawnFor(1), drawnFor(1))
  const second = new Set(drawnFor(2))
  assert.ok(drawnFor(1).filter((peer) => second.has(peer)).length < BIDDERS / 2)
  assert.is.not(lotOf(order(1), secretOf('provider-1')), lotOf(order(1), secretOf('provider-2')))
})

test('whoever knows the names of an order and of all providers learns nothing of who is drawn', () => {
  const wanted = makeRequirements()
  const all = () =>
    peers(999).map((peer) => ({ peer, heartbeat: makeHeartbeat(), envelope: fill(1, 1), receivedAtMs: 0 }))
  const start = () => createTurnout({ self: 'friend', heartbeats: { all }, random: systemRandom })
  // A renter with a copy of the whole program looks for orders for which its friend would be drawn.
  const model = start()
  const ground = Array.from({ length: 40_000 }, (_, index) => order(index))
    .filter((orderId) => lotOf(orderId, secretOf('friend')) < 0.016)
    .slice(0, 400)
  assert.ok(ground.length === 400)
  const friend = start()
  const drawn = ground.filter((orderId) => friend(orderId, wanted, 300_000n)).length
  assert.ok(drawn < 40, `${drawn} of 400 ground orders drew the friend: chance gives 6`)
  const agreed = ground.filter(
    (orderId) => friend(orderId, wanted, 300_000n) && model(orderId, wanted, 300_000n),
  )
  assert.ok(agreed.length < 10, 'two of one name draw apart')
})

test('a provider counts those as rivals that are free, qualify and are within the price', () => {
  const wanted = makeRequirements()
  const turnsWith = (heartbeat: Heartbeat) => {
    const all = () => peers(999).map((peer) => ({ peer, heartbeat, envelope: fill(1, 1), receivedAtMs: 0 }))
    const isOurTurn = createTurnout({ self: 'self', heartbeats: { all }, random: systemRandom })
    return Array.from({ length: 200 }, (_, index) => isOurTurn(order(index), wanted, 300_000n)).filter(
      Boolean,
    ).length
  }
  assert.ok(turnsWith(makeHeartbeat()) < 20, 'a thousand rivals')
  assert.is(turnsWith(makeHeartbeat({ availability: Availability.BUSY })), 200)
  assert.is(turnsWith(makeHeartbeat({ pricePerHour: 300_001n })), 200)
  assert.is(turnsWith(makeHeartbeat({ runtimes: [] })), 200)
})

test.run()
