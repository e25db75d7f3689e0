import fc from 'fast-check'
import * as assert from 'uvu/assert'
import {
  decide,
  type Facts,
  INITIAL,
  LEAST_COOLING_MS,
  LONGEST_COOLING_MS,
  type OwnerSettings,
  type OwnerState,
  type Verdict,
} from '../../node/owner/decision.js'
import type { Seen } from '../../node/owner/port.js'
import { suite } from '../support/suite.js'

const test = suite('owner decision')

const SETTINGS: OwnerSettings = {
  idleAfterMs: 300_000,
  gpuBusyPercent: 20,
  cpuBusyPercent: 60,
  noticeMs: 0,
  gameWaits: false,
}
/** Unix time when the stop watch shows 0. */
const EPOCH = 1_800_000_000_000

interface Step {
  afterMs: number
  facts: Facts
}

/** Every verdict along the way, with the time at which it was given. */
function follow(
  steps: readonly Step[],
  settings: OwnerSettings,
): Array<{ atMs: number; verdict: Verdict; state: OwnerState }> {
  let state = INITIAL
  let elapsedMs = 0
  return steps.map(({ afterMs, facts }) => {
    elapsedMs += afterMs
    state = decide(state, facts, settings, { elapsedMs, unixMs: EPOCH + elapsedMs })
    return { atMs: elapsedMs, verdict: state.verdict, state }
  })
}

const kindsOf = (steps: readonly Step[], settings: Partial<OwnerSettings> = {}) =>
  follow(steps, { ...SETTINGS, ...settings }).map(({ verdict }) => verdict.kind)
const saw = (seen: Seen, afterMs = 1_000): Step => ({ afterMs, facts: { seen } })
const nothing = (afterMs = 1_000): Step => saw({}, afterMs)
const GAME: Seen = { gpu: { percent: 80, program: 'game' } }

test('a game has the card at once, and the node comes back when nothing was seen of it for so long', () => {
  assert.equal(kindsOf([nothing(), saw(GAME), nothing(), nothing(298_000), nothing(1_000)]), [
    'free',
    'away',
    'away',
    'away',
    'free',
  ])
})

test('it says who wants the card, and until when it is away', () => {
  const [, away] = follow([nothing(), saw(GAME)], SETTINGS)
  assert.equal(away?.verdict, {
    kind: 'away',
    because: 'game uses the card',
    untilMs: EPOCH + 2_000 + SETTINGS.idleAfterMs,
  })
})

test('a program below the threshold does not count, and one that fell to half of it still does', () => {
  const at = (percent: number) => saw({ gpu: { percent, program: 'browser' } }, 200_000)
  assert.equal(kindsOf([at(19), at(20), at(10), at(10), at(9), at(9)]), [
    'free',
    'away',
    'away',
    'away',
    'away',
    'free',
  ])
})

test('somebody who types is there, for as long as the idle time after the last key', () => {
  const ago = (inputAgoMs: number, afterMs: number) => saw({ inputAgoMs }, afterMs)
  assert.equal(kindsOf([ago(400_000, 1_000), ago(0, 1_000), ago(299_000, 299_000), ago(300_000, 1_000)]), [
    'free',
    'away',
    'away',
    'free',
  ])
})

test('a full screen, busy processors and the owner’s own program count as well', () => {
  assert.equal(kindsOf([saw({ fullscreen: 'player' })]), ['away'])
  assert.equal(kindsOf([saw({ cpuPercent: 59 }), saw({ cpuPercent: 60 })]), ['free', 'away'])
  assert.equal(kindsOf([saw({ command: '' })]), ['away'])
})

test('where the game waits, the renter has its notice first', () => {
  const waiting = { noticeMs: 10_000, gameWaits: true }
  assert.equal(kindsOf([saw(GAME), saw(GAME, 9_000), saw(GAME, 1_000)], waiting), [
    'leaving',
    'leaving',
    'away',
  ])
  assert.equal(kindsOf([saw(GAME)], { noticeMs: 10_000 }), ['away'])
})

test('a schedule is told ahead, kept, and begins again', () => {
  const endsMs = EPOCH + 62_000
  const step = (afterMs: number, open: boolean, changesAtMs: number): Step => ({
    afterMs,
    facts: { seen: {}, schedule: { open, changesAtMs } },
  })
  const told = follow(
    [
      step(1_999, true, endsMs),
      step(1, true, endsMs),
      step(60_000, false, EPOCH + 900_000),
      step(838_000, true, EPOCH + 9_000_000),
    ],
    { ...SETTINGS, noticeMs: 60_000 },
  )
  assert.equal(
    told.map(({ verdict }) => verdict),
    [
      { kind: 'free', untilMs: endsMs },
      { kind: 'leaving', atMs: endsMs, because: 'its schedule ends' },
      { kind: 'away', because: 'outside of its schedule', untilMs: EPOCH + 900_000 },
      { kind: 'free', untilMs: EPOCH + 9_000_000 },
    ],
  )
})

test('a pause begins after its notice, and ends by itself', () => {
  const pause = { fromMs: EPOCH + 10_000, untilMs: EPOCH + 20_000 }
  const paused = (afterMs: number): Step => ({ afterMs, facts: { seen: {}, pause } })
  assert.equal(kindsOf([paused(1_000), paused(8_999), paused(1), paused(9_999), paused(1)]), [
    'leaving',
    'leaving',
    'away',
    'away',
    'free',
  ])
})

test('a card that is too hot stands still until it has cooled, and too long or too often sends it away', () => {
  const hot = (celsius: number, afterMs: number) => saw({ celsius }, afterMs)
  const ceiling = { maxCelsius: 80 }
  assert.equal(
    kindsOf([hot(80, 1_000), hot(81, 1_000), hot(76, LEAST_COOLING_MS), hot(75, 1_000)], ceiling),
    ['free', 'cooling', 'cooling', 'free'],
  )
  assert.equal(
    kindsOf([hot(81, 1_000), hot(75, 1_000)], ceiling),
    ['cooling', 'cooling'],
    'it stands still for a while',
  )
  assert.equal(kindsOf([hot(81, 1_000), hot(81, LONGEST_COOLING_MS)], ceiling), ['cooling', 'away'])
  const power = (watts: number) => saw({ watts }, LEAST_COOLING_MS)
  const often = [300, 50, 300, 50, 300, 50, 300].map(power)
  assert.equal(kindsOf(often, { maxWatts: 250 }).at(-1), 'away')
  assert.equal(kindsOf([hot(100, 1_000), power(900)]), ['free', 'free'], 'without a ceiling none is kept')
})

const seen: fc.Arbitrary<Seen> = fc.record({
  gpu: fc.option(fc.record({ percent: fc.integer({ min: 0, max: 100 }), program: fc.constant('p') }), {
    nil: undefined,
  }),
  fullscreen: fc.option(fc.constant('f'), { nil: undefined }),
  inputAgoMs: fc.option(fc.integer({ min: 0, max: 600_000 }), { nil: undefined }),
  celsius: fc.option(fc.integer({ min: 30, max: 100 }), { nil: undefined }),
  command: fc.option(fc.constant(''), { nil: undefined }),
})
const pause = fc.option(
  fc.record({
    fromMs: fc.integer({ min: EPOCH, max: EPOCH + 600_000 }),
    untilMs: fc.integer({ min: EPOCH, max: EPOCH + 900_000 }),
  }),
  { nil: undefined },
)
const steps = fc.array(
  fc
    .record({ afterMs: fc.integer({ min: 1, max: 120_000 }), seen })
    .map(({ afterMs, seen: facts }) => saw(facts, afterMs)),
  { minLength: 1, maxLength: 30 },
)
const settings = fc.record({
  idleAfterMs: fc.integer({ min: 1_000, max: 300_000 }),
  noticeMs: fc.integer({ min: 0, max: 60_000 }),
  gameWaits: fc.boolean(),
  maxCelsius: fc.integer({ min: 60, max: 90 }),
})

const isWanted = (
  { gpu, fullscreen, command, inputAgoMs }: Seen,
  { gpuBusyPercent, idleAfterMs }: OwnerSettings,
) =>
  (gpu !== undefined && gpu.percent >= gpuBusyPercent) ||
  fullscreen !== undefined ||
  command !== undefined ||
  (inputAgoMs !== undefined && inputAgoMs < idleAfterMs)

test('law: while the owner is seen nothing of ours is on the card, unless the owner lets a game wait', () => {
  let checked = 0
  fc.assert(
    fc.property(steps, settings, (all, some) => {
      const used = { ...SETTINGS, ...some }
      follow(all, used).forEach(({ verdict }, index) => {
        if (!isWanted(all[index]!.facts.seen, used)) return
        checked++
        assert.ok(verdict.kind === 'away' || (used.gameWaits && verdict.kind === 'leaving'), verdict.kind)
      })
    }),
  )
  assert.ok(checked > 100)
})

test('law: it comes back only when nothing was seen for the whole idle time, and then it does', () => {
  fc.assert(
    fc.property(steps, settings, (all, some) => {
      const used = { ...SETTINGS, ...some, gameWaits: false }
      const quiet = follow([...all, nothing(used.idleAfterMs), nothing(LONGEST_COOLING_MS)], used)
      assert.is(quiet.at(-1)?.verdict.kind, 'free')
      let lastSeenAt = Number.NEGATIVE_INFINITY
      follow(all, used).forEach(({ atMs, verdict }, index) => {
        const { inputAgoMs, ...others } = all[index]!.facts.seen
        if (isWanted(others, used)) lastSeenAt = atMs
        if (inputAgoMs !== undefined && inputAgoMs < used.idleAfterMs)
          lastSeenAt = Math.max(lastSeenAt, atMs - inputAgoMs)
        if (verdict.kind === 'free') assert.ok(atMs - lastSeenAt >= used.idleAfterMs)
      })
    }),
  )
})

test('law: what the owner said by hand holds whatever else is seen, and nobody is sent away before', () => {
  fc.assert(
    fc.property(steps, settings, pause, (all, some, said) => {
      const used = { ...SETTINGS, ...some }
      const withPause = all.map(({ afterMs, facts }) => ({
        afterMs,
        facts: { ...facts, ...(said && { pause: said }) },
      }))
      for (const { atMs, verdict } of follow(withPause, used)) {
        const now = EPOCH + atMs
        if (said === undefined) continue
        if (now >= said.fromMs && now < said.untilMs) assert.is(verdict.kind, 'away')
        if (now < said.fromMs) assert.is.not(verdict.kind, 'free')
      }
    }),
  )
})

test('law: no moment of leaving is in the past, and while it is told the time comes no nearer than it passes', () => {
  fc.assert(
    fc.property(steps, settings, (all, some) => {
      const used = { ...SETTINGS, ...some, gameWaits: true, noticeMs: some.noticeMs + 1 }
      let told: number | undefined
      for (const { atMs, verdict } of follow(all, used)) {
        if (verdict.kind !== 'leaving') {
          told = undefined
          continue
        }
        assert.ok(verdict.atMs > EPOCH + atMs)
        if (told !== undefined) assert.is(verdict.atMs, told)
        else assert.ok(verdict.atMs <= EPOCH + atMs + used.noticeMs)
        told = verdict.atMs
      }
    }),
  )
})

test.run()
