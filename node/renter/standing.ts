import type { Clock } from '../../protocols/ports.js'
import type { Store } from '../store/port.js'

/**
 * Which providers this renter will not deal with, and why. A proven lie costs a provider its standing for a month;
 * a fault (gone, too slow) for an hour, since faults pass.
 */
export interface Standing {
  /** Why the provider is left out now, or undefined. */
  lostBecause(peer: string): Promise<string | undefined>
  lose(peer: string, reason: string, proven: boolean): Promise<void>
  /**
   * Counts what an honest provider may happen to do once: the third time within an hour it is a fault. True when that
   * cost it its standing.
   */
  strike(peer: string, reason: string): Promise<boolean>
  /** How often it was struck within the last hour. */
  strikes(peer: string): Promise<number>
}

interface Strikes {
  count: number
  untilMs: number
}

interface Loss {
  reason: string
  untilMs: number
}

const LIE_MS = 30 * 24 * 3_600_000
const FAULT_MS = 3_600_000
const STRIKE_MS = 3_600_000
const STRIKES = 3

export function createStanding(parts: { store: Store; clock: Clock }): Standing {
  const losses = parts.store.collection<Loss>('standing')
  const struck = parts.store.collection<Strikes>('strikes')

  const lose = async (peer: string, reason: string, proven: boolean) => {
    const untilMs = parts.clock.now() + (proven ? LIE_MS : FAULT_MS)
    const before = await losses.get(peer)
    // A provider does not shorten a month by being slow as well.
    if (before === undefined || before.untilMs < untilMs) await losses.put(peer, { reason, untilMs })
  }

  const strikes = async (peer: string) => {
    const found = await struck.get(peer)
    if (found === undefined || found.untilMs > parts.clock.now()) return found?.count ?? 0
    await struck.delete(peer)
    return 0
  }

  return {
    lose,
    strikes,
    strike: async (peer, reason) => {
      const count = (await strikes(peer)) + 1
      if (count < STRIKES) {
        await struck.put(peer, { count, untilMs: parts.clock.now() + STRIKE_MS })
        return false
      }
      await struck.delete(peer)
      await lose(peer, reason, false)
      return true
    },
    lostBecause: async (peer) => {
      const loss = await losses.get(peer)
      if (loss === undefined) return undefined
      if (loss.untilMs > parts.clock.now()) return loss.reason
      await losses.delete(peer)
      return undefined
    },
  }
}
