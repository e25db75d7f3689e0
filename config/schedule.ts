/**
 * When the owner lends the machine, as people write it: `22:00-07:00 Europe/Berlin`, `Mon-Fri 20:00-08:00`,
 * `Sat/Sun 00:00-24:00 UTC`. A window that ends before it begins goes over midnight and belongs to the day on which it
 * begins. All of it is read on the wall clock of its zone, so a window is open at a moment exactly when that clock shows
 * a time within it: an hour that the clock jumps over is never open, one that it shows twice is open twice.
 */
export interface Window {
  /** 0 is Sunday, as `Date` counts. */
  readonly days: ReadonlySet<number>
  /** Seconds from the wall clock's midnight; `to` not above 86,400, and not equal to `from`. */
  readonly from: number
  readonly to: number
  /** IANA name. */
  readonly zone: string
}

const DAY_S = 86_400
const DAY_MS = DAY_S * 1_000
const DAYS = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat'] as const
/** A week has passed every edge of every window; a day more on both sides for zones and windows over midnight. */
const LOOK_AHEAD_DAYS = 9

const TIME = String.raw`(\d{2}):(\d{2})(?::(\d{2}))?`
const DAY = '(?:sun|mon|tue|wed|thu|fri|sat)'
const WINDOW = new RegExp(
  String.raw`^(?:(${DAY}(?:[-–]${DAY})?(?:/${DAY}(?:[-–]${DAY})?)*)\s+)?${TIME}\s?[-–]\s?${TIME}(?:\s+(\S{1,64}))?$`,
  'i',
)

/** Undefined for what is no window. Without a zone it is the system's. */
export function parseWindow(text: string): Window | undefined {
  const match = WINDOW.exec(text.trim())
  if (match === null) return undefined
  const [, days, fromH, fromM, fromS, toH, toM, toS, named] = match
  const from = secondsOf(fromH, fromM, fromS)
  const to = secondsOf(toH, toM, toS)
  const zone = named ?? new Intl.DateTimeFormat().resolvedOptions().timeZone
  if (from === undefined || to === undefined || from === to || from === DAY_S || !isZone(zone))
    return undefined
  return { days: daysOf(days), from, to, zone }
}

function secondsOf(hours = '', minutes = '', seconds = '0'): number | undefined {
  const total = Number(hours) * 3_600 + Number(minutes) * 60 + Number(seconds)
  return Number(minutes) < 60 && Number(seconds) < 60 && total <= DAY_S ? total : undefined
}

function isZone(zone: string): boolean {
  try {
    new Intl.DateTimeFormat('en', { timeZone: zone })
    return true
  } catch {
    return false
  }
}

function daysOf(text: string | undefined): ReadonlySet<number> {
  if (text === undefined) return new Set(DAYS.keys())
  const dayOf = (name: string) => DAYS.findIndex((day) => day.toLowerCase() === name.toLowerCase())
  const days = new Set<number>()
  for (const part of text.split('/')) {
    const [first, last = first] = part.split(/[-–]/).map(dayOf) as [number, number?]
    for (let day = first; ; day = (day + 1) % 7) {
      days.add(day)
      if (day === last) break
    }
  }
  return days
}

/** Whether any of the windows is open at a moment (Unix milliseconds). */
export function isOpen(windows: readonly Window[], atMs: number): boolean {
  return windows.some((window) => {
    const { day, second } = wallClock(window.zone, atMs)
    const { days, from, to } = window
    if (from < to) return days.has(day) && second >= from && second < to
    return (days.has(day) && second >= from) || (days.has((day + 6) % 7) && second < to)
  })
}

/**
 * The first moment after `atMs` at which it opens, if it is closed then, or closes, if it is open: Unix milliseconds.
 * Undefined when that never happens.
 */
export function nextChange(windows: readonly Window[], atMs: number): number | undefined {
  const open = isOpen(windows, atMs)
  const moments = windows.flatMap((window) => edgesOf(window, atMs)).filter((moment) => moment > atMs)
  return moments.sort((a, b) => a - b).find((moment) => isOpen(windows, moment) !== open)
}

/** Every moment of the days around at which a window may open or close: its own edges, and where the clock is set. */
function edgesOf({ zone, from, to }: Window, atMs: number): number[] {
  const edges: number[] = []
  const today = Math.floor((atMs + offsetAt(zone, atMs)) / DAY_MS)
  for (let day = today - 1; day <= today + LOOK_AHEAD_DAYS; day++) {
    // Midnight too: the days of a window begin and end there.
    for (const second of [from, to, 0]) edges.push(...momentsOf(zone, day * DAY_MS + second * 1_000))
    const shift = shiftWithin(zone, (day - 1) * DAY_MS, (day + 1) * DAY_MS)
    if (shift !== undefined) edges.push(shift)
  }
  return edges
}

/** The moments at which the zone's wall clock shows this time, given as if it were UTC: none, one or two. */
function momentsOf(zone: string, wallMs: number): number[] {
  const offsets = new Set([offsetAt(zone, wallMs - DAY_MS), offsetAt(zone, wallMs + DAY_MS)])
  return [...offsets].map((offset) => wallMs - offset).filter((at) => at + offsetAt(zone, at) === wallMs)
}

/** The moment at which the zone's clock is set forward or back between two others, to the second. */
function shiftWithin(zone: string, fromMs: number, toMs: number): number | undefined {
  const before = offsetAt(zone, fromMs)
  if (before === offsetAt(zone, toMs)) return undefined
  let [low, high] = [fromMs, toMs]
  while (high - low > 1_000) {
    const middle = Math.floor((low + high) / 2_000) * 1_000
    if (offsetAt(zone, middle) === before) low = middle
    else high = middle
  }
  return high
}

/** Milliseconds that the zone's wall clock is ahead of UTC. */
function offsetAt(zone: string, atMs: number): number {
  const whole = Math.floor(atMs / 1_000) * 1_000
  const { year, month, date, second } = wallClock(zone, whole)
  return Date.UTC(year, month - 1, date) + second * 1_000 - whole
}

interface WallClock {
  year: number
  month: number
  date: number
  /** Of the week, 0 is Sunday. */
  day: number
  /** Since its midnight. */
  second: number
}

const formats = new Map<string, Intl.DateTimeFormat>()

function wallClock(zone: string, atMs: number): WallClock {
  let format = formats.get(zone)
  if (format === undefined) {
    const digits = '2-digit'
    format = new Intl.DateTimeFormat('en-US', {
      timeZone: zone,
      hourCycle: 'h23',
      year: 'numeric',
      month: digits,
      day: digits,
      hour: digits,
      minute: digits,
      second: digits,
    })
    formats.set(zone, format)
  }
  const parts = new Map(format.formatToParts(atMs).map(({ type, value }) => [type, Number(value)]))
  const read = (type: Intl.DateTimeFormatPartTypes) => parts.get(type) ?? 0
  const [year, month, date] = [read('year'), read('month'), read('day')]
  return {
    year,
    month,
    date,
    day: new Date(Date.UTC(year, month - 1, date)).getUTCDay(),
    second: read('hour') * 3_600 + read('minute') * 60 + read('second'),
  }
}
