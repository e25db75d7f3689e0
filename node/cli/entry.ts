import { setMaxListeners } from 'node:events'
import { followParent } from '../swarm/lifeline.js'
import { systemClock } from '../system/clock.js'
import { environment } from '../system/environment.js'
import { Interrupted, SIGNAL_EXIT } from './exit.js'
import { createOutput, type Shell, type Terminal } from './shell.js'

/**
 * What every entry point of the program does around its `run`: hands it the process as a Shell, turns signals into one
 * abort, and ends the process when `run` has ended. This file is where the program meets `process`.
 */
export async function runEntry(run: (shell: Shell) => Promise<number>): Promise<never> {
  const controller = new AbortController()
  // The whole program hangs on this one signal, each wait with a listener that it takes away again: no leak to warn of.
  setMaxListeners(0, controller.signal)
  watchSignals(controller)
  ignoreClosedPipes()
  const code = await run({
    args: process.argv.slice(2),
    env: environment,
    cwd: process.cwd(),
    pid: process.pid,
    nodeVersion: process.versions.node,
    out: createOutput(process.stdout, environment),
    err: createOutput(process.stderr, environment),
    signal: controller.signal,
    terminal,
  })
  await Promise.all([flush(process.stdout), flush(process.stderr)])
  process.exit(code)
}

const terminal: Terminal = {
  get input() {
    return process.stdin
  },
  output: process.stdout,
  errors: process.stderr,
  size: () => {
    const { rows, columns, isTTY } = process.stdout
    return isTTY && process.stdin.isTTY ? { rows, columns } : undefined
  },
  setRaw: (isRaw) => void process.stdin.setRawMode?.(isRaw),
  onResize: (act) => {
    process.stdout.on('resize', act)
    return () => process.stdout.off('resize', act)
  },
}

/** How long a command may take to stop in order before the process ends all the same. */
const STOP_WITHIN_MS = 5_000

function watchSignals(controller: AbortController): void {
  const stop = (exitCode: number) => {
    if (controller.signal.aborted) process.exit(exitCode)
    controller.abort(new Interrupted(exitCode))
    systemClock.after(STOP_WITHIN_MS, () => process.exit(exitCode))
  }
  for (const [signal, exitCode] of Object.entries(SIGNAL_EXIT)) process.on(signal, () => stop(exitCode))
  followParent(environment, process, () => {
    if (!controller.signal.aborted) stop(SIGNAL_EXIT.SIGTERM ?? 1)
  })
}

/** `nightshift … | head` ends when head does; a swarm's child may lose its reader before its lifeline. */
function ignoreClosedPipes(): void {
  for (const stream of [process.stdout, process.stderr]) {
    stream.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code !== 'EPIPE') throw error
    })
  }
}

function flush(stream: NodeJS.WriteStream): Promise<void> {
  return new Promise((resolve) => {
    stream.write('', () => resolve())
  })
}
