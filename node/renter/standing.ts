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
  /** It committed to a bid and let the window pass: for an hour nobody waits for it again, though its bids are taken. */
  noteSilence(peer: string): Promise<void>
  /** Whether a bid of this provider is worth waiting for. */
  isAwaited(peer: string): Promise<boolean>
}

interface Loss {
  reason: string
  untilMs: number
}

const LIE_MS = 30 * 24 * 3_600_000
const FAULT_MS = 3_600_000

export function createStanding(parts: { store: Store; clock: Clock }): Standing {
  const losses = parts.store.collection<Loss>('standing')
  const silences = parts.store.collection<{ untilMs: number }>('silences')

  const lostBecause = async (peer: string) => {
    const loss = await losses.get(peer)
    if (loss === undefined) return undefined
    if (loss.untilMs > parts.clock.now()) return loss.reason
    await losses.delete(peer)
    return undefined
  }

  const wasSilent = async (peer: string) => {
    const silence = await silences.get(peer)
    if (silence === undefined) return false
    if (silence.untilMs > parts.clock.now()) return true
    await silences.delete(peer)
    return false
  }

  return {
    lostBecause,
    noteSilence: (peer) => silences.put(peer, { untilMs: parts.clock.now() + FAULT_MS }),
    isAwaited: async (peer) => (await lostBecause(peer)) === undefined && !(await wasSilent(peer)),
    lose: async (peer, reason, proven) => {
      const untilMs = parts.clock.now() + (proven ? LIE_MS : FAULT_MS)
      const before = await losses.get(peer)
      // A provider does not shorten a month by being slow as well.
      if (before === undefined || before.untilMs < untilMs) await losses.put(peer, { reason, untilMs })
    },
  }
}
