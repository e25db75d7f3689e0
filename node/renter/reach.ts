import { PassThrough, Writable } from 'node:stream'
import { NightshiftError } from '../../protocols/errors.js'
import { execProtocol, forwardProtocol } from '../../protocols/job/port/protocol.js'
import { errorOf, findMalformedExec, PORT_LIMITS } from '../../protocols/job/port/rules.js'
import type { ExecRequest, ExecResponse, ForwardRequest } from '../../protocols/job/port/wire.js'
import type { Clock, Log } from '../../protocols/ports.js'
import type { Engine, Listen } from '../net/ports.js'
import { carry, type Session, write } from '../net/session.js'
import type { ExecOptions, Execution } from '../runtime/port.js'
import type { LeaseBook, LeaseRecord } from './lease.js'

/** By which a renter reaches into a job that runs, wherever it runs at the moment. */
export interface Reach {
  /**
   * Listens on this machine and carries every connection to a port of the job; while it is listening the job may move to
   * another provider. Throws PORT_IN_USE, PORT_FORBIDDEN.
   */
  forward(job: string, options: ForwardOptions): Promise<Forward>
  /**
   * Runs a program beside the job. Throws NOT_RUNNING, EXEC_NOT_ALLOWED, EXEC_FAILED, MALFORMED, or what the session
   * throws when the provider cannot be reached.
   */
  exec(job: string, command: readonly string[], options?: ExecOptions): Promise<Execution>
}

export interface ForwardOptions {
  /** Of the job; the manifest's `expose` must name it. */
  port: number
  /** Of this machine. Default: any free one. */
  localPort?: number
  /** Default: 127.0.0.1, which only this machine reaches. */
  host?: string
  /** Is told of connections that could not be made. */
  onFailure?: (error: unknown) => void
}

/** Ends with `close`, or with `await using`. */
export interface Forward extends AsyncDisposable {
  readonly host: string
  readonly port: number
  /** `host:port`. */
  readonly address: string
  close(): Promise<void>
}

export function createReach(parts: {
  engine: Engine
  book: LeaseBook
  listen: Listen
  clock: Clock
  log: Log
}): Reach {
  const { engine, book, listen, clock, log } = parts

  /** The lease under which the job runs now. */
  async function leaseOf(job: string): Promise<LeaseRecord> {
    const leases = (await book.list()).map(({ value }) => value)
    const running = leases.filter(({ deployment, state }) => deployment === job && state === 'open')
    const newest = running.sort((a, b) => b.proposedAtMs - a.proposedAtMs)[0]
    if (newest !== undefined) return newest
    throw new NightshiftError('NOT_RUNNING', `the job ${job} does not run at the moment`, {
      advice: 'wait until it runs: "nightshift job logs -f" tells',
      context: { job },
    })
  }

  async function forward(job: string, options: ForwardOptions): Promise<Forward> {
    const { port, localPort = 0, host = '127.0.0.1' } = options
    const onFailure = (error: unknown) => {
      log.debug('a connection to a job has failed', { job, port, error: String(error) })
      options.onFailure?.(error)
    }
    const listener = await listen(
      { host, port: localPort },
      async (socket) => {
        const { peer, address: lease } = await leaseOf(job)
        const session = await engine.open(forwardProtocol, peer)
        try {
          await session.send({ open: { lease, port } })
          const answer = await session.receive()
          if (answer?.denied !== undefined) throw errorOf(answer.denied)
          if (answer?.opened === undefined) throw gone(peer)
        } catch (error) {
          session.abort(error as Error)
          throw error
        }
        await carry(session, socket, {
          wrap: (data): ForwardRequest => ({ data }),
          unwrap: ({ data }) => data,
          pieceBytes: PORT_LIMITS.pieceBytes,
          idleMs: PORT_LIMITS.idleMs,
          clock,
        })
        await session.close()
      },
      onFailure,
    )
    const { close } = listener
    const address = `${listener.host}:${listener.port}`
    return { host: listener.host, port: listener.port, address, close, [Symbol.asyncDispose]: close }
  }

  async function exec(
    job: string,
    command: readonly string[],
    { terminal }: ExecOptions = {},
  ): Promise<Execution> {
    const { peer, address: lease } = await leaseOf(job)
    const open = { lease, command: [...command], ...(terminal === undefined ? {} : { terminal }) }
    const wrong = findMalformedExec(open)
    if (wrong !== undefined) {
      throw new NightshiftError('MALFORMED', wrong, { advice: 'name a program and its arguments' })
    }
    const session = await engine.open(execProtocol, peer)
    try {
      await session.send({ open })
      const answer = await session.receive()
      if (answer?.denied !== undefined) throw errorOf(answer.denied)
      if (answer?.opened === undefined) throw gone(peer)
    } catch (error) {
      session.abort(error as Error)
      throw error
    }
    return follow(session)
  }

  return { forward, exec }
}

/** The program's streams, out of the session's messages. */
function follow(session: Session<ExecRequest, ExecResponse>): Execution {
  let last: Promise<void> = Promise.resolve()
  const send = (message: ExecRequest) => {
    last = last.then(() => session.send(message))
    return last
  }
  const give = async (piece: Uint8Array) => {
    for (let at = 0; at < piece.length; at += PORT_LIMITS.pieceBytes) {
      await send({ input: piece.subarray(at, at + PORT_LIMITS.pieceBytes) })
    }
  }
  const input = new Writable({
    write: (piece: Buffer, _encoding, done) => void give(piece).then(() => done(), done),
    final: (done) => void send({ inputEnd: {} }).then(() => done(), done),
  })
  // A program that has ended takes no more input, and that is no fault.
  input.on('error', () => {})
  const output = new PassThrough()
  const errors = new PassThrough()
  const read = async (): Promise<number> => {
    try {
      for await (const message of session) {
        if (message.output !== undefined) await write(output, message.output)
        else if (message.errors !== undefined) await write(errors, message.errors)
        else if (message.exited !== undefined) return message.exited.code
        else throw new NightshiftError('PROVIDER_FAULTY', 'it says what has no place here', ADVICE)
      }
      throw gone(session.peer)
    } finally {
      output.end()
      errors.end()
      input.destroy()
      void session.close().catch(() => {})
    }
  }
  const ended = read()
  ended.catch(() => {})
  return {
    input,
    output,
    errors,
    ended,
    resize: (size) => send({ resize: size }).catch(() => {}),
    close: () => session.abort(new NightshiftError('SESSION_CANCELLED', 'the renter has left', ADVICE)),
  }
}

const ADVICE = { advice: 'the job’s log and events tell more: "nightshift job logs"' }

function gone(peer: string): NightshiftError {
  return new NightshiftError('PROVIDER_GONE', 'the provider ended the stream too early', {
    ...ADVICE,
    context: { peer },
  })
}
