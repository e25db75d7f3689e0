import type { Log } from '../../protocols/ports.js'

/**
 * What was started is stopped in reverse order; a step that fails is logged and the others go on. What is added after
 * that, by a start that was interrupted, is stopped at once.
 */
export interface Cleanup {
  add(name: string, stop: () => Promise<void>): void
  /** Idempotent. */
  run(): Promise<void>
}

export function createCleanup(log: Log): Cleanup {
  const steps: Array<{ name: string; stop: () => Promise<void> }> = []
  let running: Promise<void> | undefined
  const stopOne = async ({ name, stop }: (typeof steps)[number]) => {
    try {
      await stop()
    } catch (error) {
      log.error('a part of the node could not be stopped in order', { part: name, error: String(error) })
    }
  }
  const stopAll = async () => {
    for (let step = steps.pop(); step !== undefined; step = steps.pop()) await stopOne(step)
  }
  return {
    add: (name, stop) => {
      if (running === undefined) steps.push({ name, stop })
      else running = running.then(() => stopOne({ name, stop }))
    },
    run: () => (running ??= stopAll()),
  }
}
