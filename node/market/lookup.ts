import type { Clock, Log } from '../../protocols/ports.js'

export interface LookupInit<T> {
  /** Asks the chain for what `key` names. */
  ask(key: string, signal: AbortSignal): Promise<T>
  /** After so long a good answer is renewed, ms. */
  freshMs: number
  clock: Clock
  log: Log
}

/** What a validator may know of the chain: at once where it was asked before, soon where not, and never for long. */
export interface Lookup<T> {
  /**
   * The last answer where it is good enough; an old one is renewed in the background. Without a good one a new one is
   * waited for, a second at most, and then the last answer stands, whatever it is. Undefined: the chain has never answered
   * this question. Never rejects.
   */
  get(key: string, isGood: (value: T) => boolean): Promise<T | undefined>
  /** Whether the chain has answered any question lately: if so, one that is not answered is the fault of a flood. */
  isAnswered(): boolean
  /** The last answer, however old. */
  peek(key: string): T | undefined
}

/** A flood of made-up names costs so many questions at once, and no more. */
const AT_ONCE = 16
const WAITING = 256
const PATIENCE_MS = 1_000
/** A question that was not answered in this time counts as failed. */
const ASK_MS = 5_000
/** What was not good, or was not answered, is not asked again at once: a newcomer waits no longer to be believed. */
const RETRY_MS = 3_000
const ANSWERED_MS = 10_000
const MAX_ENTRIES = 20_000

interface Entry<T> {
  known: { value: T } | undefined
  /** By the clock's `elapsed`. */
  askedAtMs: number
  asking: Promise<void> | undefined
}

export function createLookup<T>({ ask, freshMs, clock, log }: LookupInit<T>): Lookup<T> {
  const entries = new Map<string, Entry<T>>()
  const waiting: Array<() => void> = []
  let running = 0
  let answeredAtMs = Number.NEGATIVE_INFINITY

  function entryOf(key: string): Entry<T> {
    const entry = entries.get(key) ?? {
      known: undefined,
      askedAtMs: Number.NEGATIVE_INFINITY,
      asking: undefined,
    }
    // The least recently used is forgotten first.
    entries.delete(key)
    entries.set(key, entry)
    if (entries.size > MAX_ENTRIES) entries.delete(entries.keys().next().value as string)
    return entry
  }

  async function inTurn(act: () => Promise<void>): Promise<void> {
    if (running >= AT_ONCE) await new Promise<void>((resolve) => waiting.push(resolve))
    running++
    try {
      await act()
    } finally {
      running--
      waiting.shift()?.()
    }
  }

  async function renew(key: string, entry: Entry<T>): Promise<void> {
    const late = new AbortController()
    const cancel = clock.after(ASK_MS, () => late.abort(new Error('the chain does not answer')))
    try {
      entry.known = { value: await ask(key, late.signal) }
      answeredAtMs = clock.elapsed()
    } catch (error) {
      log.debug('the chain was not asked in time', { key, error: String(error) })
    } finally {
      cancel()
      entry.askedAtMs = clock.elapsed()
    }
  }

  function start(key: string, entry: Entry<T>): Promise<void> | undefined {
    if (entry.asking === undefined && waiting.length < WAITING) {
      entry.asking = inTurn(() => renew(key, entry)).finally(() => {
        entry.asking = undefined
      })
    }
    return entry.asking
  }

  return {
    get: async (key, isGood) => {
      const entry = entryOf(key)
      const { known } = entry
      const ageMs = clock.elapsed() - entry.askedAtMs
      if (known !== undefined && isGood(known.value)) {
        if (ageMs > freshMs) void start(key, entry)
        return known.value
      }
      if (ageMs < RETRY_MS) return known?.value
      const asking = start(key, entry)
      if (asking === undefined) return known?.value
      const enough = new AbortController()
      await Promise.race([asking, clock.sleep(PATIENCE_MS, enough.signal).catch(() => {})])
      enough.abort()
      return entry.known?.value
    },
    isAnswered: () => clock.elapsed() - answeredAtMs < ANSWERED_MS,
    peek: (key) => entries.get(key)?.known?.value,
  }
}
