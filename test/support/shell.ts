import { Readable, Writable } from 'node:stream'
import { NOUNS } from '../../node/cli/nouns.js'
import { runProgram } from '../../node/cli/program.js'
import { createStyle } from '../../node/cli/style.js'

/** What a command line printed and how it ended; run in this process, without a terminal. */
export interface Ran {
  code: number
  stdout: string
  stderr: string
}

export interface ShellOptions {
  environment?: Record<string, string>
  signal?: AbortSignal
  isTty?: boolean
  columns?: number
  cwd?: string
  /** What is on standard input. Default: nothing. */
  input?: Readable
  /** Told what is written to standard output. */
  onOutput?: (text: string) => void
}

export async function runCommand(args: readonly string[], options: ShellOptions = {}): Promise<Ran> {
  const { environment = {}, isTty = false, columns = 100 } = options
  const ran = { code: -1, stdout: '', stderr: '' }
  const style = createStyle({ isTty, env: environment })
  const output = (name: 'stdout' | 'stderr') => ({
    isTty,
    columns,
    style,
    write: (text: string) => {
      ran[name] += text
      if (name === 'stdout') options.onOutput?.(text)
    },
  })
  const sink = (name: 'stdout' | 'stderr') =>
    new Writable({
      write: (piece: Buffer, _encoding, done) => {
        output(name).write(piece.toString())
        done()
      },
    })
  ran.code = await runProgram(
    NOUNS,
    {
      args,
      env: environment,
      cwd: options.cwd ?? process.cwd(),
      pid: process.pid,
      nodeVersion: process.versions.node,
      out: output('stdout'),
      err: output('stderr'),
      signal: options.signal ?? new AbortController().signal,
      terminal: {
        input: options.input ?? Readable.from([]),
        output: sink('stdout'),
        errors: sink('stderr'),
        size: () => undefined,
        setRaw: () => {},
        onResize: () => () => {},
      },
    },
    '0.0.0-test',
  )
  return ran
}
