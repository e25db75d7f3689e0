import type { Blind, Sensor } from '../owner/port.js'
import type { Finding } from './finding.js'

/** What is watched, and what cannot be: a line each. */
export function tellWatch({ watched, blind }: Watched): string[] {
  return [
    ...watched.map(({ name, means }) => `${name}: ${means}`),
    ...blind.map(({ name, reason }) => `${name}: not watched, ${reason}`),
  ]
}

interface Watched {
  watched: ReadonlyArray<Pick<Sensor, 'name' | 'means'>>
  blind: readonly Blind[]
}

/** What shows here that the owner wants the machine; what is to be watched and cannot be keeps no node from running. */
export function judgeWatch(facts: Watched & { schedule: readonly string[] }): Finding {
  const { blind, schedule } = facts
  const lines = [...tellWatch(facts), ...(schedule.length === 0 ? [] : [`schedule: ${schedule.join('; ')}`])]
  if (lines.length === 0) return { verdict: 'ok', found: 'nothing is watched: jobs run whatever you do' }
  if (blind.length === 0) return { verdict: 'ok', found: lines.join('\n') }
  return {
    verdict: 'warn',
    found: lines.join('\n'),
    advice:
      'for what is not watched: see to the reason, name a program of yours (--provider-availability-command), or say when you want the machine (--provider-availability-schedule)',
  }
}
