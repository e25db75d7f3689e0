import { NightshiftError } from '../../protocols/errors.js'
import type { Clock } from '../../protocols/ports.js'

/**
 * Gives `act` a signal that aborts after `ms`, or with `signal`, and clears the timer when it is done. Waits for `act`,
 * which must stop when its signal aborts.
 */
export async function within<T>(
  clock: Clock,
  ms: number,
  signal: AbortSignal | undefined,
  act: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const timer = new AbortController()
  const cancel = clock.after(ms, () =>
    timer.abort(
      new NightshiftError('TIMED_OUT', `no answer within ${ms} ms`, {
        advice: 'check that the chain and the network can be reached; the node tries again by itself',
      }),
    ),
  )
  try {
    return await act(signal === undefined ? timer.signal : AbortSignal.any([timer.signal, signal]))
  } finally {
    cancel()
  }
}
