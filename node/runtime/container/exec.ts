import { PassThrough, type Writable } from 'node:stream'
import { NightshiftError } from '../../../protocols/errors.js'
import type { Clock } from '../../../protocols/ports.js'
import type { ExecOptions, Execution } from '../port.js'
import { JOB_USER } from './confinement.js'
import { type ContainerEngine, statusOf } from './engine.js'
import { hijack, readStreams } from './hijack.js'
import { findFreedoms } from './process.js'

const LOOK_MS = 50
const LOOKS = 200

/**
 * Runs a program in the job's container: engines give it the container's own user, capabilities, filter and limits, and
 * where this host's /proc shows it, that is looked at. Engines cannot end it: whoever leaves takes its input and, with a
 * terminal, hangs up; it is gone with the container at the latest. Throws EXEC_FAILED, UNCONFINED.
 */
export async function execute(
  parts: { engine: ContainerEngine; container: string; clock: Clock },
  command: readonly string[],
  { terminal }: ExecOptions,
): Promise<Execution> {
  const { engine, container, clock } = parts
  const made = await engine.ask('making a program', (api) =>
    api.getContainer(container).exec({
      Cmd: [...command],
      User: `${JOB_USER}:${JOB_USER}`,
      AttachStdin: true,
      AttachStdout: true,
      AttachStderr: true,
      Tty: terminal !== undefined,
      Privileged: false,
    }),
  )
  const path = `/exec/${made.id}/start`
  const wire = await hijack(engine, 'starting a program', path, {
    Detach: false,
    Tty: terminal !== undefined,
  }).catch((error) => {
    throw failed(`${command[0]} cannot be started: ${(error as Error).message}`, error)
  })
  wire.on('error', () => {})
  const output = new PassThrough()
  const errors = new PassThrough()
  const close = () => {
    wire.destroy()
    output.end()
    errors.end()
  }
  const read = async () => {
    try {
      if (terminal !== undefined) for await (const piece of wire) await put(output, piece as Uint8Array)
      else await readStreams(wire, (bytes, isError) => put(isError ? errors : output, bytes))
    } catch {
      // Left, or gone with its container.
    }
    output.end()
    errors.end()
  }
  const ended = read().then(async () => {
    for (let looks = 0; looks < LOOKS; looks++) {
      const { Running, ExitCode } = await engine.ask('reading a program', () => made.inspect())
      if (!Running && ExitCode !== null) return ExitCode
      await clock.sleep(LOOK_MS)
    }
    throw failed('it has closed its output and does not end')
  })
  ended.catch(() => {})
  const { Pid } = await engine.ask('reading a program', () => made.inspect()).catch(() => ({ Pid: 0 }))
  const freedoms = Pid > 0 ? ((await findFreedoms(Pid, container)) ?? []) : []
  if (freedoms.length > 0) {
    close()
    throw new NightshiftError(
      'UNCONFINED',
      `the engine did not confine the program: ${freedoms.join('; ')}`,
      {
        advice: 'update the container engine',
      },
    )
  }
  const resize: Execution['resize'] = async ({ rows, columns }) => {
    await engine
      .ask('resizing a terminal', () => made.resize({ h: rows, w: columns }))
      .catch((error) => {
        // Podman answers with a status that dockerode does not expect; the others: it has ended meanwhile.
        if (![201, 404, 409, 500].includes(statusOf(error) ?? 0)) throw error
      })
  }
  if (terminal !== undefined) await resize(terminal)
  return { input: wire as Writable, output, errors, ended, resize, close }
}

/** Resolves when the reader has room for more. */
function put(to: PassThrough, bytes: Uint8Array): Promise<void> | undefined {
  if (to.destroyed || to.write(bytes)) return undefined
  return new Promise((resolve) => {
    const goOn = () => {
      to.off('drain', goOn)
      to.off('close', goOn)
      resolve()
    }
    to.once('drain', goOn)
    to.once('close', goOn)
  })
}

function failed(why: string, cause?: unknown): NightshiftError {
  return new NightshiftError('EXEC_FAILED', `the program could not be run: ${why}`, {
    advice: 'name a program that is in the job’s image, by its path or as its PATH finds it',
    cause,
  })
}
