import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import type { Clock } from '../../protocols/ports.js'
import { type Processes, readText } from './own.js'
import type { Sensor } from './port.js'

/** A look costs a small file for each process. */
const EVERY_MS = 5_000

interface Times {
  /** Ticks of all processors, idle ones included, and those that were worked. */
  total: number
  worked: number
  /** Of our own processes, by pid. */
  own: ReadonlyMap<number, number>
}

/** The first line of `/proc/stat`: user, nice, system, idle, iowait, irq, softirq, steal, … */
export function readTotals(stat: string): { total: number; worked: number } | undefined {
  const ticks = /^cpu\s+([\d ]+)/.exec(stat)?.[1]?.trim().split(' ').map(Number)
  if (ticks === undefined || ticks.length < 4) return undefined
  // What guests use is in `user` already.
  const total = ticks.slice(0, 8).reduce((sum, each) => sum + each, 0)
  return { total, worked: total - ticks[3]! - (ticks[4] ?? 0) }
}

/** Share of all processors that others used between two looks, per cent. */
export function othersBetween(before: Times, after: Times): number {
  const passed = after.total - before.total
  if (passed <= 0) return 0
  const own = [...after.own].reduce(
    (sum, [pid, ticks]) => sum + Math.max(0, ticks - (before.own.get(pid) ?? 0)),
    0,
  )
  const others = after.worked - before.worked - own
  return Math.min(100, Math.max(0, (100 * others) / passed))
}

/** Programs of others on the processors of this Linux host. */
export function createCpuSensor(parts: { processes: Processes; proc: string; clock: Clock }): Sensor {
  const { processes, proc, clock } = parts
  let before: Times | undefined
  let stopLooking = () => {}

  function look(): Times | undefined {
    const totals = readTotals(readText(join(proc, 'stat')) ?? '')
    if (totals === undefined) return undefined
    const own = new Map<number, number>()
    for (const name of readdirSync(proc)) {
      const pid = /^\d+$/.test(name) ? Number(name) : undefined
      if (pid === undefined || !processes.isOurs(pid)) continue
      const stat = readText(join(proc, name, 'stat'))
      const fields = stat?.slice(stat.lastIndexOf(')') + 2).split(' ')
      // utime and stime: the 14th and 15th field of the whole line, after pid and name.
      if (fields !== undefined) own.set(pid, Number(fields[11]) + Number(fields[12]))
    }
    return { ...totals, own }
  }

  return {
    name: 'cpu',
    means: `${proc}/stat`,
    start: (tell) => {
      before = look()
      stopLooking = clock.every(EVERY_MS, () => {
        const after = look()
        if (before !== undefined && after !== undefined) tell({ cpuPercent: othersBetween(before, after) })
        before = after
      })
    },
    stop: async () => stopLooking(),
  }
}
