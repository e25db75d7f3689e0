import { NightshiftError } from '../../protocols/errors.js'
import type { Clock } from '../../protocols/ports.js'
import type { ProcessExit, ProcessGroup, ProcessSpec, RunningProcess } from './process.js'

/** One that dies more often will die again: starting it once more would only fill the disk with logs. */
const MOST_DEATHS = 5
const DEATHS_WINDOW_MS = 60_000

export interface Restarting {
  group: Pick<ProcessGroup, 'start' | 'isStopping'>
  clock: Pick<Clock, 'elapsed'>
  onRestart?: (name: string, exit: ProcessExit) => void
  /** Told once, with PROCESS_KEEPS_DYING, when a process is not started again. */
  onGiveUp: (error: NightshiftError) => void
}

/** Starts a process again whenever it dies, until the group stops or it has died too often in a minute. */
export function keepRunning(
  { group, clock, onRestart, onGiveUp }: Restarting,
  spec: ProcessSpec,
  started: RunningProcess,
): void {
  let deaths: number[] = []
  const watch = (running: RunningProcess): void => {
    running.exited.then((exit) => {
      if (group.isStopping()) return
      const now = clock.elapsed()
      deaths = [...deaths.filter((at) => now - at < DEATHS_WINDOW_MS), now]
      if (deaths.length > MOST_DEATHS) return onGiveUp(keepsDying(running, deaths.length, exit))
      onRestart?.(spec.name, exit)
      watch(group.start(spec))
    })
  }
  watch(started)
}

function keepsDying(
  { name, logFile }: RunningProcess,
  times: number,
  { code, signal }: ProcessExit,
): NightshiftError {
  const how = signal === null ? `with exit code ${code}` : `by ${signal}`
  return new NightshiftError(
    'PROCESS_KEEPS_DYING',
    `the process "${name}" died ${times} times in a minute, the last time ${how}`,
    { advice: `read its log: ${logFile}`, context: { name, times, logFile } },
  )
}
