import type { Clock } from '../../protocols/ports.js'
import type { Pace, TransferProgress } from './port.js'

/** How often progress is told at most. */
export const TELL_MS = 1_000
/** The rate is that of the last seconds, so that the time left follows the line and not its history. */
const WINDOW_MS = 5_000

/**
 * Tells how a transfer goes: at most once a second, and at its end if it was told of before. What takes less than a
 * second is not told of.
 */
export function createPace(
  clock: Clock,
  totalBytes: number,
  tell: (progress: TransferProgress) => void,
): Pace {
  let bytes = 0
  let toldAtMs: number | undefined
  let hasTold = false
  let marks: Array<{ atMs: number; bytes: number }> = []

  const reach = (reached: number) => {
    const atMs = clock.elapsed()
    bytes = Math.min(reached, totalBytes)
    if (toldAtMs === undefined) {
      toldAtMs = atMs
      marks = [{ atMs, bytes }]
      return
    }
    const isLast = bytes === totalBytes && hasTold
    if (atMs - toldAtMs < TELL_MS && !isLast) return
    toldAtMs = atMs
    marks = [
      ...marks.filter((mark) => atMs - mark.atMs <= WINDOW_MS).slice(-WINDOW_MS / TELL_MS),
      { atMs, bytes },
    ]
    const first = marks[0]!
    const bytesPerSecond = atMs > first.atMs ? ((bytes - first.bytes) / (atMs - first.atMs)) * 1_000 : 0
    hasTold = true
    tell({
      bytes,
      totalBytes,
      bytesPerSecond: Math.round(bytesPerSecond),
      ...(bytesPerSecond > 0 ? { secondsLeft: Math.ceil((totalBytes - bytes) / bytesPerSecond) } : {}),
    })
  }
  return { reach }
}
