import { type Logger, pino } from 'pino'
import type { Log, LogLevel } from '../../protocols/ports.js'

/** Structured lines of JSON on standard error, through pino; results go to standard output and never through here. */
export function createLog(level: LogLevel | 'silent', fields: Record<string, unknown> = {}): Log {
  const destination = pino.destination({ fd: 2, sync: true })
  return wrap(pino({ level, base: fields, timestamp: pino.stdTimeFunctions.isoTime }, destination))
}

function wrap(logger: Logger): Log {
  return {
    debug: (message, fields) => logger.debug(fields ?? {}, message),
    info: (message, fields) => logger.info(fields ?? {}, message),
    warn: (message, fields) => logger.warn(fields ?? {}, message),
    error: (message, fields) => logger.error(fields ?? {}, message),
    with: (fields) => wrap(logger.child(fields)),
  }
}

/** Says nothing; for tests and for commands whose output is one document. */
export const silentLog: Log = {
  debug: () => {},
  info: () => {},
  warn: () => {},
  error: () => {},
  with: () => silentLog,
}
