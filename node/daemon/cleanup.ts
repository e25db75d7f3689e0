import type { Log } from '../../protocols/ports.js'

/** What was started is stopped in reverse order; a step that fails is logged and the others go on. */
export interface Cleanup {
  add(name: string, stop: () => Promise<void>): void
  /** Idempotent. */
  run(): Promise<void>
}

export function createCleanup(log: Log): Cleanup {
  const steps: Array<{ name: string; stop: () => Promise<void> }> = []
  let running: Promise<void> | undefined
  const stopAll = async () => {
    for (let step = steps.pop(); step !== undefined; step = steps.pop()) {
      try {
        await step.stop()
      } catch (error) {
        log.error('a part of the node could not be stopped in order', {
          part: step.name,
          error: String(error),
        })
      }
    }
  }
  return {
    add: (name, stop) => {
      steps.push({ name, stop })
    },
    run: () => (running ??= stopAll()),
  }
}
