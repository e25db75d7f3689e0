import { isOpen, nextChange, type Window } from '../../config/schedule.js'
import type { Clock, Log } from '../../protocols/ports.js'
import type { Store } from '../store/port.js'
import {
  decide,
  INITIAL,
  isPaused,
  type OwnerPause,
  type OwnerSettings,
  type OwnerState,
  type ScheduleState,
  type Verdict,
} from './decision.js'
import type { Blind, Seen, Sensor, SensorName } from './port.js'

/** Watches for the owner, and tells whoever works when to stand still, to leave, and that it may come back. */
export interface Guard {
  /** Before it nothing is watched; what pause and schedule say is known already. Does what the first verdict asks for. */
  start(): Promise<void>
  /** The owner's word; stored before it is acted upon. Resolves when what it means now has been done. */
  pause(options: PauseOptions): Promise<void>
  resume(): Promise<void>
  view(): OwnerView
  stop(): Promise<void>
}

export interface PauseOptions {
  /** Comes back by itself after so long, ms; missing: not before `resume`. */
  forMs?: number
  /** Leaves after so long, ms; missing: the notice that bids promise. */
  noticeMs?: number
}

export interface OwnerView {
  verdict: Verdict
  watched: Array<{ name: SensorName; means: string }>
  blind: Blind[]
}

/** What is done about a verdict. Each is called when the verdict changes, one after the other. */
export interface GuardActs {
  free(untilMs: number | undefined): Promise<void>
  leaving(atMs: number, because: string): Promise<void>
  standStill(because: string): Promise<void>
  leave(because: string): Promise<void>
}

const PAUSE_KEY = 'pause'
/** A schedule, a pause and an idle time end at some moment, without any sensor telling. */
const TICK_MS = 1_000
/** A card that did not come up, say, may do so later. */
const AGAIN_MS = 10_000

export async function createGuard(parts: {
  sensors: readonly Sensor[]
  blind: readonly Blind[]
  settings: OwnerSettings
  /** None: always. */
  windows: readonly Window[]
  store: Store
  clock: Clock
  log: Log
  acts: GuardActs
}): Promise<Guard> {
  const { sensors, settings, windows, clock, log, acts } = parts
  const stored = parts.store.collection<OwnerPause>('owner')
  let pause = await stored.get(PAUSE_KEY)
  let state: OwnerState = INITIAL
  let seen: Seen = {}
  let schedule: ScheduleState | undefined
  let acted: Promise<void> = Promise.resolve()
  let stopTicking = () => {}
  let cancelAgain = () => {}
  let isStarted = false
  let isStopped = false

  /** The next change is looked for once, not every second; a clock that was set asks for it anew. */
  function readSchedule(unixMs: number): ScheduleState | undefined {
    if (windows.length === 0) return undefined
    const open = isOpen(windows, unixMs)
    const isCurrent =
      schedule?.open === open && (schedule.changesAtMs === undefined || unixMs < schedule.changesAtMs)
    if (!isCurrent) {
      const changesAtMs = nextChange(windows, unixMs)
      schedule = { open, ...(changesAtMs === undefined ? {} : { changesAtMs }) }
    }
    return schedule
  }

  function next(): OwnerState {
    const unixMs = clock.now()
    if (pause?.untilMs !== undefined && unixMs >= pause.untilMs) forget()
    const current = readSchedule(unixMs)
    const facts = {
      seen,
      ...(pause === undefined ? {} : { pause }),
      ...(current === undefined ? {} : { schedule: current }),
    }
    return decide(state, facts, settings, { elapsedMs: clock.elapsed(), unixMs })
  }

  function look(): Promise<void> {
    if (isStopped) return acted
    const before = state.verdict
    state = next()
    const { verdict } = state
    if (!isSame(before, verdict)) {
      if (before.kind !== verdict.kind) log.info(`the node is ${verdict.kind}`, { ...verdict })
      carryOut(verdict)
    }
    return acted
  }

  /** In order, each after the one before has been done: a newer verdict does not overtake an older one. */
  function carryOut(verdict: Verdict): void {
    acted = acted
      .then(() => act(verdict))
      .catch((error: unknown) => {
        log.error('what the owner wants could not be done; it is tried again', {
          error: String(error),
          ...verdict,
        })
        cancelAgain()
        cancelAgain = clock.after(AGAIN_MS, () => {
          if (!isStopped && isSame(state.verdict, verdict)) carryOut(state.verdict)
        })
      })
  }

  function act(verdict: Verdict): Promise<void> {
    if (verdict.kind === 'free') return acts.free(verdict.untilMs)
    if (verdict.kind === 'leaving') return acts.leaving(verdict.atMs, verdict.because)
    return verdict.kind === 'cooling' ? acts.standStill(verdict.because) : acts.leave(verdict.because)
  }

  function forget(): void {
    pause = undefined
    stored.delete(PAUSE_KEY).catch((error: unknown) => {
      log.warn('a pause that is over is still stored', { error: String(error) })
    })
  }

  return {
    start: async () => {
      isStarted = true
      for (const sensor of sensors) {
        sensor.start((told) => {
          seen = { ...seen, ...told }
          void look()
        })
      }
      stopTicking = clock.every(TICK_MS, () => void look())
      await look()
    },
    pause: async ({ forMs, noticeMs = settings.noticeMs }) => {
      const now = clock.now()
      // Who is away already has nobody to tell.
      const isAway = state.verdict.kind === 'away'
      const fromMs = isAway || (pause !== undefined && isPaused(pause, now)) ? now : now + noticeMs
      const next = { fromMs, ...(forMs === undefined ? {} : { untilMs: fromMs + forMs }) }
      await stored.put(PAUSE_KEY, next)
      pause = next
      await look()
    },
    resume: async () => {
      await stored.delete(PAUSE_KEY)
      pause = undefined
      await look()
    },
    view: () => ({
      verdict: isStarted ? state.verdict : next().verdict,
      watched: sensors.map(({ name, means }) => ({ name, means })),
      blind: [...parts.blind],
    }),
    stop: async () => {
      isStopped = true
      stopTicking()
      cancelAgain()
      await Promise.allSettled(sensors.map((sensor) => sensor.stop()))
      await acted
    },
  }
}

/** Whether nothing new has to be done: until when it is away is for people only. */
function isSame(a: Verdict, b: Verdict): boolean {
  if (a.kind !== b.kind) return false
  if (a.kind === 'free') return a.untilMs === (b as typeof a).untilMs
  if (a.kind === 'leaving') return Math.abs(a.atMs - (b as typeof a).atMs) < TICK_MS
  return a.kind === 'cooling' || a.because === (b as typeof a).because
}
