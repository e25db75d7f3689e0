import type { Readable, Writable } from 'node:stream'
import { createStyle, type Style } from './style.js'

/** What a command has of the process that it runs in: nothing else of the program touches these. */
export interface Shell {
  readonly args: readonly string[]
  readonly env: Readonly<Record<string, string | undefined>>
  readonly cwd: string
  readonly pid: number
  /** Without the `v`. */
  readonly nodeVersion: string
  /** Results. */
  readonly out: Output
  /** Progress and errors. */
  readonly err: Output
  /** Aborts, with an Interrupted as its reason, on the first signal, or when the parent of a swarm's child is gone. */
  readonly signal: AbortSignal
  readonly terminal: Terminal
}

/** What a program needs that is run interactively: bytes, and the terminal itself. */
export interface Terminal {
  readonly input: Readable
  readonly output: Writable
  readonly errors: Writable
  /** Undefined: input and output are not both a terminal. */
  size(): { rows: number; columns: number } | undefined
  /** Hands every key on as it is pressed, Ctrl-C as well. */
  setRaw(isRaw: boolean): void
  /** Calls back when its size has changed, until the returned function is called. */
  onResize(act: () => void): () => void
}

export interface Output {
  readonly isTty: boolean
  /** Width of the terminal; 100 where there is none. */
  readonly columns: number
  readonly style: Style
  write(text: string): void
}

const DEFAULT_COLUMNS = 100

export function createOutput(
  stream: { isTTY?: boolean; columns?: number; write(text: string): unknown },
  env: Readonly<Record<string, string | undefined>>,
): Output {
  const isTty = stream.isTTY === true
  return {
    isTty,
    columns: stream.columns || DEFAULT_COLUMNS,
    style: createStyle({ isTty, env }),
    write: (text) => {
      stream.write(text)
    },
  }
}
