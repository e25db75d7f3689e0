import { type ChildProcess, fork } from 'node:child_process'
import { createInterface } from 'node:readline'
import type { Log } from '../../protocols/ports.js'

/** Starts an entry file in a process of its own; it gets `options` as JSON, and its output goes to the log. */
export function forkEntry(
  entry: string,
  options: object,
  log: Log,
  context: Record<string, unknown>,
): ChildProcess {
  const child = fork(entry, [JSON.stringify(options)], {
    serialization: 'advanced',
    execArgv: [],
    // What libraries print must never reach the daemon's standard output, which belongs to results.
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  })
  for (const stream of [child.stdout!, child.stderr!]) {
    createInterface({ input: stream }).on('line', (line) => log.debug(line, context))
  }
  return child
}
