import fc from 'fast-check'
import * as assert from 'uvu/assert'
import { Gate } from '../../node/net/quota.js'
import { protocolId, topicName } from '../../protocols/descriptor.js'
import { TokenBucket, TokenBuckets } from '../../protocols/limits.js'
import { suite } from '../support/suite.js'

const test = suite('engine: quotas and names')

const MINUTE_MS = 60_000
const waits = fc.array(fc.integer({ min: 0, max: 20_000 }), { minLength: 1, maxLength: 200 })

test('no sequence of attempts gets more than the burst and what the time gave', () => {
  let runs = 0
  fc.assert(
    fc.property(
      waits,
      fc.integer({ min: 1, max: 600 }),
      fc.integer({ min: 1, max: 50 }),
      (gaps, perMinute, burst) => {
        const bucket = new TokenBucket({ perMinute, burst }, 0)
        let nowMs = 0
        let taken = 0
        for (const gap of gaps) {
          nowMs += gap
          if (bucket.take(nowMs)) taken++
        }
        assert.ok(taken <= burst + (nowMs / MINUTE_MS) * perMinute + 1e-6)
        runs++
      },
    ),
  )
  assert.ok(runs >= 100)
})

test('a clock that goes back gives nothing', () => {
  const bucket = new TokenBucket({ perMinute: 60, burst: 1 }, 10_000)
  assert.ok(bucket.take(10_000))
  assert.not(bucket.take(0))
  assert.not(bucket.take(500))
})

test('a debt is paid at the rate', () => {
  const bucket = new TokenBucket({ perMinute: 600, burst: 10 }, 0)
  assert.is(bucket.borrow(0, 10), 0)
  assert.is(bucket.borrow(0, 5), 500)
  assert.is(bucket.borrow(1500, 10), 0)
})

test('the number of names is limited, and a name in debt is never forgotten for a new one', () => {
  const buckets = new TokenBuckets({ perMinute: 60, burst: 1 }, 3)
  for (const name of ['a', 'b', 'c']) assert.ok(buckets.take(name, 0))
  assert.not(buckets.take('d', 0), 'all three are in use')
  assert.not(buckets.take('a', 0), 'and still empty')
  assert.ok(buckets.take('d', 1000), 'a second later they are full and can go')
  assert.ok(buckets.size <= 3)
})

test('whoever enters and leaves in any order, nobody is above the limits and nothing stays behind', () => {
  const step = fc.record({ peer: fc.constantFrom('a', 'b', 'c'), enters: fc.boolean() })
  fc.assert(
    fc.property(fc.array(step, { maxLength: 100 }), (steps) => {
      const quota = { concurrentPerPeer: 2, opensPerMinute: 1000, concurrentTotal: 4 }
      const gate = new Gate(quota)
      const inside: string[] = []
      for (const { peer, enters } of steps) {
        if (enters && gate.enter(peer, 0) === undefined) inside.push(peer)
        else if (!enters && inside.includes(peer)) {
          gate.leave(peer)
          inside.splice(inside.indexOf(peer), 1)
        }
        assert.ok(inside.length <= 4)
        assert.ok(inside.filter((each) => each === peer).length <= 2)
      }
      for (const peer of inside) gate.leave(peer)
      for (const peer of ['a', 'a', 'b', 'b']) assert.is(gate.enter(peer, MINUTE_MS), undefined)
    }),
  )
})

test('protocol ids and topics have the shape that the network agreed on', () => {
  assert.is(protocolId('testnet', 'lease'), '/nightshift/testnet/lease/1.0.0')
  assert.is(topicName('testnet', 'heartbeat', '24g', 'EU'), '/nightshift/testnet/heartbeat/1.0.0/24g/EU')
  for (const name of ['', 'Test', 'a/b', '../x', 'a b']) {
    assert.throws(() => protocolId(name, 'lease'), /network/, name)
    assert.throws(() => topicName('testnet', 'lease', name === 'Test' ? '' : name), /topic part/)
  }
  assert.throws(() => protocolId('testnet', 'a/b/c'), /word/)
})

test.run()
