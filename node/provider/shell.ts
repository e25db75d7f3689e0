import { isRefusal, type Refusal } from '../../protocols/errors.js'
import { execProtocol } from '../../protocols/job/port/protocol.js'
import { findMalformedExec, findMalformedSize, PORT_LIMITS } from '../../protocols/job/port/rules.js'
import type { ExecOpen, ExecRequest, ExecResponse } from '../../protocols/job/port/wire.js'
import { receiveFirst, type Session, write } from '../net/session.js'
import type { Execution } from '../runtime/port.js'
import { findRun, malformed, type PortParts, refusalOf } from './port.js'

type ExecSession = Session<ExecResponse, ExecRequest>

/** Programs beside a renter's own running job, where its order allows them. Resolves to what takes the protocol back. */
export async function servePrograms(parts: PortParts): Promise<() => Promise<void>> {
  const { engine, clock } = parts

  async function serve(session: ExecSession): Promise<void> {
    const open = (await receiveFirst(session, clock))?.open
    const program = open === undefined ? malformed() : await begin(open, session.peer)
    if (isRefusal(program)) {
      const { refused: reason, detail } = program
      return session.send({ denied: { reason, detail: detail.slice(0, PORT_LIMITS.maxDetailChars) } })
    }
    try {
      await follow(session, program)
    } finally {
      program.close()
    }
  }

  async function begin(open: ExecOpen, peer: string): Promise<Execution | Refusal<string>> {
    const wrong = findMalformedExec(open)
    if (wrong !== undefined) return { refused: 'MALFORMED', detail: wrong }
    const run = findRun(parts, open.lease, peer)
    if (isRefusal(run)) return run
    if (run.exec === undefined) {
      return { refused: 'EXEC_NOT_ALLOWED', detail: 'jobs of this runtime run no programs' }
    }
    const { command, terminal } = open
    return run.exec(command, terminal === undefined ? {} : { terminal }).catch(refusalOf)
  }

  await engine.handle(execProtocol, serve)
  return () => engine.unhandle(execProtocol)
}

/** Until the program has ended and all that it said is told; a renter that leaves takes its input away. */
async function follow(session: ExecSession, program: Execution): Promise<void> {
  let last: Promise<void> = Promise.resolve()
  const send = (message: ExecResponse) => {
    last = last.then(() => session.send(message))
    return last
  }
  const tell = async (from: AsyncIterable<Uint8Array>, wrap: (data: Uint8Array) => ExecResponse) => {
    for await (const piece of from) {
      for (let at = 0; at < piece.length; at += PORT_LIMITS.pieceBytes) {
        await send(wrap(piece.subarray(at, at + PORT_LIMITS.pieceBytes)))
      }
    }
  }
  const onGone = () => program.close()
  session.signal.addEventListener('abort', onGone, { once: true })
  await send({ opened: {} })
  // Ends with the session, which ends with the program.
  const obeying = obey(session, program).catch(() => program.close())
  try {
    await Promise.all([
      tell(program.output, (output) => ({ output })),
      tell(program.errors, (errors) => ({ errors })),
    ])
    if (!session.signal.aborted) await send({ exited: { code: await program.ended } })
  } finally {
    session.signal.removeEventListener('abort', onGone)
    void obeying
  }
}

async function obey(session: ExecSession, program: Execution): Promise<void> {
  for await (const { input, inputEnd, resize } of session) {
    if (input !== undefined) await write(program.input, input)
    else if (inputEnd !== undefined) program.input.end()
    else if (resize !== undefined && findMalformedSize(resize) === undefined) await program.resize(resize)
    else throw new Error('a message that has no place here')
  }
}
