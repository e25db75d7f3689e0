import * as fc from 'fast-check'
import * as assert from 'uvu/assert'
import {
  type Candidate,
  type Challenged,
  DUTY_SHARE,
  planDuty,
  STRANGERS_RATE,
  unchargedMs,
} from '../../protocols/challenge/duty.js'
import { TokenBucket } from '../../protocols/limits.js'
import type { Random } from '../../protocols/ports.js'
import { suite } from '../support/suite.js'

const test = suite('when a device is challenged again')

const HOUR_MS = 3_600_000

/** Reproducible: fast-check hands in the seed (mulberry32). */
function seeded(seed: number): Random {
  let state = seed >>> 0
  const next = () => {
    state = (state + 0x6d2b79f5) >>> 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return (t ^ (t >>> 14)) >>> 0
  }
  return {
    bytes: (length) => Uint8Array.from({ length }, () => next() & 255),
    below: (below) => Math.floor((next() / 2 ** 32) * below),
  }
}

const candidate = (peer: string): Candidate => ({
  peer,
  params: (effort) => ({ n: 256, rounds: 1 + Math.floor(effort * 4) }),
})

/** Challenges for some days, each taking what `cost` says. */
function live(seed: number, peers: readonly string[], days: number, cost: () => number, leastGapMs = 0) {
  const random = seeded(seed)
  const past: Challenged[] = []
  const sizes = new Set<number>()
  for (let now = 0; now < days * 24 * HOUR_MS; ) {
    const facts = {
      now,
      past: past.slice(-256),
      candidates: peers.map(candidate),
      leastGapMs,
      expectedMs: 1_000,
    }
    const duty = planDuty(facts, random)!
    assert.ok(duty.atMs >= now)
    const tookMs = cost()
    past.push({ peer: duty.peer, atMs: duty.atMs, tookMs })
    sizes.add(duty.params.rounds)
    now = duty.atMs + tookMs
  }
  return { past, sizes }
}

test('no hour holds more proofs than a hundredth of it, and about half of that is used', () => {
  fc.assert(
    fc.property(fc.integer(), fc.integer({ min: 200, max: 15_000 }), (seed, costMs) => {
      const { past } = live(seed, ['a'], 1, () => costMs)
      for (const { atMs } of past) {
        const spent = past
          .filter((each) => each.atMs > atMs - HOUR_MS && each.atMs <= atMs)
          .reduce((sum, { tookMs }) => sum + tookMs, 0)
        assert.ok(spent <= DUTY_SHARE * HOUR_MS, `${spent} ms in an hour`)
      }
      assert.ok(past.length > 10)
    }),
    { numRuns: 5 },
  )
  const { past } = live(7, ['a'], 3, () => 200)
  const share = (past.length * 200) / (3 * 24 * HOUR_MS)
  assert.ok(share > 0.004 && share < 0.006, String(share))
})

test('proofs that take longer than any before are made up for', () => {
  const random = seeded(3)
  const { past } = live(3, ['a'], 4, () => (random.below(10) === 0 ? 30_000 : 300))
  const spent = past.reduce((sum, { tookMs }) => sum + tookMs, 0)
  assert.ok(spent < DUTY_SHARE * 4 * 24 * HOUR_MS, String(spent))
})

test('the time since the last challenge says nothing about the next one', () => {
  const { past } = live(11, ['a'], 5, () => 100)
  const gaps = past.slice(1).map(({ atMs }, at) => atMs - past[at]!.atMs)
  const mean = gaps.reduce((sum, gap) => sum + gap, 0) / gaps.length
  const longerThan = (least: number) => gaps.filter((gap) => gap > least)
  assert.ok(gaps.length > 5_000)
  for (const waited of [0, mean / 2, mean, 2 * mean]) {
    const left = longerThan(waited)
    const rest = left.reduce((sum, gap) => sum + gap - waited, 0) / left.length
    assert.ok(rest > 0.85 * mean && rest < 1.15 * mean, `after ${waited} ms: ${rest} of ${mean}`)
  }
})

test('whoever was not challenged for long is likelier, nobody is left out or safe, and sizes differ', () => {
  const { past, sizes } = live(5, ['a', 'b', 'c', 'd'], 10, () => 500, 600_000)
  for (const peer of ['a', 'b', 'c', 'd']) {
    const share = past.filter((each) => each.peer === peer).length / past.length
    assert.ok(share > 0.2 && share < 0.3, `${peer}: ${share}`)
  }
  assert.ok(
    past.some(({ peer }, at) => peer === past[at + 1]?.peer),
    'twice in a row happens too',
  )
  assert.equal([...sizes].sort(), [1, 2, 3, 4])
  const gap = past.at(-1)!.atMs / past.length
  assert.ok(gap > 500_000 && gap < 700_000, `${gap} ms between two`)
  const now = 1_000_000
  const known = [{ peer: 'a', atMs: now - 1, tookMs: 1 }]
  const facts = { now, past: known, candidates: ['a', 'b'].map(candidate), leastGapMs: 0, expectedMs: 1 }
  assert.is(planDuty(facts, seeded(1))?.peer, 'b')
  assert.is(planDuty({ ...facts, candidates: [] }, seeded(1)), undefined)
})

test('strangers get a hundredth of a device’s time in the long run, whatever they ask for', () => {
  fc.assert(
    fc.property(
      fc.array(fc.integer({ min: 1, max: 10_000 }), { minLength: 200, maxLength: 200 }),
      (costs) => {
        const bucket = new TokenBucket(STRANGERS_RATE, 0)
        let now = 0
        let spent = 0
        for (const cost of costs) {
          now += bucket.borrow(now, 0)
          bucket.borrow((now += cost), cost)
          spent += cost
        }
        assert.ok(spent <= STRANGERS_RATE.burst + 10_000 + DUTY_SHARE * now, `${spent} of ${now}`)
      },
    ),
    { numRuns: 30 },
  )
})

test('what a proof takes in the middle of a job is not charged, a renter that asks all the time pays for it', () => {
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.boolean(), fc.integer({ min: 1, max: 5_000 })), { maxLength: 50 }),
      (steps) => {
        let [elapsed, proved, charged] = [0, 0, 0]
        for (const [isProof, ms] of steps) {
          elapsed += ms
          if (isProof) proved += ms
          const now = elapsed - unchargedMs(proved, elapsed)
          assert.ok(now >= charged, 'what was charged is never taken back')
          assert.ok(now >= (1 - DUTY_SHARE) * elapsed)
          charged = now
        }
      },
    ),
  )
  assert.is(unchargedMs(500, 100_000), 500)
  assert.is(unchargedMs(50_000, 100_000), 1_000)
})

test.run()
