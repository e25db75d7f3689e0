import type { Seen } from './port.js'

/**
 * Whether this node may work now: a pure function of what the sensors saw, the schedule, what the owner said, the
 * settings and the time. It is asked again whenever one of them changes, and every second.
 */
export type Verdict =
  /** May bid and work; `untilMs` (Unix): when the schedule ends it. */
  | { kind: 'free'; untilMs?: number }
  /** Works on, takes nothing new, and is gone at `atMs` (Unix). */
  | { kind: 'leaving'; atMs: number; because: string }
  /** What runs stands still and nothing new is taken: the card is too hot, or draws too much. */
  | { kind: 'cooling'; because: string }
  /** Nothing of ours is on the device; `untilMs` (Unix): until then at least, where that is known. */
  | { kind: 'away'; because: string; untilMs?: number }

export interface OwnerSettings {
  /** So long nothing may be seen of the owner before the node comes back. */
  idleAfterMs: number
  /** From here on a program counts as using the card, or the processors; while the node is away from half of it on. */
  gpuBusyPercent: number
  cpuBusyPercent: number
  maxCelsius?: number
  maxWatts?: number
  /** So long the renter is told before the node leaves by schedule or by the owner's word. */
  noticeMs: number
  /** The owner's programs wait as long as that, too; else the card is theirs at once. */
  gameWaits: boolean
}

/** What the owner has said by hand; it outlives the process. */
export interface OwnerPause {
  /** Unix milliseconds: off the device from then on, and told as leaving before. */
  fromMs: number
  /** Missing: until `resume`. */
  untilMs?: number
}

export interface ScheduleState {
  open: boolean
  /** Unix milliseconds; missing: it never changes. */
  changesAtMs?: number
}

export interface Facts {
  seen: Seen
  pause?: OwnerPause
  /** Missing: no schedule, always open. */
  schedule?: ScheduleState
}

export interface Now {
  /** Of the clock that never goes back. */
  elapsedMs: number
  unixMs: number
}

/** What has to be remembered from one look to the next; times by the clock that never goes back. */
export interface OwnerState {
  verdict: Verdict
  /** The owner was seen last, and what was seen. */
  ownerSeen?: { atMs: number; because: string }
  /** Programs that wait have been told that the card is theirs from then on. */
  yieldsAtMs?: number
  /** Since when it stands still to cool. */
  hotSinceMs?: number
  /** When it began to stand still, lately. */
  coolings: readonly number[]
}

export const INITIAL: OwnerState = { verdict: { kind: 'free' }, coolings: [] }

/** A card that was too hot or drew too much goes on below this much of the ceiling. */
const COOL_BELOW_CELSIUS = 5
const COOL_BELOW_SHARE = 0.9
/** It stands still so long at least: what draws too much does so again as soon as it goes on. */
export const LEAST_COOLING_MS = 15_000
/** A renter gives up a job that works nothing for a minute, and blames the provider: before that it leaves by itself. */
export const LONGEST_COOLING_MS = 45_000
/** A card that has to stand still so often within that time is not fit for work for a while. */
const MOST_COOLINGS = 3
const COOLINGS_WITHIN_MS = 600_000

/** What holds from now on, out of what held before, what is seen, and what the owner has set. Pure. */
export function decide(state: OwnerState, facts: Facts, settings: OwnerSettings, now: Now): OwnerState {
  const isAway = state.verdict.kind === 'away'
  const wanted = wantedBecause(facts.seen, settings, isAway)
  const inputSeenMs = inputSeenAt(facts.seen, settings, now)
  let { ownerSeen } = state
  if (wanted !== undefined) ownerSeen = { atMs: now.elapsedMs, because: wanted }
  else if (inputSeenMs !== undefined && inputSeenMs > (ownerSeen?.atMs ?? Number.NEGATIVE_INFINITY))
    ownerSeen = { atMs: inputSeenMs, because: 'keyboard or mouse were used' }
  const cooled = coolDown(state, facts.seen, settings, now)
  const tooHot = cooled.leaves
  if (tooHot !== undefined) ownerSeen = { atMs: now.elapsedMs, because: tooHot }
  const inUse =
    ownerSeen !== undefined && now.elapsedMs - ownerSeen.atMs < settings.idleAfterMs ? ownerSeen : undefined
  const waits = settings.gameWaits && tooHot === undefined && !isAway
  const yieldsAtMs =
    inUse === undefined || !waits ? undefined : (state.yieldsAtMs ?? now.elapsedMs + settings.noticeMs)
  const kept: Omit<OwnerState, 'verdict'> = {
    coolings: cooled.coolings,
    ...(ownerSeen === undefined ? {} : { ownerSeen }),
    ...(yieldsAtMs === undefined ? {} : { yieldsAtMs }),
    ...(cooled.hotSinceMs === undefined ? {} : { hotSinceMs: cooled.hotSinceMs }),
  }
  const away = findAway(facts, settings, now, { inUse, yieldsAtMs })
  if (away !== undefined) {
    const { hotSinceMs: _, yieldsAtMs: __, ...rest } = kept
    return { ...rest, verdict: away }
  }
  const verdict =
    findLeaving(facts, settings, now, { inUse, yieldsAtMs }) ??
    (cooled.because === undefined ? free(facts) : { kind: 'cooling', because: cooled.because })
  return { ...kept, verdict }
}

function free({ schedule }: Facts): Verdict {
  return { kind: 'free', ...(schedule?.changesAtMs === undefined ? {} : { untilMs: schedule.changesAtMs }) }
}

interface Use {
  inUse: OwnerState['ownerSeen']
  yieldsAtMs: number | undefined
}

function findAway(facts: Facts, settings: OwnerSettings, now: Now, use: Use): Verdict | undefined {
  const { pause, schedule } = facts
  if (pause !== undefined && isPaused(pause, now.unixMs)) {
    const until = pause.untilMs === undefined ? {} : { untilMs: pause.untilMs }
    return { kind: 'away', because: 'paused by its owner', ...until }
  }
  const { inUse, yieldsAtMs } = use
  if (inUse !== undefined && now.elapsedMs >= (yieldsAtMs ?? Number.NEGATIVE_INFINITY)) {
    const leftMs = settings.idleAfterMs - (now.elapsedMs - inUse.atMs)
    return { kind: 'away', because: inUse.because, untilMs: now.unixMs + leftMs }
  }
  if (schedule?.open === false) {
    const until = schedule.changesAtMs === undefined ? {} : { untilMs: schedule.changesAtMs }
    return { kind: 'away', because: 'outside of its schedule', ...until }
  }
  return undefined
}

/** The earliest of what will end the work. */
function findLeaving(facts: Facts, settings: OwnerSettings, now: Now, use: Use): Verdict | undefined {
  const { pause, schedule } = facts
  const ends: Array<Extract<Verdict, { kind: 'leaving' }>> = []
  if (pause !== undefined && now.unixMs < pause.fromMs)
    ends.push({ kind: 'leaving', atMs: pause.fromMs, because: 'paused by its owner' })
  const endsMs = schedule?.changesAtMs
  if (endsMs !== undefined && now.unixMs >= endsMs - settings.noticeMs)
    ends.push({ kind: 'leaving', atMs: endsMs, because: 'its schedule ends' })
  if (use.inUse !== undefined && use.yieldsAtMs !== undefined)
    ends.push({
      kind: 'leaving',
      atMs: now.unixMs + use.yieldsAtMs - now.elapsedMs,
      because: use.inUse.because,
    })
  return ends.sort((a, b) => a.atMs - b.atMs)[0]
}

/** Whether what the owner said by hand holds; one that is over is forgotten by whoever keeps it. */
export function isPaused({ fromMs, untilMs }: OwnerPause, unixMs: number): boolean {
  return unixMs >= fromMs && (untilMs === undefined || unixMs < untilMs)
}

/** What of all that was seen wants the machine now. */
function wantedBecause(seen: Seen, settings: OwnerSettings, isAway: boolean): string | undefined {
  const share = isAway ? 0.5 : 1
  const { gpu, fullscreen, cpuPercent, command } = seen
  if (command !== undefined) return command === '' ? 'the owner’s program says so' : command
  if (fullscreen !== undefined) return `${fullscreen || 'a program'} fills the screen`
  if (gpu !== undefined && gpu.percent >= share * settings.gpuBusyPercent)
    return `${gpu.program} uses the card`
  if (cpuPercent !== undefined && cpuPercent >= share * settings.cpuBusyPercent)
    return 'other programs use the processors'
  return undefined
}

function inputSeenAt({ inputAgoMs }: Seen, { idleAfterMs }: OwnerSettings, now: Now): number | undefined {
  return inputAgoMs === undefined || inputAgoMs >= idleAfterMs ? undefined : now.elapsedMs - inputAgoMs
}

interface Cooling {
  coolings: readonly number[]
  hotSinceMs?: number
  /** Why it stands still. */
  because?: string
  /** Why it has to leave. */
  leaves?: string
}

function coolDown(state: OwnerState, seen: Seen, settings: OwnerSettings, now: Now): Cooling {
  const { elapsedMs } = now
  const coolings = state.coolings.filter((at) => elapsedMs - at < COOLINGS_WITHIN_MS)
  const { hotSinceMs } = state
  const over = findOver(seen, settings, hotSinceMs !== undefined)
  const isHot = over !== undefined || (hotSinceMs !== undefined && elapsedMs - hotSinceMs < LEAST_COOLING_MS)
  if (!isHot || state.verdict.kind === 'away') return { coolings }
  const because = over ?? 'the card cools'
  if (hotSinceMs === undefined) {
    if (coolings.length >= MOST_COOLINGS) return { coolings, leaves: because }
    return { coolings: [...coolings, elapsedMs], hotSinceMs: elapsedMs, because }
  }
  if (elapsedMs - hotSinceMs >= LONGEST_COOLING_MS) return { coolings, leaves: because }
  return { coolings, hotSinceMs, because }
}

function findOver(
  { celsius, watts }: Seen,
  { maxCelsius, maxWatts }: OwnerSettings,
  isCooling: boolean,
): string | undefined {
  if (celsius !== undefined && maxCelsius !== undefined) {
    if (celsius > maxCelsius - (isCooling ? COOL_BELOW_CELSIUS : 0))
      return `the card has ${celsius} °C, and ${maxCelsius} are allowed`
  }
  if (watts !== undefined && maxWatts !== undefined) {
    if (watts > maxWatts * (isCooling ? COOL_BELOW_SHARE : 1))
      return `the card draws ${Math.round(watts)} W, and ${maxWatts} are allowed`
  }
  return undefined
}
