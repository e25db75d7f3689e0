import { requireStartable } from '../../config/start.js'
import { type Daemon, type DaemonOptions, startDaemon } from '../daemon.js'
import { systemClock } from '../system/clock.js'
import { systemRandom } from '../system/random.js'
import type { Invocation } from './command.js'
import { createProcessLog } from './log.js'
import { readVersion } from './version.js'

export type OpenDeviceOption = Pick<DaemonOptions, 'openDevice'>

/** A node that stays until it is stopped; what it logs goes to standard error. */
export async function openDaemon(invocation: Invocation, option: OpenDeviceOption = {}): Promise<Daemon> {
  const { shell, report, verbose } = invocation
  const { config } = await invocation.config()
  requireStartable(config, config.provider.enabled ? 'provider' : 'bootstrap')
  return startDaemon({
    ...option,
    config,
    role: 'bootstrap',
    version: readVersion(),
    pid: shell.pid,
    clock: systemClock,
    random: systemRandom,
    log: createProcessLog(verbose ? 'debug' : config.log.level, shell.err),
    signal: shell.signal,
    onStep: (step) => report.progress(`${step} …`),
  })
}

/**
 * A node for the time of one command: it says only what the command says, unless the log is asked for. With `goesOn` it
 * takes up the jobs that an earlier process left; whoever only looks leaves them to one that stays.
 */
export async function openGuest(invocation: Invocation, goesOn = false): Promise<Daemon> {
  const { shell, report, verbose } = invocation
  const { config, origins } = await invocation.config()
  requireStartable(config, 'renter')
  const isAskedFor = /^(flag|environment)/.test(origins['log.level'] ?? '')
  const level = verbose ? 'debug' : isAskedFor ? config.log.level : 'silent'
  return startDaemon({
    config: { ...config, provider: { ...config.provider, enabled: false } },
    role: 'peer',
    goesOn,
    version: readVersion(),
    pid: shell.pid,
    clock: systemClock,
    random: systemRandom,
    log: createProcessLog(level, shell.err),
    signal: shell.signal,
    onStep: (step) => report.status(`${step} …`),
    onDelay: (what) => report.progress(`${what} …`),
  })
}
