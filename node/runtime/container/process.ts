import { readFile } from 'node:fs/promises'
import { JOB_USER } from './confinement.js'

/**
 * What the kernel says of a container's first process, where this host's /proc shows it: the one witness that is not
 * the engine. Undefined: not to be seen here (another system, an engine in a virtual machine), or it has ended already.
 */
export async function findFreedoms(pid: number, container: string): Promise<string[] | undefined> {
  const [status, cgroup] = await Promise.all(
    ['status', 'cgroup'].map((file) => readFile(`/proc/${pid}/${file}`, 'utf8').catch(() => '')),
  )
  // The number alone may be another process's: the control group carries the container's id.
  if (!status || !cgroup?.includes(container)) return undefined
  return freedomsIn(status)
}

/** What a status of /proc (proc(5)) allows that no job may have; empty when it is confined. */
export function freedomsIn(status: string): string[] {
  const field = (name: string) => new RegExp(`^${name}:\\s*(.*)$`, 'm').exec(status)?.[1]?.trim() ?? ''
  const found: string[] = []
  for (const set of ['CapInh', 'CapPrm', 'CapEff', 'CapBnd', 'CapAmb']) {
    if (!/^0+$/.test(field(set))) found.push(`${set} is ${field(set)}`)
  }
  if (field('NoNewPrivs') !== '1') found.push(`NoNewPrivs is ${field('NoNewPrivs')}`)
  if (field('Seccomp') !== '2') found.push(`Seccomp is ${field('Seccomp')}`)
  // Real, effective, saved, file system. With a user namespace of the engine it is mapped to another, never to 0.
  const users = field('Uid').split(/\s+/)
  if (users.includes('0')) found.push(`Uid is ${users.join(' ')}, not ${JOB_USER}`)
  return found
}
