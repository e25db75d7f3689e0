import * as assert from 'uvu/assert'
import { startPatrol } from '../../node/renter/patrol.js'
import type { HardwareVerdict } from '../../node/renter/verification.js'
import { silentLog } from '../../node/system/log.js'
import { systemRandom } from '../../node/system/random.js'
import { flops, type ProofParams } from '../../protocols/challenge/params.js'
import { Availability } from '../../protocols/heartbeat/wire.js'
import { createVirtualClock } from '../support/clock.js'
import { makeDevice, makeHeartbeat } from '../support/messages.js'
import { suite } from '../support/suite.js'

const test = suite('an idle node with a stake looks at others')

const DAY_MS = 86_400_000

function watch(facts: {
  stake?: bigint
  idle?: boolean
  heard?: Record<string, Availability>
  takes?: number
}) {
  const clock = createVirtualClock()
  const {
    stake = 1n,
    idle = true,
    heard = { a: Availability.FREE, b: Availability.FREE },
    takes = 2_000,
  } = facts
  const asked: Array<{ peer: string; params: ProofParams; atMs: number }> = []
  const patrol = startPatrol({
    self: 'self',
    heartbeats: {
      all: () =>
        [...Object.entries(heard), ['self', Availability.FREE] as const].map(([peer, availability]) => ({
          peer,
          heartbeat: makeHeartbeat({ availability, devices: [makeDevice({ gflops: 1_000 })] }),
          envelope: new Uint8Array(),
          receivedAtMs: 0,
        })),
    },
    verify: async (peer, signal, params) => {
      asked.push({ peer, params, atMs: clock.elapsed() })
      await clock.sleep(takes, signal)
      if (peer === 'gone') throw new Error('it does not say what it has')
      return { ok: peer !== 'liar', reason: 'OPENING_DIFFERS' } as HardwareVerdict
    },
    ownStake: async () => stake,
    isIdle: () => idle,
    clock,
    random: systemRandom,
    log: silentLog,
  })
  return { clock, patrol, asked }
}

test('each provider that is free is challenged at random moments, within a hundredth of the time', async () => {
  const { clock, patrol, asked } = watch({})
  await clock.advance(10 * DAY_MS)
  const perDay = asked.length / 10
  assert.ok(perDay > 100 && perDay < 190, `${perDay} a day: one in ten minutes is 144`)
  assert.equal([...new Set(asked.map(({ peer }) => peer))].sort(), ['a', 'b'])
  assert.ok(new Set(asked.map(({ params }) => flops(params))).size > 1, 'of different sizes')
  assert.equal(patrol.counts(), { challenged: asked.length, favourable: asked.length })
  patrol.stop()
  const before = asked.length
  await clock.advance(DAY_MS)
  assert.is(asked.length, before)
})

test('slow proofs are asked for seldom', async () => {
  const { clock, patrol, asked } = watch({ takes: 30_000 })
  await clock.advance(10 * DAY_MS)
  patrol.stop()
  assert.ok(asked.length * 30_000 < 0.01 * 10 * DAY_MS, `${asked.length} of half a minute`)
  assert.ok(asked.length > 50)
})

test('nobody is challenged without a stake, while busy, or when nobody is free', async () => {
  const cases: Array<Parameters<typeof watch>[0]> = [
    { stake: 0n },
    { idle: false },
    { heard: {} },
    { heard: { a: Availability.BUSY, b: Availability.PAUSED } },
  ]
  for (const facts of cases) {
    const { clock, patrol, asked } = watch(facts)
    await clock.advance(2 * DAY_MS)
    patrol.stop()
    assert.is(
      asked.length,
      0,
      JSON.stringify(facts, (_, value) => String(value)),
    )
    assert.equal(patrol.counts(), { challenged: 0, favourable: 0 })
  }
})

test('a liar counts, and one that is gone ends nothing', async () => {
  const { clock, patrol, asked } = watch({ heard: { gone: Availability.FREE, liar: Availability.FREE } })
  await clock.advance(2 * DAY_MS)
  patrol.stop()
  const lies = asked.filter(({ peer }) => peer === 'liar').length
  assert.ok(lies > 0 && lies < asked.length)
  assert.equal(patrol.counts(), { challenged: lies, favourable: 0 })
})

test.run()
