import type { Clock } from '../../../protocols/ports.js'

/** Why a run does not work for its renter at the moment. */
export type IdleReason = 'paused' | 'unhealthy'

/** Counts the time in which one reason or another holds; where two hold it counts once. */
export function createIdleMeter(clock: Clock) {
  const reasons = new Set<IdleReason>()
  let since: number | undefined
  let passed = 0
  const ms = () => passed + (since === undefined ? 0 : clock.elapsed() - since)
  return {
    set: (reason: IdleReason, holds: boolean) => {
      if (holds) reasons.add(reason)
      else reasons.delete(reason)
      passed = ms()
      since = reasons.size === 0 ? undefined : clock.elapsed()
    },
    ms,
  }
}
