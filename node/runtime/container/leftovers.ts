import type { Clock, Log } from '../../../protocols/ports.js'

/** Goes on removing what could not be removed when a job ended: its engine was killed, or did not answer. */
export interface Leftovers {
  /** Something is left. */
  noticed(): void
  /** No more is tried; the next start of the node finds it. */
  stop(): void
}

const FIRST_PAUSE_MS = 5_000
const LONGEST_PAUSE_MS = 300_000

export function createLeftovers(parts: {
  /** Removes all that is of no job any more; resolves to how many things that were. */
  clean: () => Promise<number>
  clock: Clock
  log: Log
}): Leftovers {
  const { clean, clock, log } = parts
  let cancel: (() => void) | undefined
  let isOver = false
  const plan = (pauseMs: number) => {
    if (isOver) return
    cancel = clock.after(pauseMs, () => {
      clean().then(
        (removed) => {
          cancel = undefined
          log.info('what an ended job had left was removed', { removed })
        },
        (error) => {
          log.debug('what an ended job left cannot be removed yet', { error: String(error) })
          plan(Math.min(2 * pauseMs, LONGEST_PAUSE_MS))
        },
      )
    })
  }
  return {
    noticed: () => {
      if (cancel === undefined) plan(FIRST_PAUSE_MS)
    },
    stop: () => {
      isOver = true
      cancel?.()
    },
  }
}
