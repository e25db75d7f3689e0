import type { Clock, Log } from '../../protocols/ports.js'
import type { Rack } from '../device/port.js'
import type { Runtime } from './port.js'
import { createTfjsRuntime } from './tfjs.js'
import { createWgslRuntime, type ShaderHost } from './wgsl.js'

/** What this host has besides its devices. */
export interface RuntimeHosts {
  /** Jobs in containers. */
  containers?: Runtime | undefined
  /** Shaders. */
  shaders?: ShaderHost | undefined
}

/** The runtimes on offer by their names, with nothing left of what ran when this node was killed. */
export async function openRuntimes(
  parts: RuntimeHosts & {
    /** Names of those on offer. */
    runtimes: readonly string[]
    rack: Pick<Rack, 'unitsOf'>
    clock: Clock
    log: Log
  },
): Promise<ReadonlyMap<string, Runtime>> {
  const { runtimes, containers, shaders, rack, clock, log } = parts
  const open = [
    createTfjsRuntime({ rack, clock }),
    ...(shaders === undefined ? [] : [createWgslRuntime({ host: shaders, rack, clock })]),
    ...(containers === undefined ? [] : [containers]),
  ]
  const offered = open.filter(({ name }) => runtimes.includes(name))
  for (const { name, clean } of offered) {
    const removed = await clean()
    if (removed > 0) log.warn('what jobs of an earlier run had left was removed', { runtime: name, removed })
  }
  return new Map(offered.map((runtime) => [runtime.name, runtime]))
}

/** Ends what runtimes do in the background; when no job runs any more. */
export function endRuntimes(runtimes: ReadonlyMap<string, Runtime>): void {
  for (const { end } of runtimes.values()) end?.()
}
