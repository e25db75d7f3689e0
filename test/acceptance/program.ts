import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

/**
 * The compiled program as a child process, the way a person runs it. Every process that it starts inherits a mark in
 * its environment, so that a test can find whoever is left behind, and kill one of them by its command line.
 */
export const MAIN = fileURLToPath(new URL('../../node/cli/main.js', import.meta.url))

export interface Run {
  readonly pid: number
  readonly mark: string
  /** A folder of its own for temporary files, data and logs. */
  readonly folder: string
  stdout(): string
  stderr(): string
  /** Resolves when standard error holds a line that matches; rejects when the program ends before. */
  seen(pattern: RegExp): Promise<void>
  kill(signal: NodeJS.Signals): void
  readonly exited: Promise<{ code: number | null; signal: NodeJS.Signals | null }>
  /** Processes of this run that live now, the first one included: process id and command line. */
  processes(): Array<{ pid: number; command: string }>
  /** The one process whose command line matches. */
  find(pattern: RegExp): number
  /** Kills what is left and removes the folder. */
  clean(): void
}

let runs = 0

export function runProgram(args: readonly string[], environment: Record<string, string> = {}): Run {
  const mark = `${process.pid}-${++runs}`
  const folder = mkdtempSync(join(tmpdir(), 'nightshift-acceptance-'))
  const child = spawn(process.execPath, [MAIN, ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...cleanEnvironment(), ...environment, NIGHTSHIFT_TEST_MARK: mark, TMPDIR: folder, HOME: folder },
  })
  const output = collect(child)
  const exited = new Promise<{ code: number | null; signal: NodeJS.Signals | null }>((resolve) => {
    child.once('close', (code, signal) => resolve({ code, signal }))
  })
  const processes = () => findMarked(mark)
  return {
    pid: child.pid ?? -1,
    mark,
    folder,
    stdout: () => output.stdout,
    stderr: () => output.stderr,
    seen: (pattern) => waitFor(child, output, pattern),
    kill: (signal) => {
      child.kill(signal)
    },
    exited,
    processes,
    find: (pattern) => {
      const found = processes().filter(({ command }) => pattern.test(command))
      if (found.length !== 1) throw new Error(`${found.length} processes match ${pattern}\n${output.stderr}`)
      return found[0]!.pid
    },
    clean: () => {
      for (const { pid } of processes()) killQuietly(pid)
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

/** What a developer has set must not change what the tests see. */
function cleanEnvironment(): Record<string, string | undefined> {
  const kept = Object.entries(process.env).filter(
    ([name]) => !name.startsWith('NIGHTSHIFT_') && !['FORCE_COLOR', 'NO_COLOR'].includes(name),
  )
  return Object.fromEntries(kept)
}

interface Collected {
  stdout: string
  stderr: string
  listeners: Set<() => void>
}

function collect(child: ChildProcess): Collected {
  const output: Collected = { stdout: '', stderr: '', listeners: new Set() }
  child.stdout?.on('data', (chunk: Buffer) => {
    output.stdout += chunk.toString()
  })
  child.stderr?.on('data', (chunk: Buffer) => {
    output.stderr += chunk.toString()
    for (const listener of output.listeners) listener()
  })
  return output
}

function waitFor(child: ChildProcess, output: Collected, pattern: RegExp): Promise<void> {
  return new Promise((resolve, reject) => {
    const settle = (act: () => void) => {
      output.listeners.delete(look)
      child.off('close', onClose)
      act()
    }
    const look = () => {
      if (pattern.test(output.stderr)) settle(resolve)
    }
    const onClose = () =>
      settle(() =>
        reject(new Error(`the program ended before ${pattern}\n${output.stderr}\n${output.stdout}`)),
      )
    output.listeners.add(look)
    child.once('close', onClose)
    look()
  })
}

/** Linux only: other systems do not show another process's environment. */
export const CAN_FIND_PROCESSES = process.platform === 'linux'

function findMarked(mark: string): Array<{ pid: number; command: string }> {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => {
      const environment = readQuietly(`/proc/${name}/environ`).split('\0')
      if (!environment.includes(`NIGHTSHIFT_TEST_MARK=${mark}`)) return []
      const command = readQuietly(`/proc/${name}/cmdline`).replaceAll('\0', ' ').trim()
      return command === '' ? [] : [{ pid: Number(name), command }] // a zombie has no command line
    })
}

function readQuietly(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return '' // it has ended meanwhile, or is somebody else's
  }
}

function killQuietly(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL')
  } catch {
    // gone already
  }
}

/** Waits until no process of the run lives. The test's own time limit ends it. */
export async function allGone(run: Run): Promise<void> {
  while (run.processes().length > 0) await new Promise((resolve) => setTimeout(resolve, 50))
}
