import { NightshiftError } from './errors.js'
import type { Clock } from './ports.js'

/** Stops waiting when the signal aborts; what was waited for goes on. */
export function abortable<T>(waited: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return waited
  return new Promise((resolve, reject) => {
    const onAbort = () => reject(signal.reason)
    if (signal.aborted) return onAbort()
    signal.addEventListener('abort', onAbort, { once: true })
    waited.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort))
  })
}

/**
 * Gives `act` a signal that aborts after `ms` with TIMED_OUT, or with `signal`, and clears the timer when it is done. Waits
 * for `act`, which must stop when its signal aborts.
 */
export async function within<T>(
  clock: Pick<Clock, 'after'>,
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
