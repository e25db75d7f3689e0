import type { RunEvent } from './port.js'

/** Checkpoints that a running job is asked for: whoever asks waits for the next one, or for the end of the work. */
export interface Asking {
  ask(): void
  /** Asks, and resolves with the next checkpoint, or with the end of the work. */
  answer(): Promise<void>
  onEvent(event: RunEvent): void
  onAskable(askCheckpoint: () => void): void
  end(): void
}

export function createAsking(onEvent: (event: RunEvent) => void): Asking {
  let askDevice: (() => void) | undefined
  const waiting: Array<() => void> = []
  const answered = () => {
    for (const resolve of waiting.splice(0)) resolve()
  }
  return {
    ask: () => askDevice?.(),
    answer: async () => {
      if (askDevice === undefined) return
      const answer = new Promise<void>((resolve) => waiting.push(resolve))
      askDevice()
      await answer
    },
    onEvent: (event) => {
      onEvent(event)
      if (event.kind === 'checkpoint') answered()
    },
    onAskable: (askCheckpoint) => {
      askDevice = askCheckpoint
    },
    end: () => {
      askDevice = undefined
      answered()
    },
  }
}
