import type { Clock } from '../../protocols/ports.js'

/** Lets several waiters sleep until something happens or their time is up; each then looks for itself what it was. */
export class Wakeup {
  readonly #clock: Clock
  readonly #sleepers = new Set<() => void>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** True at the next call of `all`, false when `deadlineMs` (of `clock.elapsed`) came first. */
  until(deadlineMs: number): Promise<boolean> {
    const leftMs = deadlineMs - this.#clock.elapsed()
    if (leftMs <= 0) return Promise.resolve(false)
    return new Promise((resolve) => {
      const settle = (woken: boolean) => {
        this.#sleepers.delete(wake)
        cancelTimer()
        resolve(woken)
      }
      const wake = () => settle(true)
      const cancelTimer = this.#clock.after(leftMs, () => settle(false))
      this.#sleepers.add(wake)
    })
  }

  all(): void {
    for (const wake of [...this.#sleepers]) wake()
  }
}
