import { setImmediate as turn } from 'node:timers/promises'
import type { Clock } from '../../protocols/ports.js'

/** A clock that stands still until a test moves it. */
export interface VirtualClock extends Clock {
  /** Moves time forward, running every timer on its way at its own moment, and lets what they started settle. */
  advance(ms: number): Promise<void>
  /** Timers that wait. */
  pending(): number
}

interface Timer {
  at: number
  act: () => void
}

const TURNS = 5

export function createVirtualClock(startMs = 1_700_000_000_000): VirtualClock {
  let now = startMs
  const timers = new Set<Timer>()
  const after = (ms: number, act: () => void) => {
    const timer = { at: now + Math.max(0, ms), act }
    timers.add(timer)
    return () => {
      timers.delete(timer)
    }
  }
  const next = (until: number) => [...timers].filter(({ at }) => at <= until).sort((a, b) => a.at - b.at)[0]

  return {
    now: () => now,
    elapsed: () => now - startMs,
    after,
    every: (ms, act) => {
      let cancel = () => {}
      const arm = () => {
        cancel = after(ms, () => {
          arm()
          act()
        })
      }
      arm()
      return () => cancel()
    },
    sleep: (ms, signal) =>
      new Promise((resolve, reject) => {
        if (signal?.aborted) return reject(signal.reason)
        const abort = () => {
          cancel()
          reject(signal?.reason)
        }
        const cancel = after(ms, () => {
          signal?.removeEventListener('abort', abort)
          resolve()
        })
        signal?.addEventListener('abort', abort, { once: true })
      }),
    advance: async (ms) => {
      const until = now + ms
      await settle()
      for (let timer = next(until); timer !== undefined; timer = next(until)) {
        timers.delete(timer)
        now = Math.max(now, timer.at)
        timer.act()
        await settle()
      }
      now = until
      await settle()
    },
    pending: () => timers.size,
  }
}

/** Lets everything run that is ready to run. */
export async function settle(): Promise<void> {
  for (let i = 0; i < TURNS; i++) await turn()
}

/** Waits for a condition by looking again on every turn of the event loop; the test's own time limit ends it. */
export async function until(holds: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await holds())) await new Promise((resolve) => setTimeout(resolve, 2))
}
