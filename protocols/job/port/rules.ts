import { NightshiftError } from '../../errors.js'
import { printable } from '../../text.js'
import type { Denied, ExecOpen, TerminalSize } from './wire.js'

export const PORT_LIMITS = {
  /** Of data in one message. */
  pieceBytes: 65_536,
  /** Of one renter with one provider. */
  maxConnections: 100,
  maxPrograms: 8,
  /** That one connection takes from its peer. */
  bytesPerSecond: 64 * 2 ** 20,
  /** A connection on which neither side says anything. */
  idleMs: 3_600_000,
  /** A program and its arguments, together. */
  maxCommandBytes: 65_536,
  maxWords: 1_024,
  maxTerminal: 10_000,
  maxReasonChars: 64,
  maxDetailChars: 1_024,
} as const

/** What is wrong with the program that a renter asks for, or undefined. */
export function findMalformedExec({ lease, command, terminal }: ExecOpen): string | undefined {
  const { maxWords, maxCommandBytes } = PORT_LIMITS
  if (lease.length !== 32) return `a lease of ${lease.length} bytes`
  if (command.length === 0 || command[0] === '') return 'no program is named'
  if (command.length > maxWords) return `${command.length} arguments, at most ${maxWords}`
  const bytes = command.reduce((sum, word) => sum + new TextEncoder().encode(word).length + 1, 0)
  if (bytes > maxCommandBytes) return `a command of ${bytes} bytes, at most ${maxCommandBytes}`
  if (command.some((word) => word.includes('\0'))) return 'a zero in the command'
  return terminal === undefined ? undefined : findMalformedSize(terminal)
}

/** What is wrong with the size of a terminal, or undefined. */
export function findMalformedSize({ rows, columns }: TerminalSize): string | undefined {
  const isSane = (cells: number) => cells >= 1 && cells <= PORT_LIMITS.maxTerminal
  return isSane(rows) && isSane(columns) ? undefined : `a terminal of ${rows} × ${columns}`
}

/** What a provider answers as the error that its renter sees. */
export function errorOf({ reason, detail }: Denied): NightshiftError {
  const code = /^[A-Z][A-Z_]*$/.test(reason.slice(0, PORT_LIMITS.maxReasonChars)) ? reason : 'PROVIDER_FAULTY'
  return new NightshiftError(code, printable(detail.slice(0, PORT_LIMITS.maxDetailChars)), {
    advice: ADVICE[code] ?? 'the job’s log and events tell more: "nightshift job logs"',
  })
}

const ADVICE: Readonly<Partial<Record<string, string>>> = {
  PORT_NOT_EXPOSED: 'name the port under `expose` of the manifest’s service before it is posted',
  PORT_REFUSED: 'the program may still be starting, or listen on another port or address than 127.0.0.1',
  EXEC_NOT_ALLOWED: 'declare `exec: true` in the manifest’s service before it is posted',
  NOT_RUNNING: 'wait until the job runs and is healthy, and try again',
}
