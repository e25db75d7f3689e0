import type { Log, LogLevel } from '../../protocols/ports.js'
import { printable } from '../../protocols/text.js'
import { writeDocument } from '../store/document.js'
import { systemClock } from '../system/clock.js'
import { createLog, silentLog } from '../system/log.js'
import type { Output } from './shell.js'

/**
 * The log of a process that a person runs: lines for eyes on a terminal, lines of JSON (pino) where a program reads.
 */
export function createProcessLog(level: LogLevel | 'silent', err: Output): Log {
  if (level === 'silent') return silentLog
  return err.isTty ? createTerminalLog(level, err, {}) : createLog(level)
}

const ORDER: readonly LogLevel[] = ['debug', 'info', 'warn', 'error']

function createTerminalLog(least: LogLevel, err: Output, own: Record<string, unknown>): Log {
  const { style } = err
  const paint = { debug: style.dim, info: style.cyan, warn: style.yellow, error: style.red }
  const write = (level: LogLevel) => (message: string, fields?: Record<string, unknown>) => {
    if (ORDER.indexOf(level) < ORDER.indexOf(least)) return
    const time = new Date(systemClock.now()).toTimeString().slice(0, 8)
    const rest = Object.entries({ ...own, ...fields }).map(([name, value]) => `${name}=${show(value)}`)
    err.write(
      `${style.dim(time)} ${paint[level](level.padEnd(5))} ${message}  ${style.dim(rest.join(' '))}`.trimEnd(),
    )
    err.write('\n')
  }
  return {
    debug: write('debug'),
    info: write('info'),
    warn: write('warn'),
    error: write('error'),
    with: (fields) => createTerminalLog(least, err, { ...own, ...fields }),
  }
}

function show(value: unknown): string {
  if (value instanceof Error) return show(value.message)
  return typeof value === 'string' ? quote(printable(value)) : printable(writeDocument(value ?? null))
}

function quote(text: string): string {
  return /[\s"=]/.test(text) ? JSON.stringify(text) : text
}
