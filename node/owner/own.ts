import { readFileSync } from 'node:fs'
import { join } from 'node:path'

/**
 * Whose a process is. What this node has started is a descendant of it; what runs in a container of its jobs has another
 * parent, and is known by the control group that carries the container's name.
 */
export interface Processes {
  /** False too for one that is gone. */
  isOurs(pid: number): boolean
  /** Whether this system lists it at all: within a container a driver tells numbers of the host. */
  exists(pid: number): boolean
}

/** Parents of parents; a circle there would be the kernel's fault, and still no reason to hang. */
const MOST_PARENTS = 64

export function createProcesses(options: {
  /** Of this node. */
  pid: number
  /** `/proc`. */
  proc: string
  /** Names of the containers that run jobs now. */
  containers: () => readonly string[]
}): Processes {
  const { pid: self, proc, containers } = options
  return {
    exists: (pid) => parentOf(proc, pid) !== undefined,
    isOurs: (pid) => {
      let at: number | undefined = pid
      for (let i = 0; i < MOST_PARENTS && at !== undefined && at > 1; i++) {
        if (at === self) return true
        at = parentOf(proc, at)
      }
      const names = containers()
      if (names.length === 0) return false
      const group = readText(join(proc, String(pid), 'cgroup')) ?? ''
      return names.some((name) => group.includes(name))
    },
  }
}

/** The name of a program may hold blanks and brackets: what follows the last `)` is regular. */
export function parentOf(proc: string, pid: number): number | undefined {
  const stat = readText(join(proc, String(pid), 'stat'))
  const parent = Number(stat?.slice(stat.lastIndexOf(')') + 2).split(' ')[1])
  return Number.isInteger(parent) ? parent : undefined
}

/** Undefined where it cannot be read: processes end while they are looked at. */
export function readText(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return undefined
  }
}
