import { setTimeout as wait } from 'node:timers/promises'
import * as assert from 'uvu/assert'
import type { GossipMessage, Network, TopicRules } from '../../node/net/ports.js'
import { topicName } from '../../protocols/descriptor.js'
import { codeOf } from '../../protocols/errors.js'
import { eventually, withNetworks } from '../support/network.js'
import { suite } from '../support/suite.js'

const test = suite('network: gossip')

const topic = topicName('testing', 'heartbeat', '24g', 'EU')
const FAST = { gossip: { heartbeatIntervalMs: 200 } }

function text(message: GossipMessage): string {
  return new TextDecoder().decode(message.data)
}

function publish(network: Network, message: string): Promise<{ recipients: number }> {
  return network.gossip.publish(topic, new TextEncoder().encode(message))
}

/** Joins the topic and keeps what it hears. */
function listen(network: Network, rules: Partial<TopicRules> = {}): string[] {
  const heard: string[] = []
  network.gossip.join(topic, {
    validate: () => 'accept',
    onMessage: (message) => void heard.push(text(message)),
    ...rules,
  })
  return heard
}

async function allSubscribed(...networks: Network[]): Promise<void> {
  await eventually(() => networks.every(({ gossip }) => gossip.peers(topic).length > 0))
}

test('a message reaches peers that are not connected to its author', async () => {
  await withNetworks(
    4,
    async (hub, ...leaves) => {
      const heard = [hub, ...leaves].map((network) => listen(network))
      await eventually(() => hub.gossip.peers(topic).length === 3)
      await allSubscribed(...leaves)
      await publish(leaves[0]!, 'good night')
      await eventually(() => heard.filter((each) => each.includes('good night')).length === 3)
      assert.equal(heard[1], [], 'the author does not hear itself')
    },
    () => FAST,
  )
})

test('what a validator rejects or ignores is neither delivered nor passed on', async () => {
  await withNetworks(
    3,
    async (hub, author, reader) => {
      let judged = 0
      const heardByHub = listen(hub, {
        validate: (message) => {
          judged++
          if (text(message) === 'throws') throw new Error('a bug in a validator')
          return text(message) === 'late' ? 'ignore' : text(message) === 'bad' ? 'reject' : 'accept'
        },
      })
      listen(author!)
      const heardByReader = listen(reader!)
      await eventually(() => hub.gossip.peers(topic).length === 2)
      await allSubscribed(author!, reader!)
      for (const message of ['bad', 'late', 'throws', 'good']) await publish(author!, message)
      await eventually(() => judged === 4 && heardByReader.includes('good'))
      assert.equal(heardByHub, ['good'])
      assert.equal(heardByReader, ['good'])
    },
    () => FAST,
  )
})

test('an author above its rate is not passed on, and others are', async () => {
  await withNetworks(
    3,
    async (hub, author, reader) => {
      const rules = {
        authorOf: (message: GossipMessage) => text(message).split(':')[0],
        limits: { perAuthor: { perMinute: 1, burst: 3 } },
      }
      const heardByHub = listen(hub, rules)
      listen(author!)
      const heardByReader = listen(reader!)
      await eventually(() => hub.gossip.peers(topic).length === 2)
      await allSubscribed(author!, reader!)
      for (let count = 0; count < 10; count++) await publish(author!, `loud:${count}`)
      await publish(author!, 'quiet:last')
      await eventually(() => heardByReader.includes('quiet:last'))
      assert.equal(heardByHub, ['loud:0', 'loud:1', 'loud:2', 'quiet:last'])
      assert.equal(heardByReader, heardByHub)
    },
    () => FAST,
  )
})

test('a neighbour above its rate is not even validated', async () => {
  await withNetworks(
    2,
    async (hub, author) => {
      let judged = 0
      listen(hub, {
        validate: () => {
          judged++
          return 'accept'
        },
        limits: { perNeighbour: { perMinute: 1, burst: 5 }, perAuthor: { perMinute: 1000, burst: 1000 } },
      })
      listen(author!)
      await allSubscribed(hub, author!)
      for (let count = 0; count < 20; count++) await publish(author!, `${count}`)
      await eventually(() => judged === 5)
      await wait(100)
      assert.is(judged, 5)
    },
    () => FAST,
  )
})

test(
  'a neighbour that keeps sending invalid messages, or has lost all standing, is disconnected and not let in again',
  async () => {
    await withNetworks(
      4,
      async (hub, attacker, offender, honest) => {
        listen(hub, { validate: (message) => (text(message) === 'good' ? 'accept' : 'reject') })
        for (const other of [attacker!, offender!, honest!]) listen(other)
        await eventually(() => hub.gossip.peers(topic).length === 3)
        await allSubscribed(attacker!, offender!, honest!)
        // The best standing there is does not outweigh what it sends.
        const standings = new Map([
          [attacker!.peer, 20],
          [offender!.peer, -150],
        ])
        hub.gossip.rank((peer) => standings.get(peer) ?? 0)
        await publish(honest!, 'good')
        for (let count = 0; count < 8; count++) await publish(attacker!, `rubbish ${count}`)
        for (const gone of [attacker!, offender!]) {
          await eventually(() => !hub.peers().includes(gone.peer))
          await gone.dial(hub.addresses()[0]!).catch(() => {})
          await eventually(() => !gone.peers().includes(hub.peer))
          assert.not(hub.peers().includes(gone.peer))
        }
        assert.ok(hub.peers().includes(honest!.peer))
      },
      () => FAST,
    )
  },
  { timeoutMs: 40_000 },
)

test('a neighbour far above its rate is a flood, which costs it its place', async () => {
  await withNetworks(
    2,
    async (hub, author) => {
      listen(hub, { limits: { perNeighbour: { perMinute: 1, burst: 2 } } })
      listen(author!)
      await allSubscribed(hub, author!)
      for (let count = 0; count < 20; count++) await publish(author!, `${count}`)
      await eventually(() => !hub.peers().includes(author!.peer))
    },
    () => FAST,
  )
})

test('a message above the limit of the topic is not published', async () => {
  await withNetworks(1, async (network) => {
    listen(network, { limits: { maxBytes: 10 } })
    try {
      await publish(network, 'more than ten bytes')
      assert.unreachable('it was published')
    } catch (error) {
      assert.is(codeOf(error), 'MESSAGE_TOO_LARGE')
    }
  })
})

test('a message above the limit of the reader is rejected', async () => {
  await withNetworks(
    2,
    async (hub, author) => {
      const heard = listen(hub, { limits: { maxBytes: 10 } })
      listen(author!)
      await allSubscribed(hub, author!)
      await publish(author!, 'more than ten bytes')
      await publish(author!, 'short')
      await eventually(() => heard.length > 0)
      assert.equal(heard, ['short'])
    },
    () => FAST,
  )
})

test('topics that the network does not have, joined twice or not at all, are errors with a code', async () => {
  await withNetworks(
    1,
    async (network) => {
      const codes: (string | undefined)[] = []
      const attempt = async (step: () => unknown) => {
        try {
          await step()
        } catch (error) {
          codes.push(codeOf(error))
        }
      }
      const rules: TopicRules = { validate: () => 'accept', onMessage: () => {} }
      await attempt(() => network.gossip.join('/nightshift/testing/elsewhere/1.0.0', rules))
      await attempt(() => publish(network, 'hello'))
      network.gossip.join(topic, rules)
      await attempt(() => network.gossip.join(topic, rules))
      assert.is((await publish(network, 'to nobody')).recipients, 0)
      network.gossip.leave(topic)
      await attempt(() => publish(network, 'hello'))
      assert.equal(codes, ['TOPIC_NOT_ALLOWED', 'TOPIC_NOT_JOINED', 'TOPIC_JOINED', 'TOPIC_NOT_JOINED'])
    },
    () => ({ gossip: { allowedTopics: [topic] } }),
  )
})

test.run()
