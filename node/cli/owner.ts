import type { Verdict } from '../owner/decision.js'

/** Whether the owner lets the node work, in a line; times on the clock of whoever reads it. */
export function tellVerdict(verdict: Verdict): string {
  switch (verdict.kind) {
    case 'free':
      return `takes jobs${verdict.untilMs === undefined ? '' : ` until ${showTime(verdict.untilMs)}`}`
    case 'leaving':
      return `takes no more jobs, and what runs ends at ${showTime(verdict.atMs)}: ${verdict.because}`
    case 'cooling':
      return `stands still: ${verdict.because}`
    case 'away': {
      const until = verdict.untilMs === undefined ? '' : `, until ${showTime(verdict.untilMs)} at least`
      return `paused: ${verdict.because}${until}; jobs that ran have ended, no new ones are taken`
    }
  }
}

function showTime(atMs: number): string {
  return new Date(atMs).toLocaleString('sv-SE')
}
