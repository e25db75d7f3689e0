import { JOB_LIMITS } from '../../protocols/job/rules.js'
import type { Clock } from '../../protocols/ports.js'
import type { RunEvent } from '../runtime/port.js'
import type { Journal } from './journal.js'

const PROGRESS_PERIOD_MS = 100

/** Writes what the device says into the journal: lines cut to size, and of a flood of progress only some. */
export function createNarrator(
  journal: Journal,
  clock: Clock,
  workedMs: () => number,
): (event: RunEvent) => void {
  let progressAt = Number.NEGATIVE_INFINITY
  return (event) => {
    if (event.kind === 'log') {
      journal.append({ log: { line: event.line.slice(0, JOB_LIMITS.maxLogLineChars) } }, workedMs())
    }
    if (event.kind === 'service') {
      const { status, restarts } = event
      const detail = event.detail.slice(0, JOB_LIMITS.maxReasonChars)
      journal.append({ service: { status, detail, restarts } }, workedMs())
    }
    if (event.kind !== 'progress') return
    const { step, steps } = event
    if (step < steps && clock.elapsed() - progressAt < PROGRESS_PERIOD_MS) return
    progressAt = clock.elapsed()
    const metrics = (['epoch', 'loss', 'accuracy'] as const).flatMap((name) => {
      const value = event[name]
      return value === undefined ? [] : [{ name, value }]
    })
    journal.append({ progress: { step, steps, metrics } }, workedMs())
  }
}
