/** Whether this provider is there for new work, as its owner has it: one place that everybody reads. */
export interface Presence {
  /** Nothing of ours may run: the owner wants the device, or the provider stops. */
  pausedBecause(): string | undefined
  /** No new work is taken: paused, about to leave, or the card has to cool. */
  closedBecause(): string | undefined
  /** Seconds that bids promise from the word that it leaves until it does. */
  readonly noticeS: number
  /** When its schedule ends, Unix milliseconds. */
  untilMs(): number | undefined
  change(state: PresenceState): void
}

/** One at a time; what is not there does not hold. */
export interface PresenceState {
  paused?: string
  leaving?: string
  standsStill?: string
  untilMs?: number
}

export function createPresence(noticeS: number, initial: PresenceState = {}): Presence {
  let state = initial
  return {
    pausedBecause: () => state.paused,
    closedBecause: () => state.paused ?? state.leaving ?? state.standsStill,
    noticeS,
    untilMs: () => state.untilMs,
    change: (next) => {
      state = next
    },
  }
}
