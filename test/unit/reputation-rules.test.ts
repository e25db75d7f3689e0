import fc from 'fast-check'
import * as assert from 'uvu/assert'
import {
  type ConductEvidence,
  EXPERIENCES,
  type Experience,
  type ExperienceKind,
  type PastLease,
  REPUTATION,
  reliabilityOf,
  type Tally,
  tallyUp,
  weightOf,
} from '../../protocols/inventory/reputation.js'
import { suite } from '../support/suite.js'

const test = suite('reputation rules')

const DAY_MS = 86_400_000
const NOW = 400 * DAY_MS
const STAKE = 10_000_000n
const KINDS = Object.keys(EXPERIENCES) as ExperienceKind[]

const NOTHING: ConductEvidence = {
  own: ['node', 'owner', 'payout'],
  leases: [],
  slashedAtMs: [],
  silentAtMs: [],
  verifiersWeight: 0n,
  verifiers: 0,
  experience: {},
  minimumStake: STAKE,
}
const worthOf = (changes: Partial<ConductEvidence>, now = NOW) =>
  reliabilityOf({ ...NOTHING, ...changes }, now).reliability

const times = fc.integer({ min: 0, max: NOW })
const leases = (renters: readonly string[]) =>
  fc.array(
    fc.record<PastLease>({
      end: fc.constantFrom('settled', 'failed', 'unfinished'),
      renter: fc.constantFrom(...renters),
      amount: fc.bigInt(0n, 2n ** 64n - 1n),
      atMs: times,
    }),
    { maxLength: 60 },
  )
const tally = fc
  .record({
    count: fc.integer({ min: 1, max: 1_000 }),
    share: fc.double({ min: 0, max: 1, noNaN: true }),
    atMs: times,
  })
  .map(({ count, share, atMs }): Tally => ({ count, left: count * share, atMs }))
const experience: fc.Arbitrary<Experience> = fc.dictionary(fc.constantFrom(...KINDS), tally, { maxKeys: 6 })
const evidence: fc.Arbitrary<ConductEvidence> = fc.record({
  own: fc.constant(NOTHING.own),
  leases: leases(['anna', 'bert', 'carl', 'owner', ...Array.from({ length: 20 }, (_, at) => `renter ${at}`)]),
  slashedAtMs: fc.array(times, { maxLength: 3 }),
  silentAtMs: fc.array(times, { maxLength: 3 }),
  verifiersWeight: fc.bigInt(-(2n ** 64n), 2n ** 64n),
  verifiers: fc.nat(32),
  experience,
  minimumStake: fc.constantFrom(0n, 1n, STAKE, 2n ** 63n),
})

test('nothing known is the middle, and says so', () => {
  const newcomer = reliabilityOf(NOTHING, NOW)
  assert.is(newcomer.reliability, 0.5)
  assert.is(newcomer.leases, 0)
  assert.is(newcomer.sinceMs, undefined)
})

test('whatever the evidence, a reliability lies between 0 and 1', () => {
  fc.assert(
    fc.property(evidence, times, (found, now) => {
      const { reliability, evidence: parts } = reliabilityOf(found, now)
      assert.ok(reliability > 0 && reliability < 1, String(reliability))
      assert.ok(parts.every(({ good, bad }) => good >= 0 && bad >= 0))
    }),
  )
})

test('one more lease that went well never lowers it; one that failed, or was broken off, never raises it', () => {
  const more = fc.record({
    renter: fc.constantFrom('anna', 'zoe'),
    amount: fc.bigInt(0n, 2n ** 40n),
    atMs: times,
  })
  fc.assert(
    fc.property(evidence, more, (found, lease) => {
      const before = reliabilityOf(found, NOW).reliability
      const withEnd = (end: PastLease['end']) =>
        reliabilityOf({ ...found, leases: [...found.leases, { ...lease, end }] }, NOW).reliability
      assert.ok(withEnd('settled') >= before - 1e-12)
      assert.ok(withEnd('failed') <= before + 1e-12)
      assert.ok(withEnd('unfinished') <= before + 1e-12)
      assert.ok(withEnd('failed') <= withEnd('unfinished') + 1e-12)
    }),
  )
})

test('a slash or a silence never raises it, and more stake of verifiers in favour never lowers it', () => {
  fc.assert(
    fc.property(evidence, times, fc.bigInt(0n, 2n ** 64n), (found, atMs, stake) => {
      const before = reliabilityOf(found, NOW).reliability
      const slashed = { ...found, slashedAtMs: [...found.slashedAtMs, atMs] }
      assert.ok(reliabilityOf(slashed, NOW).reliability <= before + 1e-12)
      const silent = { ...found, silentAtMs: [...found.silentAtMs, atMs] }
      assert.ok(reliabilityOf(silent, NOW).reliability <= before + 1e-12)
      const backed = { ...found, verifiersWeight: found.verifiersWeight + stake }
      assert.ok(reliabilityOf(backed, NOW).reliability >= before - 1e-12)
    }),
  )
})

test('each experience moves it the way that its kind says', () => {
  fc.assert(
    fc.property(evidence, fc.constantFrom(...KINDS), (found, kind) => {
      const before = reliabilityOf(found, NOW).reliability
      const after = reliabilityOf(
        {
          ...found,
          experience: { ...found.experience, [kind]: tallyUp(found.experience[kind], kind, NOW) },
        },
        NOW,
      ).reliability
      if (EXPERIENCES[kind].good > 0) assert.ok(after > before - 1e-12)
      else assert.ok(after < before + 1e-12)
    }),
  )
})

test('with time everything but what verifiers say today is forgotten: it comes back to the middle', () => {
  fc.assert(
    fc.property(evidence, (found) => {
      const old = { ...found, verifiersWeight: 0n }
      const later = reliabilityOf(old, NOW + 40 * REPUTATION.lieHalfLifeMs).reliability
      assert.ok(Math.abs(later - reliabilityOf(NOTHING, NOW).reliability) < 1e-6, String(later))
    }),
  )
})

test('half of the worth of a lease is gone after the half-life', () => {
  const at = (ageMs: number) =>
    reliabilityOf(
      { ...NOTHING, leases: [{ end: 'settled', renter: 'anna', amount: STAKE, atMs: NOW - ageMs }] },
      NOW,
    ).evidence.find(({ source }) => source === 'leases')?.good
  assert.is(at(0), 1)
  assert.is(at(REPUTATION.halfLifeMs), 0.5)
  assert.is(at(2 * REPUTATION.halfLifeMs), 0.25)
})

test('one renter cannot lift a newcomer above two thirds, nor sink it below one third, whatever it pays', () => {
  fc.assert(
    fc.property(leases(['washer']), (washed) => {
      const value = worthOf({ leases: washed })
      assert.ok(value <= 4 / 6 + 1e-12 && value >= 2 / 6 - 1e-12, String(value))
    }),
  )
  const washed = Array.from({ length: 1_000 }, (): PastLease => {
    return { end: 'settled', renter: 'washer', amount: 2n ** 60n, atMs: NOW }
  })
  assert.ok(Math.abs(worthOf({ leases: washed }) - 4 / 6) < 1e-12)
})

test('one renter more, on top of any evidence, counts for two leases at most', () => {
  fc.assert(
    fc.property(evidence, leases(['washer']), (found, washed) => {
      const goodOf = (all: readonly PastLease[]) =>
        reliabilityOf({ ...found, leases: all }, NOW).evidence[1]!.good
      const lifted = goodOf([...found.leases, ...washed]) - goodOf(found.leases)
      assert.ok(lifted <= REPUTATION.mostPerRenter + 1e-9, String(lifted))
    }),
  )
})

test('all renters of the world together cannot lift a newcomer above nine tenths', () => {
  const washed = Array.from({ length: 5_000 }, (_, at): PastLease => {
    return { end: 'settled', renter: `renter ${at}`, amount: 2n ** 60n, atMs: NOW }
  })
  assert.ok(Math.abs(worthOf({ leases: washed }) - 0.9) < 1e-12)
})

test('leases that the provider paid for itself say nothing', () => {
  fc.assert(
    fc.property(leases(['node', 'owner', 'payout']), (own) => {
      const { reliability, leases: counted, sinceMs } = reliabilityOf({ ...NOTHING, leases: own }, NOW)
      assert.is(reliability, 0.5)
      assert.is(counted, 0)
      assert.is(sinceMs, undefined)
    }),
  )
})

test('a lease weighs by what was paid in it: nothing for nothing, in full from a stated sum on', () => {
  assert.is(weightOf(0n, STAKE), 0)
  assert.is(weightOf((STAKE / 1_000n) * 15n, STAKE), 1)
  assert.is(weightOf(2n ** 64n - 1n, STAKE), 1)
  assert.is(weightOf(STAKE / 1_000n, STAKE), 0.25)
  assert.ok(weightOf(1n, 0n) > 0, 'a market without a least stake')
})

test('the example of node/reputation/README.md', () => {
  const example = worthOf({
    leases: [
      ...Array.from({ length: 5 }, (): PastLease => {
        return { end: 'settled', renter: 'anna', amount: 150_000n, atMs: NOW }
      }),
      { end: 'settled', renter: 'bert', amount: 10_000n, atMs: NOW - 30 * DAY_MS },
    ],
    experience: { completed: tallyUp(undefined, 'completed', NOW) },
  })
  assert.is(example, 5.125 / 7.125)
})

test('a proven lie weighs more than a long good story', () => {
  const long = Array.from({ length: 40 }, (_, at): PastLease => {
    return { end: 'settled', renter: `renter ${at}`, amount: STAKE, atMs: NOW }
  })
  assert.ok(worthOf({ leases: long }) > 0.89)
  assert.ok(worthOf({ leases: long, slashedAtMs: [NOW] }) < 0.5)
})

test('verifiers without a stake are not heard, and with any stake for no more than two leases', () => {
  assert.is(worthOf({ verifiers: 30, verifiersWeight: 0n }), 0.5)
  assert.is(worthOf({ verifiers: 1, verifiersWeight: 2n ** 64n }), 4 / 6)
  assert.is(worthOf({ verifiers: 1, verifiersWeight: -(2n ** 64n) }), 2 / 6)
  assert.is(worthOf({ verifiers: 1, verifiersWeight: STAKE }), 2.5 / 4.5)
})

test('good conduct counts from the first lease that was paid after the last that failed', () => {
  const lease = (end: PastLease['end'], day: number, amount = STAKE): PastLease => {
    return { end, renter: 'anna', amount, atMs: day * DAY_MS }
  }
  const since = (changes: Partial<ConductEvidence>) => reliabilityOf({ ...NOTHING, ...changes }, NOW).sinceMs
  const story = [lease('settled', 10), lease('settled', 20), lease('failed', 30), lease('settled', 40)]
  assert.is(since({ leases: story.slice(0, 2) }), 10 * DAY_MS)
  assert.is(since({ leases: story.slice(0, 3) }), undefined)
  assert.is(since({ leases: story }), 40 * DAY_MS)
  assert.is(since({ leases: [...story, lease('unfinished', 50)] }), 40 * DAY_MS)
  assert.is(since({ leases: [...story, lease('settled', 35, 0n)] }), 40 * DAY_MS)
  assert.is(since({ leases: story, slashedAtMs: [45 * DAY_MS] }), undefined)
  assert.is(since({ leases: story, silentAtMs: [45 * DAY_MS] }), undefined)
  const lied = { lied: tallyUp(undefined, 'lied', 45 * DAY_MS) }
  assert.is(since({ leases: story, experience: lied }), undefined)
})

test('a tally remembers as much as the single notes would', () => {
  fc.assert(
    fc.property(fc.array(times, { minLength: 1, maxLength: 20 }), (at) => {
      const ordered = [...at].sort((a, b) => a - b)
      let kept: Tally | undefined
      for (const time of ordered) kept = tallyUp(kept, 'failed', time)
      const all = ordered.reduce((sum, time) => sum + 2 ** (-(kept!.atMs - time) / REPUTATION.halfLifeMs), 0)
      assert.is(kept?.count, ordered.length)
      assert.ok(Math.abs(kept!.left - all) < 1e-9)
    }),
  )
})

test.run()
