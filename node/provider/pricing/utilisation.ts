import type { Clock } from '../../../protocols/ports.js'

/** What share of its device-time a host leases out, averaged with weights that fade: after this long a third is left. */
const MEMORY_MS = 3_600_000

/** Begins at nothing when the node starts. */
export interface Utilisation {
  /** From 0 to 1; looks at what is leased now, so it must be called whenever that changes. */
  read(): number
}

export function createUtilisation(parts: { clock: Clock; leasedShare: () => number }): Utilisation {
  const { clock, leasedShare } = parts
  let average = 0
  let share = leasedShare()
  let readAt = clock.elapsed()
  return {
    read: () => {
      const now = clock.elapsed()
      average = share + (average - share) * Math.exp(-(now - readAt) / MEMORY_MS)
      readAt = now
      share = leasedShare()
      return Math.min(1, Math.max(0, average))
    },
  }
}
