import type { Clock } from '../../protocols/ports.js'

/**
 * Several conversations that take their steps together: nobody's next step begins before all have reached it, so that no
 * device can do another's work in between. Whoever leaves is waited for no more.
 */
export interface Lockstep {
  arrive(): Promise<void>
  leave(): void
}

/** The others are not waited for longer: a provider gives a device back whose asker is silent for fifteen seconds. */
const PATIENCE_MS = 10_000

export function createLockstep(clock: Pick<Clock, 'after'>, count: number): Lockstep {
  let walking = count
  const waiting = new Set<() => void>()
  const goOnTogether = () => {
    if (waiting.size < walking) return
    for (const goOn of [...waiting]) goOn()
  }
  return {
    arrive: () =>
      new Promise((resolve) => {
        const goOn = () => {
          stopWaiting()
          waiting.delete(goOn)
          resolve()
        }
        const stopWaiting = clock.after(PATIENCE_MS, goOn)
        waiting.add(goOn)
        goOnTogether()
      }),
    leave: () => {
      walking--
      goOnTogether()
    },
  }
}
