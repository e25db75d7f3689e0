import * as assert from 'uvu/assert'
import { parseWindow, type Window } from '../../config/schedule.js'
import type { OwnerSettings } from '../../node/owner/decision.js'
import { createGuard } from '../../node/owner/guard.js'
import type { Seen, Sensor } from '../../node/owner/port.js'
import { silentLog } from '../../node/system/log.js'
import { createVirtualClock } from '../support/clock.js'
import { createMemoryStore } from '../support/provider.js'
import { suite } from '../support/suite.js'

const test = suite('owner guard')

const SETTINGS: OwnerSettings = {
  idleAfterMs: 60_000,
  gpuBusyPercent: 20,
  cpuBusyPercent: 60,
  noticeMs: 10_000,
  gameWaits: false,
}
const NOW = Date.parse('2026-11-20T21:00:00Z')

function play(options: { windows?: string[]; settings?: Partial<OwnerSettings>; fails?: number } = {}) {
  const clock = createVirtualClock(NOW)
  const store = createMemoryStore()
  const acts: string[] = []
  let tell: (seen: Seen) => void = () => {}
  let stopped = 0
  let fails = options.fails ?? 0
  const sensor: Sensor = {
    name: 'command',
    means: 'the test',
    start: (told) => {
      tell = told
    },
    stop: async () => void stopped++,
  }
  const open = () =>
    createGuard({
      sensors: [sensor],
      blind: [{ name: 'input', reason: 'no display' }],
      settings: { ...SETTINGS, ...options.settings },
      windows: (options.windows ?? []).map((text) => parseWindow(text) as Window),
      store,
      clock,
      log: silentLog,
      acts: {
        free: async (untilMs) => {
          if (fails-- > 0) throw new Error('the driver is gone')
          acts.push(untilMs === undefined ? 'free' : `free until ${(untilMs - NOW) / 1_000}`)
        },
        leaving: async (atMs) => void acts.push(`leaving at ${(atMs - NOW) / 1_000}`),
        standStill: async () => void acts.push('stand still'),
        leave: async (because) => void acts.push(because),
      },
    })
  return { clock, store, acts, open, tell: (seen: Seen) => tell(seen), stopped: () => stopped }
}

test('what a sensor tells is acted upon at once, and taken back after the idle time', async () => {
  const { clock, acts, open, tell, stopped } = play()
  const guard = await open()
  await guard.start()
  tell({ command: 'a render' })
  await clock.advance(0)
  assert.equal(acts, ['a render'])
  tell({ command: undefined })
  await clock.advance(59_000)
  assert.equal(acts, ['a render'])
  await clock.advance(2_000)
  assert.equal(acts, ['a render', 'free'])
  assert.equal(guard.view().blind, [{ name: 'input', reason: 'no display' }])
  await guard.stop()
  assert.is(stopped(), 1)
  assert.is(clock.pending(), 0, 'nothing goes on after it')
})

test('a pause gives its notice, survives a restart, and ends by itself', async () => {
  const { clock, acts, open } = play()
  const first = await open()
  await first.start()
  await first.pause({ forMs: 7_200_000 })
  assert.equal(acts, ['leaving at 10'])
  await clock.advance(10_000)
  assert.equal(acts, ['leaving at 10', 'paused by its owner'])
  await first.stop()
  const second = await open()
  assert.equal(second.view().verdict, {
    kind: 'away',
    because: 'paused by its owner',
    untilMs: NOW + 10_000 + 7_200_000,
  })
  await second.start()
  assert.is(acts.length, 3)
  await clock.advance(7_200_000)
  assert.is(acts.at(-1), 'free')
  await second.stop()
  const third = await open()
  assert.is(third.view().verdict.kind, 'free', 'a pause that is over is forgotten')
})

test('with now nobody is told before, and resume ends it', async () => {
  const { acts, open } = play()
  const guard = await open()
  await guard.start()
  await guard.pause({ noticeMs: 0 })
  assert.equal(acts, ['paused by its owner'])
  await guard.resume()
  assert.equal(acts, ['paused by its owner', 'free'])
  await guard.stop()
})

test('a schedule opens and closes on the wall clock, and its end is told before', async () => {
  const { clock, acts, open } = play({ windows: ['22:00:30-22:01:00 Europe/Berlin'] })
  const guard = await open()
  assert.is(guard.view().verdict.kind, 'away')
  await guard.start()
  await clock.advance(30_000)
  assert.equal(acts, ['outside of its schedule', 'free until 60'])
  await clock.advance(20_000)
  assert.is(acts.at(-1), 'leaving at 60')
  await clock.advance(10_000)
  assert.is(acts.at(-1), 'outside of its schedule')
  await guard.stop()
})

test('what could not be done is tried again for as long as it is wanted', async () => {
  const { clock, acts, open, tell } = play({ fails: 2 })
  const guard = await open()
  await guard.start()
  tell({ command: '' })
  tell({ command: undefined })
  await clock.advance(61_000)
  assert.is(acts.length, 1, 'the card did not come up')
  await clock.advance(20_000)
  assert.is(acts.at(-1), 'free')
  await guard.stop()
})

test.run()
