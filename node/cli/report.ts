import { toJson, viewError } from '../control/view.js'
import { Interrupted } from './exit.js'
import type { Output, Shell } from './shell.js'

/**
 * How a command speaks: results to standard output, progress to standard error. With --json the results are one
 * document, or one line per event of a stream, and nothing else is written to standard output.
 */
export interface Report {
  readonly json: boolean
  readonly err: Output
  readonly out: Output
  /** The one result of a command. */
  result(document: unknown, text: string): void
  /** One event of a stream; `text` undefined: nothing for people. */
  event(document: unknown, text?: string): void
  /** A line for people, on standard error. */
  progress(text: string): void
  /** A line that the next one replaces; only on a terminal. */
  status(text: string): void
  failure(error: unknown, verbose: boolean): void
}

export function createReport(shell: Shell, json: boolean): Report {
  const { out, err } = shell
  let hasStatus = false
  const clearStatus = () => {
    if (hasStatus) err.write('\r\x1b[K')
    hasStatus = false
  }
  const write = (output: Output, text: string) => {
    clearStatus()
    output.write(text.endsWith('\n') ? text : `${text}\n`)
  }
  const writeJson = (document: unknown, indent?: number) =>
    write(out, JSON.stringify(toJson(document), null, indent))
  return {
    json,
    out,
    err,
    result: (document, text) => (json ? writeJson(document, 2) : write(out, text)),
    event: (document, text) => {
      if (json) writeJson(document)
      else if (text !== undefined) write(out, text)
    },
    progress: (text) => write(err, text),
    status: (text) => {
      if (!err.isTty) return
      clearStatus()
      err.write(text.slice(0, err.columns - 1))
      hasStatus = true
    },
    failure: (error, verbose) => {
      // One line, because it may be the end of a stream of events.
      if (json) writeJson({ error: describe(error) })
      else write(err, renderError(error, err))
      if (verbose && error instanceof Error) write(err, renderStack(error))
    },
  }
}

function describe(error: unknown) {
  if (!(error instanceof Interrupted)) return viewError(error)
  return { code: 'INTERRUPTED', message: 'interrupted', advice: 'run the command again' }
}

function renderError(error: unknown, { style }: Output): string {
  if (error instanceof Interrupted) return style.yellow('interrupted')
  const { code, message, advice } = viewError(error)
  const name = style.dim(`[${code}]`)
  const [first = '', ...rest] = message.split('\n')
  const lines = [`${style.red(style.bold('error'))}: ${first} ${name}`, ...rest]
  if (advice !== '') lines.push(`${style.bold('what to do')}: ${advice}`)
  return lines.join('\n')
}

/** With its causes, which `stack` alone leaves out. */
function renderStack(error: Error): string {
  const stack = error.stack ?? String(error)
  return error.cause instanceof Error ? `${stack}\ncaused by ${renderStack(error.cause)}` : stack
}
