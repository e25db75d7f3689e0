/**
 * The ports that every part of the program is handed instead of reaching for the machine: time, randomness, a log.
 * Types only; the implementations live in `node/system/`, and tests hand in their own.
 */

export interface Clock {
  /** Unix time in milliseconds. May jump when the operator sets the clock: for time stamps only. */
  now(): number
  /** Milliseconds since some fixed point; never goes back: for measuring and for time-outs. */
  elapsed(): number
  /** Resolves after `ms`; rejects with the signal's reason when it aborts first. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>
  /** Calls `act` once after `ms` unless the returned function is called before. */
  after(ms: number, act: () => void): () => void
  /** Calls `act` every `ms` until the returned function is called. */
  every(ms: number, act: () => void): () => void
}

export interface Random {
  /** Cryptographically strong random bytes. */
  bytes(length: number): Uint8Array
  /** A uniform integer in [0, below), `below` at most 2^32. */
  below(below: number): number
}

export type LogLevel = 'debug' | 'info' | 'warn' | 'error'

export interface Log {
  debug(message: string, fields?: Record<string, unknown>): void
  info(message: string, fields?: Record<string, unknown>): void
  warn(message: string, fields?: Record<string, unknown>): void
  error(message: string, fields?: Record<string, unknown>): void
  /** A log whose lines all carry `fields` too. */
  with(fields: Record<string, unknown>): Log
}
