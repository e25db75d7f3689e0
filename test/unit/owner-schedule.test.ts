import fc from 'fast-check'
import * as assert from 'uvu/assert'
import { isOpen, nextChange, parseWindow, type Window } from '../../config/schedule.js'
import { suite } from '../support/suite.js'

const test = suite('owner schedule')

const windowOf = (text: string): Window => {
  const window = parseWindow(text)
  assert.ok(window, `${text} is no window`)
  return window as Window
}
const at = (iso: string): number => Date.parse(iso)

/** The wall clock of a zone by another way than the program's: Sweden writes dates as ISO 8601 does. */
function wallText(zone: string, ms: number): { day: string; time: string } {
  const [date = '', time = ''] = new Date(ms).toLocaleString('sv-SE', { timeZone: zone }).split(' ')
  const day = new Date(ms).toLocaleDateString('en-GB', { timeZone: zone, weekday: 'short' })
  return { day, time: `${time}|${date}` }
}

test('a window over midnight belongs to the day on which it begins', () => {
  const friday = [windowOf('Fri 22:00-07:00 Europe/Berlin')]
  assert.is(isOpen(friday, at('2026-11-20T20:59:59Z')), false)
  assert.is(isOpen(friday, at('2026-11-20T21:00:00Z')), true)
  assert.is(isOpen(friday, at('2026-11-21T05:59:59Z')), true, 'Saturday morning is still Friday’s night')
  assert.is(isOpen(friday, at('2026-11-21T06:00:00Z')), false)
  assert.is(isOpen(friday, at('2026-11-20T02:00:00Z')), false, 'Friday’s own morning is Thursday’s night')
  assert.is(nextChange(friday, at('2026-11-21T00:00:00Z')), at('2026-11-21T06:00:00Z'))
  assert.is(nextChange(friday, at('2026-11-21T06:00:00Z')), at('2026-11-27T21:00:00Z'))
})

test('the wall clock is the zone’s own, so a night is an hour shorter or longer when it is set', () => {
  const night = [windowOf('22:00–07:00 Europe/Berlin')]
  const lengthOf = (start: string) => ((nextChange(night, at(start)) ?? 0) - at(start)) / 3_600_000
  assert.is(lengthOf('2026-03-28T21:00:00Z'), 8, 'summer time begins')
  assert.is(lengthOf('2026-03-29T20:00:00Z'), 9)
  assert.is(lengthOf('2026-10-24T20:00:00Z'), 10, 'summer time ends')
})

test('an hour that the clock jumps over is never open, and one that it shows twice is open twice', () => {
  const early = [windowOf('02:00-03:00 Europe/Berlin')]
  const during = (from: string, hours: number) => {
    const moments = Array.from({ length: hours * 4 }, (_, quarter) => at(from) + quarter * 900_000)
    return moments.filter((moment) => isOpen(early, moment)).length / 4
  }
  assert.is(during('2026-03-28T23:00:00Z', 6), 0)
  assert.is(during('2026-10-24T22:00:00Z', 6), 2)
  assert.is(
    nextChange(early, at('2026-10-25T00:00:00Z')),
    at('2026-10-25T02:00:00Z'),
    'without a break between',
  )
  assert.is(nextChange(early, at('2026-03-28T23:00:00Z')), at('2026-03-30T00:00:00Z'))
})

test('several windows are open when any of them is, and always means that nothing changes', () => {
  const week = [windowOf('Mon-Fri 20:00-08:00 UTC'), windowOf('Sat/Sun 00:00-24:00 UTC')]
  assert.is(isOpen(week, at('2026-11-21T12:00:00Z')), true)
  assert.is(
    isOpen(week, at('2026-11-23T07:59:59Z')),
    false,
    'Sunday’s window ends at midnight, Monday’s begins at eight',
  )
  assert.is(nextChange(week, at('2026-11-20T20:00:00Z')), at('2026-11-23T00:00:00Z'))
  assert.is(nextChange([windowOf('00:00-24:00 UTC')], at('2026-11-20T20:00:00Z')), undefined)
})

test('what is no window is refused', () => {
  const wrong = [
    '',
    '22:00',
    '22:00-22:00',
    '24:00-07:00',
    '25:00-07:00',
    '22:60-07:00',
    '7:00-9:00',
    'Foo 22:00-07:00',
    'Fri,Sat 22:00-07:00',
    '22:00-07:00 Europe/Atlantis',
    '22:00-07:00 Europe/Berlin tomorrow',
  ]
  for (const text of wrong) assert.is(parseWindow(text), undefined, text)
  assert.ok(parseWindow('fri-mon 22:00:30-07:00 America/St_Johns'))
  assert.is(windowOf('Fri-Mon 22:00-07:00 UTC').days.size, 4)
})

const ZONES = [
  'UTC',
  'Europe/Berlin',
  'America/New_York',
  'Asia/Kathmandu',
  'Australia/Lord_Howe',
  'Pacific/Apia',
]
const DAYS = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat']
const time = fc
  .tuple(fc.integer({ min: 0, max: 23 }), fc.integer({ min: 0, max: 59 }))
  .map(([hour, minute]) => `${String(hour).padStart(2, '0')}:${String(minute).padStart(2, '0')}`)
const written = fc
  .record({ from: time, to: time, zone: fc.constantFrom(...ZONES), day: fc.option(fc.constantFrom(...DAYS)) })
  .filter(({ from, to }) => from !== to)
const moment = fc.integer({
  min: at('2026-01-01T00:00:00Z') / 1_000,
  max: at('2028-01-01T00:00:00Z') / 1_000,
})

test('law: a window is open exactly when the wall clock shows a time within it', () => {
  fc.assert(
    fc.property(written, moment, ({ from, to, zone, day }, seconds) => {
      const window = windowOf(`${day === null ? '' : `${day} `}${from}-${to} ${zone}`)
      const { day: today, time: shown } = wallText(zone, seconds * 1_000)
      const yesterday = DAYS[(DAYS.indexOf(today) + 6) % 7]
      const isDay = (name: string | undefined) => day === null || day === name
      const expected =
        from < to
          ? isDay(today) && shown >= from && shown < to
          : (isDay(today) && shown >= from) || (isDay(yesterday) && shown < to)
      assert.is(isOpen([window], seconds * 1_000), expected)
    }),
    { numRuns: 300 },
  )
})

test('law: between now and the next change nothing changes, and at it something does', () => {
  fc.assert(
    fc.property(
      fc.array(written, { minLength: 1, maxLength: 3 }),
      moment,
      fc.double({ min: 0, max: 0.999, noNaN: true }),
      (all, seconds, share) => {
        const windows = all.map(({ from, to, zone, day }) =>
          windowOf(`${day === null ? '' : `${day} `}${from}-${to} ${zone}`),
        )
        const now = seconds * 1_000
        const next = nextChange(windows, now)
        const open = isOpen(windows, now)
        const until = next ?? now + 8 * 86_400_000
        const between = Math.floor((now + share * (until - now)) / 1_000) * 1_000
        if (between > now) assert.is(isOpen(windows, between), open)
        if (next === undefined) return
        assert.is(isOpen(windows, next), !open)
        assert.is(isOpen(windows, next - 1_000), open)
      },
    ),
    { numRuns: 60 },
  )
})

test.run()
