import { finished } from 'node:stream/promises'
import { connectToNode } from '../../control/client.js'
import type { Execution } from '../../runtime/port.js'
import type { Invocation } from '../command.js'
import type { Terminal } from '../shell.js'
import { findJob } from './find.js'

/** Resolves to the program's own exit code. */
export async function run(invocation: Invocation): Promise<number> {
  const { shell, options } = invocation
  const { terminal } = shell
  const [name = '', ...command] = invocation.arguments
  const node = await connectToNode((await invocation.config()).config.dataDir)
  const job = findJob(await node.jobs(), name)
  const size = options.tty === false ? undefined : terminal.size()
  const program = await node.exec(job.id, command, size === undefined ? {} : { terminal: size })
  const onAbort = () => program.close()
  shell.signal.addEventListener('abort', onAbort, { once: true })
  try {
    if (size === undefined) return await follow(program, terminal)
    terminal.setRaw(true)
    const stop = terminal.onResize(() => {
      const now = terminal.size()
      if (now !== undefined) void program.resize(now)
    })
    return await follow(program, terminal).finally(() => {
      stop()
      terminal.setRaw(false)
    })
  } finally {
    shell.signal.removeEventListener('abort', onAbort)
  }
}

async function follow(program: Execution, { input, output, errors }: Terminal): Promise<number> {
  input.pipe(program.input)
  const told = [
    [program.output, output],
    [program.errors, errors],
  ] as const
  // Standard output belongs to the process: it does not end with a program's.
  const passed = told.map(async ([from, to]) => {
    from.pipe(to, { end: false })
    await finished(from)
  })
  try {
    const code = await program.ended
    await Promise.all(passed)
    return code
  } finally {
    input.unpipe(program.input)
    // Else what nobody types keeps the process waiting.
    input.pause()
  }
}
