import * as assert from 'uvu/assert'
import { toHex } from '../../protocols/bytes.js'
import { eventually } from '../support/network.js'
import { joined, NEEDS, withSwarm } from '../support/split.js'
import { suite } from '../support/suite.js'

/** What becomes of shards when a swarm is split and heals takes a minute: test/long/market-partition.test.ts. */
const test = suite('the shards of a market over sockets')
const SLOW = { timeoutMs: 90_000 }

test(
  'a renter joins only the shards that it needs, hears at once who is there, and is heard there alone',
  () =>
    withSwarm(async (swarm) => {
      const [card, big, american] = [await swarm.join(), await swarm.join(), await swarm.join()]
      await swarm.provide(card, 24n, 'DE-Berlin')
      await swarm.provide(big, 80n, 'FR-Paris')
      await swarm.provide(american, 24n, 'US-Texas')
      assert.equal(joined(card), ['24g/EU'])

      const renter = await swarm.join()
      assert.equal(joined(renter), [])
      await renter.market.heartbeats.seek(NEEDS)
      await eventually(() => renter.market.heartbeats.all().length === 2)
      assert.equal(joined(renter).sort(), ['24g/EU', '80g/EU'])
      assert.equal(joined(swarm.nodes[0]!), [], 'the bootstrap peer carries nobody’s heartbeats')

      const heard: string[] = []
      for (const node of [card, big, american]) {
        node.market.auctions.onOrder(({ peer }) => heard.push(`${peer} at ${node.network.peer}`))
      }
      const commitments: string[] = []
      renter.market.auctions.onCommitment(({ peer }) => commitments.push(peer))
      const { orderId, recipients } = await swarm.order(renter, 10_000)
      assert.ok(recipients >= 2)
      await eventually(() => heard.length === 2)
      assert.equal(
        heard.sort(),
        [card, big].map(({ network }) => `${renter.network.peer} at ${network.peer}`).sort(),
      )
      await card.market.auctions.publish({ commitment: { orderId, hash: new Uint8Array(32) } })
      await eventually(() => commitments.length === 1)
      assert.equal(commitments, [card.network.peer])
    }),
  SLOW,
)

test(
  'a renter that searches everywhere finds every shard that has members, and leaves them when it is idle',
  () =>
    withSwarm(async (swarm) => {
      const [card, software] = [await swarm.join(), await swarm.join()]
      await swarm.provide(card, 24n, 'DE-Berlin')
      await swarm.provide(software, 0n, '')
      const renter = await swarm.join({}, 3_000)
      const everywhere = { memoryBytes: 0n, gpu: false, locations: [] }
      await eventually(async () => {
        await renter.market.heartbeats.seek(everywhere)
        return joined(renter).length === 2 && renter.market.heartbeats.all().length === 2
      })
      assert.equal(joined(renter).sort(), ['0g/XX', '24g/EU'])
      await eventually(() => joined(renter).length === 0)
      assert.equal(joined(card), ['24g/EU'], 'whoever offers something stays')
      await eventually(async () => {
        await renter.market.heartbeats.seek(NEEDS)
        return joined(renter).length > 0
      })
      assert.equal(joined(renter), ['24g/EU'], 'and it comes back')
    }),
  SLOW,
)

test(
  'an order whose shard is found late still reaches its members',
  () =>
    withSwarm(async (swarm) => {
      const renter = await swarm.join()
      const { orderId, recipients } = await swarm.order(renter, 60_000)
      assert.is(recipients, 0)
      const late = await swarm.join()
      const heard: string[] = []
      late.market.auctions.onOrder((received) => heard.push(toHex(received.orderId)))
      await swarm.provide(late, 24n, 'DE-Berlin')
      await eventually(() => heard.length > 0)
      assert.equal(heard, [toHex(orderId)])
    }),
  SLOW,
)

test.run()
