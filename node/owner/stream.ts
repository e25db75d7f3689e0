import { type ChildProcess, spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import type { Clock, Log } from '../../protocols/ports.js'

/** A program that tells something line by line for as long as it runs; one that ends is started again. */
export interface LineProgram {
  start(onLine: (line: string) => void): void
  stop(): Promise<void>
}

export interface LineProgramOptions {
  command: readonly string[]
  /** All that it gets of the environment. */
  env: Readonly<Record<string, string>>
  clock: Clock
  log: Log
  /** It has ended by itself: what it told last holds no more. */
  onEnd?: () => void
}

const FIRST_AGAIN_MS = 1_000
const LONGEST_AGAIN_MS = 60_000
/** One that has run so long has worked: the next end is no longer one of a row. */
const WORKED_MS = 60_000
const MAX_LINE_CHARS = 4_096

export function createLineProgram(options: LineProgramOptions): LineProgram {
  const { command, env, clock, log, onEnd = () => {} } = options
  const [program = '', ...args] = command
  let child: ChildProcess | undefined
  let closed: Promise<void> = Promise.resolve()
  let cancelAgain = () => {}
  let againMs = FIRST_AGAIN_MS
  let isStopped = false

  function run(onLine: (line: string) => void): void {
    const startedAt = clock.elapsed()
    // A group of its own, so that what it has started ends with it; no shell reads the command.
    const started = spawn(program, args, {
      env: { ...env },
      stdio: ['ignore', 'pipe', 'ignore'],
      detached: process.platform !== 'win32',
      windowsHide: true,
    })
    child = started
    createInterface({ input: started.stdout! }).on('line', (line) => {
      if (!isStopped && child === started) onLine(line.slice(0, MAX_LINE_CHARS))
    })
    closed = new Promise((resolve) => {
      let isOver = false
      const over = (why: string) => {
        if (isOver) return
        isOver = true
        resolve()
        if (isStopped || child !== started) return
        child = undefined
        onEnd()
        if (clock.elapsed() - startedAt > WORKED_MS) againMs = FIRST_AGAIN_MS
        log.debug('a program that watches for the owner has ended; it is started again', {
          program,
          why,
          againMs,
        })
        cancelAgain = clock.after(againMs, () => run(onLine))
        againMs = Math.min(LONGEST_AGAIN_MS, againMs * 2)
      }
      started.once('error', (error) => over(error.message))
      started.once('close', (code, signal) => over(`${code ?? signal}`))
    })
  }

  return {
    start: run,
    stop: async () => {
      isStopped = true
      cancelAgain()
      end(child)
      if (child !== undefined) await closed
    },
  }
}

function end(child: ChildProcess | undefined): void {
  if (child?.pid === undefined) return
  try {
    if (process.platform === 'win32') child.kill('SIGKILL')
    else process.kill(-child.pid, 'SIGKILL')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
  }
}
