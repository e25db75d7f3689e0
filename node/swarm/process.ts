import { type ChildProcess, spawn } from 'node:child_process'
import { closeSync, createWriteStream, mkdirSync, openSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { NightshiftError } from '../../protocols/errors.js'
import type { Clock } from '../../protocols/ports.js'
import { LIFELINE_VARIABLE } from './lifeline.js'

/**
 * The processes of a local swarm: each with its own log, each ready only when it says so, none left behind. They stand
 * in process groups of their own, so that Ctrl-C on a terminal reaches the parent alone, which stops them in order; the
 * lifeline (lifeline.ts) covers a parent that can do nothing any more.
 */
export interface ProcessSpec {
  /** Unique in its group; names the log files. */
  name: string
  /** The JavaScript file to run. */
  entry: string
  args: readonly string[]
  env?: Readonly<Record<string, string>>
}

export interface ProcessExit {
  code: number | null
  signal: NodeJS.Signals | null
}

export interface RunningProcess {
  readonly name: string
  readonly pid: number
  /** Where its standard error goes. */
  readonly logFile: string
  /** Resolves when it has ended, whoever ended it. */
  readonly exited: Promise<ProcessExit>
  hasExited(): boolean
  /** Calls back for each line of its standard output, from its first on, until the returned function is called. */
  onLine(act: (line: string) => void): () => void
  /** The first line for which `pick` finds something. Rejects with PROCESS_EXITED or PROCESS_NOT_READY. */
  waitFor<T>(pick: (line: string) => T | undefined, options: WaitOptions): Promise<T>
  kill(signal: NodeJS.Signals): void
  /** SIGTERM, and SIGKILL for whoever is still there after the grace. Resolves when it is gone. */
  stop(): Promise<ProcessExit>
}

export interface WaitOptions {
  timeoutMs: number
  signal?: AbortSignal
}

export interface ProcessGroup {
  start(spec: ProcessSpec): RunningProcess
  processes(): RunningProcess[]
  /** True from the call of `stopAll` on: who ends now was told to. */
  isStopping(): boolean
  /** The last started first. Resolves when none is left; nothing can be started afterwards. */
  stopAll(): Promise<void>
}

/** Less than the five seconds that whoever started the swarm has for its own end. */
const STOP_GRACE_MS = 4_000
const LOG_TAIL_LINES = 12
/** Lines kept for those who listen late; an event is about 300 bytes. */
const MAX_KEPT_LINES = 10_000

export function createProcessGroup(parts: {
  logDir: string
  clock: Clock
  env: Readonly<Record<string, string | undefined>>
}): ProcessGroup {
  const running: RunningProcess[] = []
  let closed = false
  return {
    start: (spec) => {
      if (closed) {
        throw new NightshiftError('SWARM_STOPPING', `${spec.name} was not started: the swarm is stopping`, {
          advice: 'start the swarm again',
        })
      }
      const started = startProcess(spec, parts)
      running.push(started)
      return started
    },
    processes: () => [...running],
    isStopping: () => closed,
    stopAll: async () => {
      closed = true
      await Promise.all(running.map((each) => each.stop()))
    },
  }
}

function startProcess(
  spec: ProcessSpec,
  parts: { logDir: string; clock: Clock; env: Readonly<Record<string, string | undefined>> },
): RunningProcess {
  mkdirSync(parts.logDir, { recursive: true, mode: 0o700 })
  const logFile = join(parts.logDir, `${spec.name}.log`)
  const child = spawnChild(spec, parts.env, logFile)
  const lines = readLines(child, join(parts.logDir, `${spec.name}.out`))
  let exit: ProcessExit | undefined
  const exited = new Promise<ProcessExit>((resolve) => {
    const end = (code: number | null, signal: NodeJS.Signals | null) => {
      if (exit !== undefined) return
      exit = { code, signal }
      killGroup(child, 'SIGKILL') // whatever it had started itself
      resolve(exit)
    }
    child.once('exit', end)
    child.once('error', () => end(null, null))
  })
  let stopping: Promise<ProcessExit> | undefined
  const stop = async () => {
    if (exit !== undefined) return exit
    child.kill('SIGTERM')
    const cancel = parts.clock.after(STOP_GRACE_MS, () => killGroup(child, 'SIGKILL'))
    const ended = await exited
    cancel()
    await lines.written
    return ended
  }
  return {
    name: spec.name,
    pid: child.pid ?? -1,
    logFile,
    exited,
    hasExited: () => exit !== undefined,
    onLine: lines.on,
    waitFor: (pick, options) =>
      waitForLine({ name: spec.name, logFile, exited, lines, ...parts }, pick, options),
    kill: (signal) => {
      child.kill(signal)
    },
    stop: () => (stopping ??= stop()),
  }
}

function spawnChild(
  spec: ProcessSpec,
  env: Readonly<Record<string, string | undefined>>,
  logFile: string,
): ChildProcess {
  const log = openSync(logFile, 'a', 0o600)
  try {
    return spawn(process.execPath, [spec.entry, ...spec.args], {
      stdio: ['ignore', 'pipe', log, 'ipc'],
      env: { ...env, ...spec.env, [LIFELINE_VARIABLE]: '1' },
      detached: true,
    })
  } finally {
    closeSync(log)
  }
}

interface Lines {
  on(act: (line: string) => void): () => void
  /** Resolves when all that it said is in its file, or cannot be written. */
  written: Promise<void>
  /** What the child said last about why it fails, if it did. */
  error(): string | undefined
}

function readLines(child: ChildProcess, file: string): Lines {
  const kept: string[] = []
  const listeners = new Set<(line: string) => void>()
  const output = child.stdout
  let written = Promise.resolve()
  if (output !== null) {
    const copy = createWriteStream(file, { flags: 'a', mode: 0o600 })
    copy.on('error', () => output.unpipe(copy)) // a full disk must not stop the swarm
    written = new Promise((resolve) => copy.once('close', resolve))
    output.pipe(copy)
    createInterface({ input: output }).on('line', (line) => {
      kept.push(line)
      if (kept.length > MAX_KEPT_LINES) kept.shift()
      for (const listener of listeners) listener(line)
    })
  }
  return {
    on: (act) => {
      for (const line of kept) act(line)
      listeners.add(act)
      return () => listeners.delete(act)
    },
    written,
    error: () => kept.map(readError).findLast((message) => message !== undefined),
  }
}

/** Commands with --json tell of their error on standard output: `{ "error": { "message": … } }`. */
function readError(line: string): string | undefined {
  if (!line.startsWith('{"error"')) return undefined
  try {
    const { error } = JSON.parse(line) as { error: { message: string; advice: string } }
    return `${error.message} (what to do: ${error.advice})`
  } catch {
    return undefined
  }
}

function waitForLine<T>(
  child: { name: string; logFile: string; exited: Promise<ProcessExit>; lines: Lines; clock: Clock },
  pick: (line: string) => T | undefined,
  { timeoutMs, signal }: WaitOptions,
): Promise<T> {
  return new Promise((resolve, reject) => {
    const undo: Array<() => void> = []
    const settle = (act: () => void) => {
      for (const step of undo.splice(0)) step()
      act()
    }
    const onAbort = () => settle(() => reject(signal?.reason))
    if (signal?.aborted) return onAbort()
    signal?.addEventListener('abort', onAbort, { once: true })
    undo.push(() => signal?.removeEventListener('abort', onAbort))
    undo.push(
      child.clock.after(timeoutMs, () =>
        settle(() => reject(notReady(child, `was not ready after ${timeoutMs} ms`, 'PROCESS_NOT_READY'))),
      ),
    )
    child.exited.then((exit) => {
      const how = exit.signal === null ? `with exit code ${exit.code}` : `by ${exit.signal}`
      settle(() => reject(notReady(child, `ended ${how} before it was ready`, 'PROCESS_EXITED')))
    })
    undo.push(
      child.lines.on((line) => {
        const found = pick(line)
        if (found !== undefined) settle(() => resolve(found))
      }),
    )
  })
}

function notReady(
  child: { name: string; logFile: string; lines: Lines },
  what: string,
  code: string,
): NightshiftError {
  return new NightshiftError(
    code,
    `the process "${child.name}" ${what}\n${child.lines.error() ?? tailOf(child.logFile)}`.trimEnd(),
    {
      advice: `read its log: ${child.logFile}`,
      context: { name: child.name, logFile: child.logFile },
    },
  )
}

function tailOf(file: string): string {
  try {
    const lines = readFileSync(file, 'utf8').trimEnd().split('\n')
    return lines.slice(-LOG_TAIL_LINES).join('\n')
  } catch {
    return ''
  }
}

function killGroup(child: ChildProcess, signal: NodeJS.Signals): void {
  if (child.pid === undefined) return
  try {
    process.kill(-child.pid, signal)
  } catch {
    child.kill(signal) // no such group any more, or a system without groups
  }
}
